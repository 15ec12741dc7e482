//! Cancels a task from anywhere, and nothing else.
//!
//! `async-task` lets only the one owner of a `Task` cancel it. The first [`CancelHandle`] of a task
//! therefore moves the `Task` into a cell that it shares with the [`JoinHandle`](crate::JoinHandle).
//!
//! # Invariants
//!
//! 1. No lock is held while user code runs: whoever polls, cancels or drops the `Task` takes it out of
//!    the cell for as long ([`Stage::Out`]) and puts it back afterwards.
//! 2. Nobody waits in vain: a request to cancel that finds the `Task` out is left as a note
//!    (`wanted`), read by whoever puts it back; a poll that finds it out leaves its waker, woken by
//!    whoever puts it back. `model::task` fails without the note.
//! 3. A cancel handle that outlives the `JoinHandle` keeps neither the future nor the output alive.
//!    When the `JoinHandle` goes first, the cell becomes the task's awaiter, and gives the `Task` up
//!    when it hears that the task has ended.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::hooks::{TaskId, TaskInfo};
use crate::join_handle::{Ended, Task, cancel_task};
use crate::sync::{Lock, has};
use crate::task::Outcome;

/// Cancels a task. Made by [`JoinHandle::cancel_handle`](crate::JoinHandle::cancel_handle).
///
/// The handle may be cloned, sent and kept for as long as one likes. It keeps nothing of the task
/// alive, and once the task has ended it does nothing.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use rejoin::{block_on, spawn};
///
/// let mut handle = spawn(pending::<()>());
/// let stop = handle.cancel_handle();
/// stop.clone().cancel();
/// assert!(block_on(handle.join()).unwrap_err().is_cancelled());
/// stop.cancel();
/// ```
#[doc(alias = "AbortHandle")]
pub struct CancelHandle(Arc<dyn Cancels>);

impl CancelHandle {
    /// Stops the task now: its future is not polled again, and a worker drops it soon.
    ///
    /// Awaiting the [`JoinHandle`](crate::JoinHandle) then panics, its
    /// [`join`](crate::JoinHandle::join) gives an error, unless the task had finished before.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::spawn(std::future::pending::<()>());
    /// handle.cancel_handle().cancel();
    /// assert!(handle.is_finished());
    /// ```
    #[doc(alias = "abort")]
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the task has finished, panicked or been cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::spawn(std::future::pending::<()>());
    /// let stop = handle.cancel_handle();
    /// assert!(!stop.is_finished());
    /// stop.cancel();
    /// assert!(stop.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// The task's id.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::spawn(async {});
    /// assert_eq!(handle.cancel_handle().id(), handle.id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.0.info().id
    }

    /// Which task it is.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::Builder::new().name("listener").spawn(async {});
    /// assert_eq!(handle.cancel_handle().info().name(), Some("listener"));
    /// ```
    pub fn info(&self) -> TaskInfo {
        self.0.info().clone()
    }
}

impl Clone for CancelHandle {
    fn clone(&self) -> Self {
        self.0.count_in();
        Self(Arc::clone(&self.0))
    }
}

impl Drop for CancelHandle {
    fn drop(&mut self) {
        self.0.count_out();
    }
}

impl UnwindSafe for CancelHandle {}
impl RefUnwindSafe for CancelHandle {}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelHandle")
            .field("task", self.0.info())
            .finish_non_exhaustive()
    }
}

/// What a cancel handle asks of the cell, whatever the task's output.
trait Cancels: Send + Sync {
    fn cancel(&self);
    fn is_finished(&self) -> bool;
    fn info(&self) -> &TaskInfo;
    fn count_in(&self);
    fn count_out(&self);
}

/// What the `JoinHandle` asks of the cell. Only it calls this, one call at a time.
pub(crate) trait Shared<R>: Send + Sync {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>>;
    fn is_finished(&self) -> bool;
    fn info(&self) -> &TaskInfo;
    fn cancel(&self);
    fn cancel_handle(&self) -> CancelHandle;
    fn detach(&self);
}

/// Moves `task` into a new cell.
pub(crate) fn share<R: Send + 'static>(task: Task<R>) -> Box<dyn Shared<R>> {
    Box::new(Arc::new(Cell {
        info: task.metadata().info(),
        state: Lock::new(State {
            stage: Stage::Running(task),
            joined: true,
            wanted: false,
            finished: false,
            over: false,
            handles: 0,
            waiting: None,
        }),
    }))
}

struct Cell<R> {
    info: TaskInfo,
    state: Lock<State<R>>,
}

struct State<R> {
    stage: Stage<R>,
    /// The `JoinHandle` is alive.
    joined: bool,
    /// Somebody asked to cancel while the task was out.
    wanted: bool,
    /// The task was seen to have finished, by somebody who then took it out.
    finished: bool,
    /// The task told its awaiter, which is the cell, that it has ended.
    over: bool,
    /// Cancel handles alive.
    handles: usize,
    /// The `JoinHandle`'s awaiter, which came while the task was out.
    waiting: Option<Waker>,
}

enum Stage<R> {
    Running(Task<R>),
    Cancelled(Ended<R>),
    /// In the hands of somebody who will put it back.
    Out,
    /// Given up, or its outcome was taken.
    Done,
}

