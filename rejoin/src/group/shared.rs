//! What a group's owner, its handles and its tasks share. Decisions are [`State`]'s, under a lock; here
//! they are carried out, outside of it: wakes, spawns, cancellations and drops are the user's code.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use rejoin_wait_group::{Wait, WaitGroup};

use super::member::{InGroup, Seat};
use super::places::Turn;
use super::state::{Admitted, Held, How, Settled, Start, State, Todo};
use crate::builder::{Builder, Target};
use crate::contain::{contained, wake};
use crate::executor::Spawner;
use crate::hooks::TaskInfo;
use crate::join_handle::JoinHandle;
use crate::sync::{AtomicBool, Lock, Ordering};

pub(super) struct Shared<R: Send + 'static> {
    state: Lock<State<R>>,
    /// Whether the state says so, for a look without the lock.
    cancelled: AtomicBool,
    is_failure: fn(&R) -> bool,
    target: OnceLock<Target>,
}

/// A group below or above another, whatever its tasks' output.
pub(super) trait Node: Send + Sync {
    /// Cancels this group's own tasks, and gives back the groups below. With a `report`, says which tasks
    /// had not ended.
    fn cancel_own(self: Arc<Self>, report: Option<&mut Vec<TaskInfo>>) -> Vec<Arc<dyn Node>>;
    /// The child under this key is gone.
    fn forget(&self, child: usize);
}

impl<R: Send + 'static> Shared<R> {
    pub(super) fn new(is_failure: fn(&R) -> bool) -> (Arc<Self>, Wait) {
        let open = WaitGroup::new();
        let wait = open.waiter();
        let shared = Self {
            state: Lock::new(State::new(open)),
            cancelled: AtomicBool::new(false),
            is_failure,
            target: OnceLock::new(),
        };
        (Arc::new(shared), wait)
    }

    pub(super) fn is_failure(&self, output: &R) -> bool {
        (self.is_failure)(output)
    }

    /// Whether the group was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        // Ordering: Relaxed. Who cancels, and then hands on the news, has written it before; no data hangs on it.
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(super) fn set_target(&self, target: Target) -> Result<(), Target> {
        self.target.set(target)
    }

    /// Looks at the state, or changes it, without any of the user's code.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State<R>) -> T) -> T {
        look(&mut self.state.lock())
    }

    // ---- spawning ----

    /// A builder for the group's tasks that were asked for at `location`.
    pub(super) fn builder(
        &self,
        builder: Builder,
        location: &'static Location<'static>,
    ) -> Builder {
        let target = self.target.get().copied();
        let target = target.unwrap_or_else(|| Target::from(&Spawner::current()));
        builder.on(target).location(location)
    }

    /// Takes the task, now or in its turn; whether it was taken.
    pub(super) fn spawn<F>(self: &Arc<Self>, builder: Builder, future: F) -> bool
    where
        F: Future<Output = R> + Send + 'static,
    {
        let admitted = self.with(State::admit);
        let start = move |seat| builder.spawn(InGroup::new(future, seat));
        match admitted {
            Admitted::Taken(key) => self.start(key, start),
            Admitted::Full => return self.queue(Box::new(start)),
            Admitted::Refused => return false,
        }
        true
    }

    fn queue(self: &Arc<Self>, start: Start<R>) -> bool {
        let mut start = Some(start);
        let admitted = self.with(|state| {
            // There may be a place by now.
            let admitted = state.admit();
            if let Admitted::Full = admitted {
                let key = state.enter();
                let start = start.take().expect("given out once");
                state.places.enter(Turn::Task(key, start));
            }
            admitted
        });
        match (admitted, start) {
            (Admitted::Taken(key), Some(start)) => self.start(key, start),
            (Admitted::Refused, _) => return false,
            _ => {}
        }
        true
    }

    /// Takes the task if there is a place.
    pub(super) fn try_spawn<F>(
        self: &Arc<Self>,
        builder: Builder,
        future: F,
    ) -> Result<(), (F, bool)>
    where
        F: Future<Output = R> + Send + 'static,
    {
        let admitted = self.with(State::admit);
        match admitted {
            Admitted::Taken(key) => {
                self.start(key, |seat| builder.spawn(InGroup::new(future, seat)));
                Ok(())
            }
            Admitted::Full => Err((future, true)),
            Admitted::Refused => Err((future, false)),
        }
    }

    /// Spawns the member's task and keeps its handle.
    pub(super) fn start(
        self: &Arc<Self>,
        key: usize,
        start: impl FnOnce(Seat<R>) -> JoinHandle<R>,
    ) {
        let handle = start(Seat::new(self, key));
        let held = self.with(|state| state.hold(key, Held::Handle(handle)));
        match held {
            Ok(todo) => self.carry_out(todo),
            // Cancelled while it was being spawned.
            Err(handle) => self.cancel_member(key, handle, None),
        }
    }

    // ---- ends ----

    /// The member has ended, and its future is gone.
    pub(super) fn end(self: &Arc<Self>, key: usize, how: How) {
        let todo = self.with(|state| state.end(key, how));
        self.carry_out(todo);
    }

    /// The owner spawns no more.
    pub(super) fn close(self: &Arc<Self>) {
        let todo = self.with(State::close);
        self.carry_out(todo);
    }

    pub(super) fn carry_out(self: &Arc<Self>, todo: Todo<R>) {
        // First what keeps others waiting longest.
        if todo.stop {
            self.cancel(None);
        }
        if let Some(turn) = todo.next {
            self.give_turn(turn);
        }
        for turn in todo.turned_away {
            if let Turn::Spawner(waker) = turn {
                wake(waker);
            }
        }
        // Detaches a task that has ended, or is about to.
        drop(todo.unwanted);
        if let Some(waker) = todo.waker {
            wake(waker);
        }
        // Wakes everybody who waits for the end of the group.
        drop(contained(|| drop(todo.over)));
    }

    /// Hands a place to somebody who waited for it.
    pub(super) fn give_turn(self: &Arc<Self>, turn: Turn<Start<R>>) {
        match turn {
            Turn::Task(key, start) => self.start(key, start),
            Turn::Spawner(waker) => wake(waker),
            Turn::Gap => {}
        }
    }

    // ---- cancelling ----

    /// Cancels all tasks, and those of the groups below, from the top down: a task that waits for a group
    /// below is cancelled before that group is. A `report` gets those that had not ended.
    pub(super) fn cancel(self: &Arc<Self>, mut report: Option<&mut Vec<TaskInfo>>) {
        let mut below = Arc::clone(self).cancel_own(report.as_deref_mut());
        while let Some(node) = below.pop() {
            below.append(&mut node.cancel_own(report.as_deref_mut()));
        }
    }

    fn cancel_member(
        self: &Arc<Self>,
        key: usize,
        handle: JoinHandle<R>,
        report: Option<&mut Vec<TaskInfo>>,
    ) {
        let info = Box::new(handle.info());
        if let Some(report) = report {
            report.push(TaskInfo::clone(&info));
        }
        // It acts at the call; the future is only for those who wait.
        drop(handle.cancel());
        let held = self.with(|state| state.hold(key, Held::Cancelled(info)));
        if let Ok(todo) = held {
            self.carry_out(todo);
        }
    }

    // ---- the owner's side ----

    /// What is settled, or leaves the waker.
    pub(super) fn next(&self, waker: &Waker) -> Settled<R> {
        let looked = self.with(|state| match state.next(&mut None) {
            Settled::Later(_) if !state.has(waker) => None,
            settled => Some(settled),
        });
        looked.unwrap_or_else(|| {
            // Cloned outside of the lock, and dropped there if it is not needed: that is the user's code.
            let mut waker = Some(waker.clone());
            self.with(|state| state.next(&mut waker))
        })
    }
}

