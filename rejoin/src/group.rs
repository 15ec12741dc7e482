//! A group of tasks with one owner: all their outputs, the first failure, a limit, an end.
//!
//! # Invariants
//!
//! 1. Every task that a group takes ends before the group does: before [`TaskGroup::join`] returns, before
//!    its [`waiter`](TaskGroup::waiter) is done, and before the same of the group above.
//! 2. When the first task fails, the others are cancelled by the thread that saw it fail, before it does
//!    anything else. When the owner goes, likewise, by the drop.
//! 3. No more than the limit run at a time, and who waits for a place gets it in the order of asking.
//! 4. What a group remembers is bounded by the tasks that have not ended and those whose outputs wait to be
//!    taken.
//!
//! # Why they hold
//!
//! All is decided under one lock ([`state`]) and carried out after it ([`shared`]). A task has a seat that
//! speaks exactly once, after the task's future is gone ([`member`]). While anything is live, the group
//! holds one handle of a wait group, which is a child of the one above; so ends propagate upwards by
//! themselves. Cancelling goes downwards over weak references.
//!
//! The group is built on [`JoinHandle`](crate::JoinHandle), [`WaitGroup`](crate::WaitGroup) and
//! [`Builder`](crate::Builder) as users have them; the executor knows nothing of it.

mod handle;
mod join;
mod outcome;
mod member;
mod shared;
mod state;
mod places;
mod turn;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak};

use rejoin_wait_group::Wait;

use self::join::Ending;
use self::shared::{Node, Shared};
use self::state::Keep;
use crate::builder::Target;

pub use self::handle::{GroupHandle, GroupTask};
pub use self::join::{Next, NextOutcome};
pub use self::outcome::{Late, Outcome, TrySpawnError};

/// Owns any number of tasks: waits for all, hands out their outputs, stops the rest when one fails.
///
/// `R` is the output of its tasks. In a group made by [`new`](Self::new) a task fails if it panics; in one
/// made by [`fallible`](Self::fallible), whose tasks give `Result`s, also if it gives an `Err`. The first
/// failure cancels the other tasks at once, and is what [`join`](Self::join) or [`try_join`](Self::try_join)
/// come out with. [`outcomes`](Self::outcomes) has what became of every single task.
///
/// | to | use |
/// |---|---|
/// | spawn, from outside and from the group's own tasks | [`spawn`](Self::spawn); [`handle`](Self::handle) |
/// | take all outputs, in the order of spawns | [`join`](Self::join), [`try_join`](Self::try_join), [`outcomes`](Self::outcomes) |
/// | take them as they come | [`next`](Self::next), [`next_outcome`](Self::next_outcome); `Stream` with the feature `futures` |
/// | run no more than so many at a time | [`limit`](Self::limit), and [`spawn_when_free`](Self::spawn_when_free), [`try_spawn`](Self::try_spawn) |
/// | wait no longer than so long | [`deadline`](Self::deadline), with any timer; it says who was late |
/// | not stop at the first failure | [`keep_going`](Self::keep_going) |
/// | keep no outputs, for years | [`discarding`](Self::discarding) |
/// | group groups | [`within`](Self::within) |
///
/// # Drop
///
/// Dropping the group cancels its tasks and those of the groups [within](Self::within) it. When the drop
/// returns, none of them will be polled again. A poll that is running on another thread goes on to its
/// end, which for a future that does not block is its next await; and the futures themselves are dropped by
/// workers, soon but perhaps later than the drop returns. (A destructor cannot wait in async Rust without
/// blocking a thread.) So nothing runs on unobserved, but whoever must know that *nothing is left* waits:
/// by [`join`](Self::join) or [`outcomes`](Self::outcomes), by the same of the group above, or by a
/// [`waiter`](Self::waiter) taken before:
///
/// ```
/// use rejoin::{TaskGroup, block_on};
///
/// let group = TaskGroup::<()>::new();
/// group.spawn(std::future::pending());
/// let gone = group.waiter();
/// drop(group);
/// block_on(gone); // Its tasks' futures have been dropped.
/// ```
///
/// A group that is leaked with [`std::mem::forget`] lets its tasks run on, as if they were detached.
///
/// # Panics of tasks
///
/// They are told at once, as those of any task: the process's panic hook prints the message, the executor's
/// [`on_panic`](crate::ExecutorBuilder::on_panic) hears of it, the other tasks of the group are cancelled.
/// Nobody need join for that.
///
/// # Cost
///
/// A group is three allocations. A task is one allocation, like any task; one more if it has to wait
/// for its place in a group with a [limit](Self::limit) (or none: its spawner may wait instead). On top of
/// [`spawn`](crate::spawn) and awaiting the handle it costs the group's lock twice when it is spawned and
/// once when it ends, one clone and one drop of an `Arc`, 24 bytes in the task, and about 56 bytes in the
/// group's table until its output is taken. To cancel a task costs two small allocations. Nothing is
/// quadratic: each step takes constant time, `join` may have to sort if outputs were taken out before.
///
/// # Examples
///
/// ```
/// use rejoin::{TaskGroup, block_on};
///
/// let group = TaskGroup::new();
/// for n in 0..10_u64 {
///     group.spawn(async move { n * n });
/// }
/// let squares = block_on(group.join());
/// assert_eq!(squares.iter().sum::<u64>(), 285);
/// ```
#[doc(alias = "JoinSet")]
#[doc(alias = "scope")]
#[must_use = "a group that is dropped cancels its tasks"]
pub struct TaskGroup<R: Send + 'static> {
    handle: GroupHandle<R>,
    wait: Wait,
    /// One that was taken out for `next`, and not yet given.
    ending: Option<Ending<R>>,
    above: Option<Above>,
}

