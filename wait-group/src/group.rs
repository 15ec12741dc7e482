//! The worker handle.

use alloc::borrow::Cow;
use core::fmt;
use core::future::IntoFuture;
use core::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::Arc;
use crate::unit::Unit;
use crate::wait::Wait;
use crate::workers::Workers;

/// A worker of a group that can be waited for.
///
/// Cloning the handle makes one more worker. Dropping it, in whatever way (by `drop`,
/// [`done`](Self::done), a panic, the cancellation of the task that owns it), says that this worker
/// is done. The group is done when all its workers are. That is final: nobody can join a group that
/// is done, and its waiters never wait again.
///
/// Completion publishes: what any worker wrote before its handle was dropped is visible to everyone
/// whose wait has ended.
///
/// # Cost
///
/// A group is two allocations. A handle is 8 bytes, and to clone or drop it is to clone or drop an
/// [`Arc`](alloc::sync::Arc): one atomic operation. Only the last drop locks, and it frees but never
/// allocates; it takes time in proportion to the number of waiters.
///
/// With the feature `trace`, a handle costs an allocation and a lock to make and a lock to drop.
///
/// # Panics
///
/// If a waiter's [`Waker`](core::task::Waker) panics when it is woken, the drop of the last handle
/// passes the first such panic on, after everybody else has been woken and the parent group
/// released; or drops it, if its thread is unwinding already. (Without `std`, where a panic cannot be
/// caught, a second one aborts.)
///
/// Like an `Arc`, a group aborts the process rather than have its count overflow, at `isize::MAX`
/// workers.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::{sync::Arc, thread};
/// use rejoin_wait_group::WaitGroup;
///
/// let sum = Arc::new(AtomicU32::new(0));
/// let group = WaitGroup::new();
/// for part in 1..=4 {
///     let (worker, sum) = (group.clone(), sum.clone());
///     thread::spawn(move || {
///         sum.fetch_add(part, Relaxed);
///         drop(worker);
///     });
/// }
/// smol::block_on(group.wait());
/// assert_eq!(sum.load(Relaxed), 10);
/// ```
pub struct WaitGroup(pub(crate) Unit);

impl WaitGroup {
    /// Makes a group, and its first worker's handle.
    ///
    /// # Cost
    ///
    /// Two allocations.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// assert_eq!(group.workers(), 1);
    /// ```
    #[must_use = "a group whose only handle is dropped is done"]
    #[cfg_attr(feature = "trace", track_caller)]
    pub fn new() -> Self {
        Self::from_workers(Workers::new(None))
    }

    /// One more worker, with a name.
    ///
    /// The name is kept with the feature `trace`, for [`outstanding`](WaitGroup#method.outstanding) and the
    /// errors of timeouts, and passes to this handle's clones. Without the feature this is
    /// [`clone`](Clone::clone).
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let index = group.named("index");
    /// let shard = group.named(format!("shard {}", 7));
    /// assert_eq!(group.workers(), 3);
    /// # #[cfg(feature = "trace")]
    /// assert_eq!(group.outstanding()[2].name(), Some("shard 7"));
    /// ```
    #[must_use = "a worker whose handle is dropped is done"]
    #[cfg_attr(feature = "trace", track_caller)]
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> WaitGroup {
        #[cfg(feature = "trace")]
        return WaitGroup(Unit::named(
            Arc::clone(self.0.workers()),
            Some(name.into().into()),
        ));
        #[cfg(not(feature = "trace"))]
        {
            drop(name.into());
            self.clone()
        }
    }

    /// This worker is done: [`drop`] under a name that says so.
    ///
    /// Nobody is done twice:
    ///
    /// ```compile_fail,E0382
    /// let worker = rejoin_wait_group::WaitGroup::new();
    /// worker.done();
    /// worker.done();
    /// ```
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let waiter = group.waiter();
    /// group.done();
    /// assert!(waiter.is_done());
    /// ```
    pub fn done(self) {}

