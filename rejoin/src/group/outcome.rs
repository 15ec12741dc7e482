//! What becomes of a group's tasks, told in full.

use std::fmt;

use crate::hooks::TaskInfo;
use crate::join_error::JoinError;

/// What became of one task of a [`TaskGroup`](crate::TaskGroup): which task it was, and its output or the
/// reason why there is none.
///
/// # Examples
///
/// ```
/// use rejoin::{TaskGroup, block_on};
///
/// let group = TaskGroup::new();
/// group.named("seven").spawn(async { 7 });
/// let outcomes = block_on(group.outcomes());
/// assert_eq!(outcomes[0].task().name(), Some("seven"));
/// assert_eq!(outcomes[0].output(), Some(&7));
/// ```
#[derive(Debug)]
pub struct Outcome<R> {
    pub(super) task: TaskInfo,
    pub(super) result: Result<R, JoinError>,
    pub(super) is_first_failure: bool,
}

impl<R> Outcome<R> {
    /// Which task it was.
    pub fn task(&self) -> &TaskInfo {
        &self.task
    }

    /// The output, unless the task was cancelled or panicked.
    pub fn output(&self) -> Option<&R> {
        self.result.as_ref().ok()
    }

    /// Whether this was the first task of the group to fail: the one for which the others were cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::fallible();
    /// group.spawn(std::future::pending());
    /// group.spawn(async { Err::<(), _>("no such host") });
    /// let outcomes = block_on(group.outcomes());
    /// assert!(outcomes[1].is_first_failure());
    /// assert!(outcomes[0].result().is_err_and(|error| error.is_cancelled()));
    /// ```
    pub fn is_first_failure(&self) -> bool {
        self.is_first_failure
    }

    /// The output, or why there is none.
    pub fn result(&self) -> Result<&R, &JoinError> {
        self.result.as_ref()
    }

    /// The output, or why there is none, to keep.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::new();
    /// group.spawn(async { if true { panic!("on purpose") } });
    /// let outcome = block_on(group.outcomes()).remove(0);
    /// let payload = outcome.into_result().unwrap_err().into_panic().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    /// ```
    pub fn into_result(self) -> Result<R, JoinError> {
        self.result
    }
}

/// A deadline came before the group had ended; says which tasks were late. See
/// [`TaskGroup::deadline`](crate::TaskGroup::deadline).
///
/// Its [`Display`](fmt::Display) form names them: `2 tasks are late: task 7 "replica b" spawned at
/// src/main.rs:12:5, task 9 spawned at src/main.rs:30:9`.
#[derive(Debug)]
pub struct Late {
    pub(super) tasks: Vec<TaskInfo>,
}

impl Late {
    /// The tasks that had not ended, in no particular order, those of groups below included.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let mut group = TaskGroup::<()>::new();
    /// group.named("stuck").spawn(std::future::pending());
    /// let late = block_on(group.deadline(async { /* any timer */ })).unwrap_err();
    /// assert_eq!(late.tasks()[0].name(), Some("stuck"));
    /// ```
    pub fn tasks(&self) -> &[TaskInfo] {
        &self.tasks
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tasks.len() {
            1 => f.write_str("1 task is late")?,
            count => write!(f, "{count} tasks are late")?,
        }
        for (index, task) in self.tasks.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { ", " })?;
            task.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Late {}

/// A group did not take a task at once; gives the future back. See
/// [`TaskGroup::try_spawn`](crate::TaskGroup::try_spawn).
///
/// # Examples
///
/// ```
/// use rejoin::TaskGroup;
///
/// let group = TaskGroup::new().limit(1);
/// group.spawn(std::future::pending::<()>());
/// let error = group.try_spawn(std::future::pending()).unwrap_err();
/// assert!(error.would_wait());
/// assert_eq!(error.to_string(), "the task group is at its limit");
/// let _future = error.into_future();
/// ```
pub struct TrySpawnError<F> {
    pub(super) future: F,
    pub(super) would_wait: bool,
}

impl<F> TrySpawnError<F> {
    /// Whether the group is at its limit. If not, it was cancelled or is over, and takes no more tasks.
    pub fn would_wait(&self) -> bool {
        self.would_wait
    }

    /// The future that was not spawned.
    pub fn into_future(self) -> F {
        self.future
    }
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySpawnError")
            .field("would_wait", &self.would_wait)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.would_wait {
            "the task group is at its limit"
        } else {
            "the task group takes no more tasks"
        })
    }
}

impl<F> std::error::Error for TrySpawnError<F> {}
