//! Tasks that are not `Send`: they stay on the thread that spawned them.
//!
//! # Invariant
//!
//! A local task is polled and dropped on its own thread, whoever wakes or cancels it, and every future that
//! was spawned has been dropped when its executor is gone.
//!
//! # Why it holds
//!
//! The compiler sees to the first half. The tasks lie in a slab that is not `Send` ([`tasks`]); what other
//! threads hold of them is a number and the inbox to post it in ([`inbox`]). A local task of `async-task`
//! would travel whole, be checked at each poll, and end the process if its last reference went in the wrong
//! place.
//!
//! The second half: the futures are owned by the slab alone, so the drop of the executor reaches all of them,
//! those that nobody could wake any more included. It cannot come in the middle of a poll of its
//! own tasks, because whoever polls them has borrowed the executor.
//!
//! # Cost
//!
//! One allocation per task, and another one for its waker, which the next task has again if no clone of it is
//! left. No atomic operation but what clones and drops of wakers take; a lock per wake-up that does not come out of
//! a task of the same executor, and two whenever there is nothing left to do.

pub(crate) mod tasks;
mod here;
mod runner;
mod body;
pub(crate) mod inbox;
mod stop;
mod handle;

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::rc::Rc;

use crate::block_on;
use crate::builder::Builder;
use crate::spawn::next_id;

pub use handle::{LocalCancel, LocalHandle, LocalJoin};

use body::Task;
use here::Here;
use runner::Runner;
use tasks::Tasks;

/// Runs futures that are not `Send`, on the thread that made it.
///
/// Tasks are spawned at any time, and make progress while somebody drives them: while the future of
/// [`run`](Self::run) is polled, or in [`block_on`](Self::block_on). Between two such calls they wait.
/// Inside, [`spawn_local`] spawns more of them, and [`spawn`](crate::spawn) means what it means around.
///
/// A task that is woken on another thread is polled on its own; a task that is cancelled from there is dropped
/// on its own. Dropping the executor drops the futures of all that have not ended, and a wake-up that comes later
/// does nothing. Handles are of use after that: those of finished tasks give their output.
///
/// To wait for all tasks of a kind, give them a [`WaitGroup`](crate::WaitGroup):
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use rejoin::{LocalExecutor, WaitGroup, spawn, spawn_local};
///
/// let local = LocalExecutor::new();
/// let sum = Rc::new(Cell::new(0));
/// let group = WaitGroup::new();
/// for n in 0..10 {
///     let (sum, worker) = (Rc::clone(&sum), group.clone());
///     local.spawn(async move {
///         // What may be sent is computed by the workers, beside.
///         let square = spawn(async move { n * n }).await;
///         spawn_local(async move {
///             sum.set(sum.get() + square);
///             drop(worker);
///         })
///         .detach();
///     })
///     .detach();
/// }
/// local.block_on(group.wait());
/// assert_eq!(sum.get(), 285);
/// ```
///
/// # What the compiler sees to
///
/// A local task cannot be sent away, and its executor cannot be dropped in the middle of a poll of its own tasks:
///
/// ```compile_fail,E0277
/// let local = rejoin::LocalExecutor::new();
/// let handle = local.spawn(async { std::rc::Rc::new(7) });
/// rejoin::spawn(async move { handle.await }); // a handle stays on its thread
/// ```
///
/// ```compile_fail,E0505
/// let local = rejoin::LocalExecutor::new();
/// let driven = local.run(async {});
/// drop(local); // it is driven
/// rejoin::block_on(driven);
/// ```
///
/// # Hooks, counts and reports
///
/// Local tasks belong to no [`Executor`](crate::Executor): its hooks do not hear of them, and its
/// [`idle`](crate::idle) does not wait for them.
#[derive(Default)]
pub struct LocalExecutor {
    tasks: Rc<Tasks>,
}