impl<R: Send + 'static> Node for Shared<R> {
    fn cancel_own(self: Arc<Self>, mut report: Option<&mut Vec<TaskInfo>>) -> Vec<Arc<dyn Node>> {
        let wanted = report.is_some();
        let (lingering, handles, turns, below) = self.with(|state| {
            let again = mem::replace(&mut state.cancelled, true);
            if again && !wanted {
                return (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            }
            // Ordering: Relaxed; see `is_cancelled`.
            self.cancelled.store(true, Ordering::Relaxed);
            let lingering = state.lingering().take_while(|_| wanted).collect();
            let turns = state.places.close().collect();
            (
                lingering,
                state.take_handles(),
                turns,
                state.children().collect(),
            )
        });
        if let Some(report) = &mut report {
            report.extend(lingering);
        }
        for (key, handle) in handles {
            self.cancel_member(key, handle, report.as_deref_mut());
        }
        for turn in turns {
            match turn {
                // Spawned all the same, never to be polled: so that it is dropped where tasks are, its
                // panics are contained, and its end is told like that of any other.
                Turn::Task(key, start) => {
                    let handle = start(Seat::doomed(&self, key));
                    self.cancel_member(key, handle, report.as_deref_mut());
                }
                Turn::Spawner(waker) => wake(waker),
                Turn::Gap => {}
            }
        }
        below
    }

    fn forget(&self, child: usize) {
        let gone = self.with(|state| state.children.try_remove(child));
        drop(gone);
    }
}