/// The group above, which cancels this one.
struct Above {
    node: Arc<dyn Node>,
    key: usize,
}

impl Drop for Above {
    fn drop(&mut self) {
        self.node.forget(self.key);
    }
}

impl<R: Send + 'static> TaskGroup<R> {
    /// A group whose tasks fail only by a panic.
    ///
    /// Its tasks belong to the executor that a free [`spawn`](crate::spawn) means where they are spawned,
    /// unless [`on`](Self::on) says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::new();
    /// group.spawn(async { "done" });
    /// assert_eq!(rejoin::block_on(group.join()), ["done"]);
    /// ```
    pub fn new() -> Self {
        Self::failing(|_| false)
    }

    fn failing(is_failure: fn(&R) -> bool) -> Self {
        let (shared, wait) = Shared::new(is_failure);
        Self {
            handle: GroupHandle { shared },
            wait,
            ending: None,
            above: None,
        }
    }

    fn shared(&self) -> &Arc<Shared<R>> {
        &self.handle.shared
    }

    // ---- how it is set up ----

    /// Lets at most `limit` tasks run at a time.
    ///
    /// A task has its place from its spawn to its end, also while it waits. Who comes when all places are
    /// taken waits in one queue, first come, first served: tasks, if they were given to
    /// [`spawn`](Self::spawn), or their spawners, if those preferred to wait in
    /// [`spawn_when_free`](Self::spawn_when_free).
    ///
    /// # Panics
    ///
    /// Panics if `limit` is 0: nothing would ever run.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::new().limit(4);
    /// for file in 0..100 {
    ///     group.spawn(async move { file }); // Four at a time.
    /// }
    /// assert_eq!(block_on(group.join()).len(), 100);
    /// ```
    #[doc(alias = "max_concurrency")]
    #[doc(alias = "semaphore")]
    pub fn limit(self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "a task group with a limit of 0 would never run anything"
        );
        self.shared().with(|state| state.places.set_limit(limit));
        self
    }

    /// Spawns into the executor of `target` instead of the current one.
    ///
    /// # Panics
    ///
    /// Panics if it was said before.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Executor, TaskGroup, block_on};
    ///
    /// let executor = Executor::new()?;
    /// let group = TaskGroup::new().on(&executor);
    /// group.spawn(async { 7 });
    /// assert_eq!(block_on(group.join()), [7]);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on(self, target: impl Into<Target>) -> Self {
        let set = self.shared().set_target(target.into());
        assert!(set.is_ok(), "a task group has one executor; call `on` once");
        self
    }

    /// Puts the group below another one: what cancels that one cancels this one too, and that one is not
    /// over before this one is.
    ///
    /// For a part of the work that has a limit, an error type or an end of its own, or that can be stopped
    /// alone. Failures do not go upwards by themselves: the task that joins this group sees them, and may
    /// fail in turn. Say this first; a [`waiter`](Self::waiter) taken before belongs to the group as it was.
    ///
    /// # Cost
    ///
    /// Two allocations.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let server = TaskGroup::<()>::new();
    /// let request = TaskGroup::<u32>::new().within(&server.handle());
    /// request.spawn(std::future::pending());
    /// server.cancel();
    /// assert!(request.is_cancelled());
    /// block_on(request.outcomes());
    /// ```
    #[doc(alias = "child")]
    pub fn within<Q: Send + 'static>(mut self, above: &GroupHandle<Q>) -> Self {
        let node: Arc<dyn Node> = self.shared().clone();
        let node: Weak<dyn Node> = Arc::downgrade(&node);
        let shared = &above.shared;
        let taken = shared.with(|state| {
            let open = state.open.clone().filter(|_| !state.cancelled)?;
            Some((open, state.children.insert(node)))
        });
        let Some((open, key)) = taken else {
            self.cancel();
            return self;
        };
        let child = open.child();
        self.wait = child.waiter();
        // The one before has no waiters, and nothing is live yet.
        let before = self.shared().with(|state| state.open.replace(child));
        drop((before, open));
        let node = Arc::clone(shared) as Arc<dyn Node>;
        self.above = Some(Above { node, key });
        self
    }

    /// Lets the others go on when a task fails.
    ///
    /// [`join`](Self::join) and [`try_join`](Self::try_join) still come out with the first failure, when all
    /// have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::fallible().keep_going();
    /// group.spawn(async { Err("no") });
    /// group.spawn(async { Ok(7) });
    /// let outcomes = block_on(group.outcomes());
    /// assert_eq!(outcomes[1].output(), Some(&Ok(7)));
    /// ```
    #[doc(alias = "supervisor")]
    pub fn keep_going(self) -> Self {
        self.shared().with(|state| state.keep_going = true);
        self
    }

    /// Keeps no outputs: a task that has ended leaves nothing behind in the group, so that a server's can
    /// run for years.
    ///
    /// Only the first failure is kept. So [`join`](Self::join) gives an empty `Vec`, or comes out with that
    /// failure; cancelled tasks do not count. With [`keep_going`](Self::keep_going), one connection that
    /// panics does not end the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let connections = TaskGroup::new().discarding().keep_going().limit(1_000);
    /// for connection in 0..10 {
    ///     connections.spawn(async move { println!("serving {connection}") });
    /// }
    /// assert!(block_on(connections.join()).is_empty());
    /// ```
    pub fn discarding(self) -> Self {
        self.shared().with(|state| state.keep_less(Keep::Failure));
        self
    }

    // ---- spawning ----

    /// A handle that spawns into the group from anywhere, its own tasks included, and does not keep it
    /// alive.
    ///
    /// # Examples
    ///
    /// See [`GroupHandle`].
    pub fn handle(&self) -> GroupHandle<R> {
        self.handle.clone()
    }

    /// Starts `future` as a task of the group, and never waits: if all places of a group with a
    /// [limit](Self::limit) are taken, the task begins when its turn comes.
    ///
    /// Returns whether the group took the task. One that was cancelled or is over does not, and drops
    /// `future`.
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    ///
    /// # Cost
    ///
    /// One allocation, as for any task; one more if it has to wait for its turn.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::new();
    /// assert!(group.spawn(async { 1 }));
    /// group.cancel();
    /// assert!(!group.spawn(async { 2 }));
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> bool
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.handle.task().spawn(future)
    }

    /// Starts `future` as a task of the group if it can run at once.
    ///
    /// # Errors
    ///
    /// If all places of a group with a [limit](Self::limit) are taken, and with that also while others
    /// wait; or if the group was cancelled or is over. The error has the future.
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    ///
    /// # Examples
    ///
    /// See [`TrySpawnError`].
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.handle.task().try_spawn(future)
    }

    /// Waits until there is a place, and then starts `future` as a task of the group. In a group without a
    /// [limit](Self::limit) it does not wait.
    ///
    /// This is how to feed a group from a source without end: no more tasks exist than may run. The returned
    /// future gives whether the group took the task; dropped before, it drops `future` and leaves the queue.
    ///
    /// A task of the group that waits here holds a place while it does. If all do, none moves on: tasks
    /// should [`spawn`](Self::spawn) into their own group.
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    ///
    /// # Cost
    ///
    /// No allocation but the task's. If it has to wait, two locks and the clone of a waker more.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::new().limit(2).discarding();
    /// block_on(async {
    ///     for item in 0..1_000 {
    ///         group.spawn_when_free(async move { drop(item) }).await;
    ///     }
    ///     group.join().await;
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_when_free<F>(&self, future: F) -> impl Future<Output = bool> + Send + use<F, R>
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.handle.task().spawn_when_free(future)
    }

    /// A task with a name, for reports and logs; to be spawned. Costs one allocation.
    ///
    /// # Examples
    ///
    /// See [`GroupTask`].
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> GroupTask<'_, R> {
        self.handle.named(name)
    }

    // ---- its end ----

    /// Stops the group now: its tasks and those of the groups below are not polled again, those that
    /// waited for their place never begin, and it takes no more.
    ///
    /// Outputs of tasks that had ended are kept. The group can still be waited for, best by
    /// [`outcomes`](Self::outcomes).
    ///
    /// # Cost
    ///
    /// Two small allocations and two locks per task.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::<()>::new();
    /// group.spawn(std::future::pending());
    /// group.cancel();
    /// let outcomes = block_on(group.outcomes());
    /// assert!(outcomes[0].result().unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "abort_all")]
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// Whether the group was cancelled; see [`GroupHandle::is_cancelled`].
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::<()>::new();
    /// assert!(!group.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.handle.is_cancelled()
    }

    /// How many tasks the group has taken that have not ended; see [`GroupHandle::unfinished`].
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::new();
    /// group.spawn(std::future::pending::<()>());
    /// assert_eq!(group.unfinished(), 1);
    /// ```
    pub fn unfinished(&self) -> usize {
        self.handle.unfinished()
    }

    /// A waiter for the end of the group: for other tasks, and for threads, with a timeout if need be.
    ///
    /// The end comes when the owner has begun to join the group or has dropped it, and every task and every
    /// group below has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::<()>::new();
    /// group.spawn(std::future::pending());
    /// let gone = group.waiter();
    /// assert!(!gone.is_done());
    /// drop(group);
    /// gone.wait_blocking();
    /// ```
    pub fn waiter(&self) -> Wait {
        self.wait.clone()
    }
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<Result<T, E>> {
    /// A group whose tasks fail also by giving an `Err`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::fallible();
    /// group.spawn(async { Ok(std::future::pending::<()>().await) }); // Cancelled by the next one.
    /// group.spawn(async { Err("no such host") });
    /// assert_eq!(block_on(group.try_join()), Err("no such host"));
    /// ```
    pub fn fallible() -> Self {
        Self::failing(Result::is_err)
    }
}

impl<R: Send + 'static> Default for TaskGroup<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Send + 'static> Drop for TaskGroup<R> {
    fn drop(&mut self) {
        handle::abandon(self.shared());
    }
}

impl<R: Send + 'static> Unpin for TaskGroup<R> {}
impl<R: Send + 'static> UnwindSafe for TaskGroup<R> {}
impl<R: Send + 'static> RefUnwindSafe for TaskGroup<R> {}

impl<R: Send + 'static> fmt::Debug for TaskGroup<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("unfinished", &self.unfinished())
            .field("is_cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
