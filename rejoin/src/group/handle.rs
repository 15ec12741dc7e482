//! Spawning into a group: by its owner, from its own tasks, from anywhere.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::member::InGroup;
use super::outcome::TrySpawnError;
use super::shared::Shared;
use super::state::State;
use super::turn::InTurn;
use crate::builder::Builder;

/// Spawns into a [`TaskGroup`](crate::TaskGroup) from anywhere, its own tasks included, without keeping it
/// alive.
///
/// It may be cloned, sent and kept for as long as one likes. When the group is cancelled or over, it takes
/// no more tasks: their futures are dropped unpolled.
///
/// # Cost
///
/// 8 bytes; a clone and a drop are those of an `Arc`.
///
/// # Examples
///
/// ```
/// use rejoin::{GroupHandle, TaskGroup, block_on};
///
/// /// Counts down, a task per step.
/// fn step(from: u32, group: GroupHandle<u32>) -> impl Future<Output = u32> + Send {
///     async move {
///         if from > 0 {
///             group.spawn(step(from - 1, group.clone()));
///         }
///         from
///     }
/// }
///
/// let group = TaskGroup::new();
/// group.spawn(step(3, group.handle()));
/// assert_eq!(block_on(group.join()), [3, 2, 1, 0]);
/// ```
pub struct GroupHandle<R: Send + 'static> {
    pub(super) shared: Arc<Shared<R>>,
}

impl<R: Send + 'static> GroupHandle<R> {
    /// As [`TaskGroup::spawn`](crate::TaskGroup::spawn).
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> bool
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.task().spawn(future)
    }

    /// As [`TaskGroup::try_spawn`](crate::TaskGroup::try_spawn).
    ///
    /// # Errors
    ///
    /// If the group is at its limit, or takes no more tasks; with the future.
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.task().try_spawn(future)
    }

    /// As [`TaskGroup::spawn_when_free`](crate::TaskGroup::spawn_when_free).
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn spawn_when_free<F>(&self, future: F) -> impl Future<Output = bool> + Send + use<F, R>
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.task().spawn_when_free(future)
    }

    /// As [`TaskGroup::named`](crate::TaskGroup::named).
    pub fn named(&self, name: impl Into<Cow<'static, str>>) -> GroupTask<'_, R> {
        GroupTask {
            shared: &self.shared,
            builder: Builder::new().name(name),
        }
    }

    /// As [`TaskGroup::cancel`](crate::TaskGroup::cancel). A task that cancels its own group goes on to its
    /// next await.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::<()>::new();
    /// let stop = group.handle();
    /// group.spawn(std::future::pending());
    /// group.spawn(async move { stop.cancel() });
    /// block_on(group.outcomes());
    /// ```
    #[doc(alias = "abort_all")]
    pub fn cancel(&self) {
        self.shared.cancel(None);
    }

    /// Whether the group was cancelled, by whatever: a call, the first failure, a deadline, the group above,
    /// or the drop of its owner.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::<()>::new();
    /// let handle = group.handle();
    /// assert!(!handle.is_cancelled());
    /// drop(group);
    /// assert!(handle.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.shared.with(|state| state.cancelled)
    }

    /// How many tasks the group has taken that have not ended, those that wait for a place included.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = rejoin::TaskGroup::new().limit(1);
    /// group.spawn(std::future::pending::<()>());
    /// group.spawn(std::future::pending());
    /// assert_eq!(group.handle().unfinished(), 2);
    /// ```
    pub fn unfinished(&self) -> usize {
        self.shared.with(|state| state.unfinished())
    }

    pub(super) fn task(&self) -> GroupTask<'_, R> {
        GroupTask {
            shared: &self.shared,
            builder: Builder::new(),
        }
    }
}

impl<R: Send + 'static> Clone for GroupHandle<R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R: Send + 'static> UnwindSafe for GroupHandle<R> {}
impl<R: Send + 'static> RefUnwindSafe for GroupHandle<R> {}

impl<R: Send + 'static> fmt::Debug for GroupHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle")
            .field("unfinished", &self.unfinished())
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}

/// A task about to be spawned into a group, with a name or a tag. Made by
/// [`TaskGroup::named`](crate::TaskGroup::named).
///
/// # Examples
///
/// ```
/// use rejoin::{TaskGroup, block_on};
///
/// let group = TaskGroup::new();
/// group.named("replica b").tag(2).spawn(async {});
/// assert_eq!(block_on(group.outcomes())[0].task().tag(), 2);
/// ```
#[must_use = "nothing happens until it spawns"]
pub struct GroupTask<'group, R: Send + 'static> {
    shared: &'group Arc<Shared<R>>,
    builder: Builder,
}

impl<R: Send + 'static> GroupTask<'_, R> {
    /// Gives the task a number; see [`Builder::tag`].
    pub fn tag(mut self, tag: u64) -> Self {
        self.builder = self.builder.tag(tag);
        self
    }

    /// As [`TaskGroup::spawn`](crate::TaskGroup::spawn).
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> bool
    where
        F: Future<Output = R> + Send + 'static,
    {
        let builder = self.shared.builder(self.builder, Location::caller());
        self.shared.spawn(builder, future)
    }

    /// As [`TaskGroup::try_spawn`](crate::TaskGroup::try_spawn).
    ///
    /// # Errors
    ///
    /// If the group is at its limit, or takes no more tasks; with the future.
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn try_spawn<F>(self, future: F) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        let builder = self.shared.builder(self.builder, Location::caller());
        let spawned = self.shared.try_spawn(builder, future);
        spawned.map_err(|(future, would_wait)| TrySpawnError { future, would_wait })
    }

    /// As [`TaskGroup::spawn_when_free`](crate::TaskGroup::spawn_when_free).
    ///
    /// # Panics
    ///
    /// As a free [`spawn`](crate::spawn) does.
    #[track_caller]
    pub fn spawn_when_free<F>(self, future: F) -> impl Future<Output = bool> + Send + use<F, R>
    where
        F: Future<Output = R> + Send + 'static,
    {
        let builder = self.shared.builder(self.builder, Location::caller());
        let shared = Arc::clone(self.shared);
        async move {
            let Some(key) = InTurn::new(Arc::clone(&shared)).await else {
                return false;
            };
            shared.start(key, |seat| builder.spawn(InGroup::new(future, seat)));
            true
        }
    }
}

impl<R: Send + 'static> fmt::Debug for GroupTask<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTask")
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}

/// The group over which an owner has no more to say: used by its drop.
pub(super) fn abandon<R: Send + 'static>(shared: &Arc<Shared<R>>) {
    use super::state::Keep;

    shared.cancel(None);
    let settled = shared.with(|state| {
        state.keep_less(Keep::Nothing);
        State::take_settled(state)
    });
    shared.close();
    // Outputs are dropped, and contained, by their tasks.
    drop(settled);
}