impl<R: Send + 'static> Cell<R> {
    /// Takes the task out, or leaves a note that says what to do with it.
    fn take(&self, note: impl FnOnce(&mut State<R>)) -> Stage<R> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.stage, Stage::Out) {
            Stage::Out => {
                note(&mut state);
                Stage::Out
            }
            Stage::Done => {
                state.stage = Stage::Done;
                Stage::Done
            }
            stage => {
                state.finished |= match &stage {
                    Stage::Running(task) => task.is_finished(),
                    _ => true,
                };
                stage
            }
        }
    }

    /// Puts the task back, and does what was noted meanwhile. Wakes the awaiter that waits for it.
    fn put_back(&self, mut stage: Stage<R>) {
        loop {
            let mut state = self.state.lock();
            let give_up = !state.joined && (state.over || state.handles == 0);
            if let (Stage::Running(_), true, false) = (&stage, state.wanted, give_up) {
                state.wanted = false;
                state.finished = true;
                drop(state);
                stage = cancelled(stage);
                continue;
            }
            let unwanted = match stage {
                Stage::Cancelled(_) if !state.joined => std::mem::replace(&mut stage, Stage::Done),
                Stage::Running(_) if give_up => std::mem::replace(&mut stage, Stage::Done),
                _ => Stage::Done,
            };
            let wanted = std::mem::replace(&mut state.wanted, false);
            state.stage = stage;
            let waiting = state.waiting.take();
            drop(state);
            give_up_task(unwanted, wanted);
            if let Some(waker) = waiting {
                waker.wake();
            }
            return;
        }
    }
}

/// Cancels the task of a running stage.
fn cancelled<R: Send + 'static>(stage: Stage<R>) -> Stage<R> {
    match stage {
        Stage::Running(task) => Stage::Cancelled(cancel_task(task)),
        stage => stage,
    }
}

/// Lets go of what the cell held: detaches a running task, or cancels it if that was `wanted`.
fn give_up_task<R>(stage: Stage<R>, wanted: bool) {
    match stage {
        // A `Task` that is dropped is cancelled.
        Stage::Running(task) if wanted => drop(task),
        Stage::Running(task) => task.detach(),
        stage => drop(stage),
    }
}

impl<R: Send + 'static> Cancels for Cell<R> {
    fn cancel(&self) {
        let stage = self.take(|state| state.wanted = has!(CancelNote));
        match stage {
            Stage::Running(_) => self.put_back(cancelled(stage)),
            Stage::Cancelled(_) => self.put_back(stage),
            Stage::Out | Stage::Done => {}
        }
    }

    fn is_finished(&self) -> bool {
        let state = self.state.lock();
        match &state.stage {
            Stage::Running(task) => task.is_finished(),
            Stage::Out => state.wanted || state.finished,
            Stage::Cancelled(_) | Stage::Done => true,
        }
    }

    fn info(&self) -> &TaskInfo {
        &self.info
    }

    fn count_in(&self) {
        self.state.lock().handles += 1;
    }

    fn count_out(&self) {
        let mut state = self.state.lock();
        state.handles -= 1;
        if state.handles == 0 && !state.joined {
            if let Stage::Running(_) = state.stage {
                let stage = std::mem::replace(&mut state.stage, Stage::Done);
                drop(state);
                give_up_task(stage, false);
            }
        }
    }
}

impl<R: Send + 'static> Shared<R> for Arc<Cell<R>> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>> {
        // Cloned before the lock is taken: a clone is user code.
        let waker = cx.waker().clone();
        let mut stage = self.take(|state| state.waiting = Some(waker));
        let polled = match &mut stage {
            Stage::Running(task) => Pin::new(task).poll(cx).map(Some),
            Stage::Cancelled(ended) => ended.poll(cx),
            Stage::Out => return Poll::Pending,
            Stage::Done => panic!("a JoinHandle was used after it gave the output; await it once"),
        };
        match polled {
            Poll::Ready(outcome) => {
                let mut state = self.state.lock();
                state.stage = Stage::Done;
                state.wanted = false;
                drop(state);
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                let wanted = self.state.lock().wanted;
                self.put_back(stage);
                if wanted {
                    // Cancelled behind our back: the awaiter has to be registered once more.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    fn is_finished(&self) -> bool {
        Cancels::is_finished(&**self)
    }

    fn info(&self) -> &TaskInfo {
        &self.info
    }

    fn cancel(&self) {
        Cancels::cancel(&**self);
    }

    fn cancel_handle(&self) -> CancelHandle {
        self.count_in();
        CancelHandle(Arc::clone(self) as Arc<dyn Cancels>)
    }

    fn detach(&self) {
        self.state.lock().joined = false;
        let mut stage = self.take(|_| ());
        if let Stage::Running(task) = &mut stage {
            // From now on the cell is the awaiter.
            let waker = Waker::from(Arc::new(Awaiter(Arc::clone(self))));
            if let Poll::Ready(outcome) = Pin::new(task).poll(&mut Context::from_waker(&waker)) {
                self.state.lock().stage = Stage::Done;
                drop(outcome);
                return;
            }
        }
        if !matches!(stage, Stage::Out | Stage::Done) {
            self.put_back(stage);
        }
    }
}

/// Hears of the end of a task whose `JoinHandle` is gone.
struct Awaiter<R>(Arc<Cell<R>>);

impl<R: Send + 'static> Wake for Awaiter<R> {
    fn wake(self: Arc<Self>) {
        let cell = &*self.0;
        let mut state = cell.state.lock();
        state.over = true;
        if let Stage::Running(_) = state.stage {
            let stage = std::mem::replace(&mut state.stage, Stage::Done);
            drop(state);
            give_up_task(stage, false);
        }
    }
}