    /// Gives up this handle, now, and waits for the other workers.
    ///
    /// `group.await` is the same.
    ///
    /// # Cost
    ///
    /// Two atomic operations; for the wait itself see [`Wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// # smol::block_on(async {
    /// let group = WaitGroup::new();
    /// smol::spawn(group.track(async { /* work */ })).detach();
    /// group.wait().await;
    /// # });
    /// ```
    pub fn wait(self) -> Wait {
        self.waiter()
    }

    /// A waiter for this group, which does not count as a worker.
    ///
    /// A task that awaits it while it keeps its own handle waits for itself, for ever: that is what
    /// [`wait`](Self::wait) is for.
    ///
    /// # Cost
    ///
    /// One atomic operation.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let waiter = group.waiter();
    /// assert_eq!(group.workers(), 1);
    /// drop(group);
    /// smol::block_on(waiter);
    /// ```
    pub fn waiter(&self) -> Wait {
        Wait::new(Arc::clone(&self.0.workers().waiters))
    }

    /// How many workers are at work, this one included.
    ///
    /// Others may join and finish meanwhile: the number is for people to read, not for code to
    /// decide by. To join only while there is a worker, see [`Wait::try_join`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let worker = group.clone();
    /// assert_eq!(group.workers(), 2);
    /// drop(worker);
    /// assert_eq!(group.workers(), 1);
    /// ```
    pub fn workers(&self) -> usize {
        Arc::strong_count(self.0.workers())
    }

    /// Makes a group that is one worker of this one, and the first worker's handle of that group.
    ///
    /// This group waits for the child, and with it for all that join the child later. The child can
    /// be waited for by itself. Groups nest to any depth; to complete a chain of them takes no stack.
    ///
    /// # Cost
    ///
    /// Two allocations, as for a new group.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let service = WaitGroup::new();
    /// let connections = service.child();
    /// let connection = connections.clone();
    /// assert_eq!(service.workers(), 2);
    ///
    /// let (all, closed) = (service.wait(), connections.wait());
    /// assert!(!closed.is_done() && !all.is_done());
    /// drop(connection);
    /// assert!(closed.is_done() && all.is_done());
    /// ```
    #[must_use = "a group whose only handle is dropped is done"]
    #[cfg_attr(feature = "trace", track_caller)]
    pub fn child(&self) -> WaitGroup {
        Self::from_workers(Workers::new(Some(self.0.clone())))
    }

    /// Whether both are workers of the same group. A child is not the same group as its parent.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// assert!(group.same_group(&group.clone()));
    /// assert!(!group.same_group(&group.child()));
    /// assert!(!group.same_group(&WaitGroup::new()));
    /// ```
    pub fn same_group(&self, other: &WaitGroup) -> bool {
        Arc::ptr_eq(self.0.workers(), other.0.workers())
    }

    /// The handle for a count that the caller has taken.
    #[cfg_attr(feature = "trace", track_caller)]
    pub(crate) fn from_workers(workers: Arc<Workers>) -> Self {
        WaitGroup(Unit::new(workers))
    }
}

/// One more worker.
impl Clone for WaitGroup {
    #[cfg_attr(feature = "trace", track_caller)]
    fn clone(&self) -> Self {
        WaitGroup(self.0.clone())
    }
}

impl Default for WaitGroup {
    #[cfg_attr(feature = "trace", track_caller)]
    fn default() -> Self {
        Self::new()
    }
}

/// `group.await` is `group.wait().await`.
impl IntoFuture for WaitGroup {
    type Output = ();
    type IntoFuture = Wait;

    fn into_future(self) -> Wait {
        self.wait()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("WaitGroup");
        #[cfg(feature = "trace")]
        if let Some(name) = self.0.seat().name() {
            debug.field("name", &name);
        }
        debug.field("workers", &self.workers()).finish()
    }
}

// No panic can leave a group half changed: the lock covers moves of whole values only. Said
// outright, so that it does not depend on the lock that was chosen.
impl UnwindSafe for WaitGroup {}
impl RefUnwindSafe for WaitGroup {}