impl LocalExecutor {
    /// An executor without tasks. Starts no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// assert_eq!(local.block_on(async { 7 }), 7);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `future` as a task of this executor and returns a handle to its output.
    ///
    /// The task makes progress while somebody drives the tasks, whether or not the handle is awaited. Dropping
    /// the handle detaches it.
    ///
    /// # Cost
    ///
    /// One allocation, or two.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let local = rejoin::LocalExecutor::new();
    /// let shared = Rc::new(7);
    /// let handle = local.spawn(async move { *shared });
    /// assert_eq!(local.block_on(handle), 7);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> LocalHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        Builder::new().spawn_local_on(self, future)
    }

    /// A future that drives the tasks, and `future` with them, until that is ready. Tasks that have not ended
    /// then wait for the next who drives them.
    ///
    /// It may be awaited in any `block_on` or other executor for one thread, and several may be awaited at a
    /// time. All tasks that are ready have their turn one after another; after some dozens of polls, so have
    /// whoever else is polled by the same thread. `future` is polled whenever this future is.
    ///
    /// # Panics
    ///
    /// When `future` panics. A panic of a task stays in the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{LocalExecutor, block_on, spawn_local};
    ///
    /// let local = LocalExecutor::new();
    /// let answer = block_on(local.run(async {
    ///     let left = spawn_local(async { 6 });
    ///     let right = spawn_local(async { 7 });
    ///     left.await * right.await
    /// }));
    /// assert_eq!(answer, 42);
    /// ```
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let runner = Runner::new(&self.tasks);
        poll_fn(move |cx| {
            let polled = {
                let _here = Here::enter(&self.tasks);
                future.as_mut().poll(cx)
            };
            if polled.is_pending() {
                runner.drive(cx);
            }
            polled
        })
        .await
    }

    /// Drives the tasks, and `future` with them, on the calling thread, until `future` is ready: the same as
    /// [`block_on`](crate::block_on) of [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`block_on`](crate::block_on) does.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// assert_eq!(local.block_on(async { 6 * 7 }), 42);
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on(self.run(future))
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        self.tasks.close();
    }
}

impl UnwindSafe for LocalExecutor {}
impl RefUnwindSafe for LocalExecutor {}

impl fmt::Debug for LocalExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalExecutor")
            .field("tasks", &self.tasks.len())
            .finish()
    }
}

/// Starts `future`, which need not be `Send`, as a task of the [`LocalExecutor`] whose tasks are driven on this
/// thread.
///
/// # Panics
///
/// Panics outside of [`LocalExecutor::run`].
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use rejoin::{LocalExecutor, spawn_local};
///
/// let sum = LocalExecutor::new().block_on(async {
///     let shared = Rc::new(20);
///     let other = Rc::clone(&shared);
///     spawn_local(async move { *other + 1 }).await + *shared
/// });
/// assert_eq!(sum, 41);
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> LocalHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    Builder::new().spawn_local(future)
}

impl Builder {
    /// Starts `future` as a local task of this name, tag and strategy. See [`spawn_local`]. What
    /// [`on`](Self::on) said is of no account: a local task belongs to no [`Executor`](crate::Executor).
    ///
    /// # Panics
    ///
    /// As [`spawn_local`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, LocalExecutor};
    ///
    /// LocalExecutor::new().block_on(async {
    ///     let handle = Builder::new().name("painter").spawn_local(async { 7 });
    ///     assert_eq!(handle.name(), Some("painter"));
    ///     assert_eq!(handle.await, 7);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> LocalHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        let Some(tasks) = here::here() else {
            panic!(
                "spawn_local was called where no LocalExecutor runs; call it inside of \
                 LocalExecutor::run, or use LocalExecutor::spawn"
            );
        };
        spawn_on(&tasks, self, future)
    }

    /// Starts `future` as a task of `executor`, with this name, tag and strategy. See
    /// [`LocalExecutor::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, LocalExecutor, PanicStrategy};
    ///
    /// let local = LocalExecutor::new();
    /// let handle = Builder::new()
    ///     .panic_strategy(PanicStrategy::Ignore)
    ///     .spawn_local_on(&local, async { panic!("nobody minds") });
    /// assert!(local.block_on(handle.join()).unwrap_err().is_panic());
    /// ```
    #[track_caller]
    pub fn spawn_local_on<F>(self, executor: &LocalExecutor, future: F) -> LocalHandle<F::Output>
    where
        F: Future<Output: 'static> + 'static,
    {
        spawn_on(&executor.tasks, self, future)
    }
}

#[track_caller]
fn spawn_on<F>(tasks: &Rc<Tasks>, builder: Builder, future: F) -> LocalHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    let (info, panics) = builder.about_local(next_id());
    let body = Task::boxed(future, panics);
    LocalHandle::new(Rc::clone(tasks), tasks.spawn(body), info)
}
