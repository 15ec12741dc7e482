//! The handle of a local task: a future of its output, on its thread.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{Location, RefUnwindSafe, UnwindSafe, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::cancel_handle::CancelHandle;
use crate::hooks::{TaskId, TaskInfo};
use crate::join_error::JoinError;
use crate::join_handle::{TAKEN, no_output};
use crate::sim;
use crate::task::{Not, Outcome};

use super::tasks::{Key, Tasks};

/// Owns the right to await the output of a task that [`LocalExecutor::spawn`](crate::LocalExecutor::spawn) or
/// [`spawn_local`](crate::spawn_local) started.
///
/// What is said of a [`JoinHandle`](crate::JoinHandle) holds for it, but that it stays on the thread of its
/// task, as the output does. What can stop the task from elsewhere is its
/// [`cancel_handle`](Self::cancel_handle).
///
/// # Panics
///
/// Awaiting the handle panics if the task did, was cancelled by a [`CancelHandle`] or because its executor
/// is gone, and if the handle is awaited again after it gave the output. [`join`](Self::join) does not.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use rejoin::{LocalExecutor, LocalHandle};
///
/// let local = LocalExecutor::new();
/// let handle: LocalHandle<Rc<str>> = local.spawn(async { Rc::from("not Send") });
/// assert_eq!(&*local.block_on(handle), "not Send");
/// ```
pub struct LocalHandle<R> {
    /// `None` once the output was taken.
    tasks: Option<Rc<Tasks>>,
    key: Key,
    info: TaskInfo,
    output: PhantomData<R>,
}

impl<R: 'static> LocalHandle<R> {
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, Not>> {
        sim::point_at_handle(|| self.info.id);
        let tasks = self.tasks.as_ref().expect(TAKEN);
        let outcome = tasks.poll(self.key, cx).map(Outcome::into_result);
        if outcome.is_ready() {
            self.tasks = None;
        }
        outcome
    }

    /// Stops the task, and returns a future of what had come of it.
    ///
    /// The call takes effect at once: the task's future is not polled again, and is dropped the next time that
    /// somebody drives the tasks, or with the executor. What the returned future gives is what that of
    /// [`JoinHandle::cancel`](crate::JoinHandle::cancel) gives.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// let stuck = local.spawn(std::future::pending::<()>());
    /// assert_eq!(local.block_on(stuck.cancel()), None);
    /// ```
    pub fn cancel(self) -> LocalCancel<R> {
        self.tasks.as_ref().expect(TAKEN).cancel(self.key);
        LocalCancel(self)
    }

    /// Stops the task, and waits for nothing: its future is dropped the next time that somebody drives the tasks, or with
    /// the executor.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let local = rejoin::LocalExecutor::new();
    /// let ours = Rc::new(());
    /// let held = Rc::clone(&ours);
    /// let stuck = local.spawn(async move {
    ///     std::future::pending::<()>().await;
    ///     drop(held);
    /// });
    /// stuck.abort();
    /// local.block_on(rejoin::yield_now());
    /// assert_eq!(Rc::strong_count(&ours), 1);
    /// ```
    pub fn abort(self) {
        drop(self.cancel());
    }

    /// A future of the output or the reason why there is none, instead of a panic.
    ///
    /// It holds the handle: dropping it detaches the task.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// let handle = local.spawn(async { panic!("gone") });
    /// let error = local.block_on(handle.join()).unwrap_err();
    /// assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&"gone"));
    /// ```
    pub fn join(self) -> LocalJoin<R> {
        LocalJoin(self)
    }
}

impl<R> LocalHandle<R> {
    pub(super) fn new(tasks: Rc<Tasks>, key: Key, info: TaskInfo) -> Self {
        Self {
            tasks: Some(tasks),
            key,
            info,
            output: PhantomData,
        }
    }

    /// Whether the task has finished, panicked or been cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// let mut handle = local.spawn(async { 1 });
    /// assert!(!handle.is_finished());
    /// local.block_on(&mut handle);
    /// assert!(handle.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        let tasks = self.tasks.as_ref();
        tasks.is_none_or(|tasks| tasks.is_over(self.key))
    }

    /// Lets the task run on by itself: the same as dropping the handle, for those who want to say so.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// local.spawn(async { println!("printed when the tasks are driven next") }).detach();
    /// local.block_on(rejoin::yield_now());
    /// ```
    pub fn detach(self) {}

    /// A handle that can cancel the task, and nothing else, from any thread.
    ///
    /// After [`CancelHandle::cancel`] has returned, the task is not polled again. Its future is dropped on its own
    /// thread, when somebody drives the tasks there.
    ///
    /// # Cost
    ///
    /// One allocation for the first such handle of a task, and a lock per poll of it; tasks that never ask pay nothing.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// let handle = local.spawn(std::future::pending::<()>());
    /// let stop = handle.cancel_handle();
    /// std::thread::spawn(move || stop.cancel());
    /// assert!(local.block_on(handle.join()).unwrap_err().is_cancelled());
    /// ```
    #[doc(alias = "abort_handle")]
    pub fn cancel_handle(&self) -> CancelHandle {
        let tasks = self.tasks.as_ref().expect(TAKEN);
        CancelHandle::new(tasks.stop(self.key, &self.info))
    }

    /// The task's id.
    ///
    /// # Examples
    ///
    /// ```
    /// let local = rejoin::LocalExecutor::new();
    /// assert_ne!(local.spawn(async {}).id(), local.spawn(async {}).id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.info.id
    }

    /// The task's name, if it was [given](crate::Builder::name) one.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, LocalExecutor};
    ///
    /// let local = LocalExecutor::new();
    /// let handle = Builder::new().name("painter").spawn_local_on(&local, async {});
    /// assert_eq!(handle.name(), Some("painter"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.info.name()
    }

    /// The task's [tag](crate::Builder::tag), 0 unless it was given one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rejoin::LocalExecutor::new().spawn(async {}).tag(), 0);
    /// ```
    pub fn tag(&self) -> u64 {
        self.info.tag
    }

    /// Where the task was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::LocalExecutor::new().spawn(async {});
    /// assert!(handle.location().line() > 0);
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.info.location
    }

    /// All of the above in one.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::LocalExecutor::new().spawn(async {});
    /// println!("{} was started", handle.info());
    /// ```
    pub fn info(&self) -> TaskInfo {
        self.info.clone()
    }
}

impl<R: 'static> Future for LocalHandle<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match self.poll_outcome(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(output)) => Poll::Ready(output),
            Poll::Ready(Err(why)) => no_output(why),
        }
    }
}

impl<R> Drop for LocalHandle<R> {
    fn drop(&mut self) {
        if let Some(tasks) = self.tasks.take() {
            tasks.release(self.key);
        }
    }
}

impl<R> Unpin for LocalHandle<R> {}
impl<R> UnwindSafe for LocalHandle<R> {}
impl<R> RefUnwindSafe for LocalHandle<R> {}

impl<R> fmt::Debug for LocalHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalHandle")
            .field("task", &self.info)
            .field("is_finished", &self.is_finished())
            .finish()
    }
}

/// The future of [`LocalHandle::join`].
///
/// # Examples
///
/// ```
/// let local = rejoin::LocalExecutor::new();
/// let join: rejoin::LocalJoin<u8> = local.spawn(async { 1 }).join();
/// assert_eq!(local.block_on(join).unwrap(), 1);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct LocalJoin<R>(LocalHandle<R>);

impl<R: 'static> Future for LocalJoin<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.0.poll_outcome(cx);
        result.map(|result| result.map_err(JoinError::from_reason))
    }
}

/// The future of [`LocalHandle::cancel`].
///
/// # Examples
///
/// ```
/// let local = rejoin::LocalExecutor::new();
/// let cancel: rejoin::LocalCancel<u8> = local.spawn(async { 1 }).cancel();
/// assert_eq!(local.block_on(cancel), None);
/// ```
#[derive(Debug)]
pub struct LocalCancel<R>(LocalHandle<R>);

impl<R: 'static> Future for LocalCancel<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.0.poll_outcome(cx).map(|result| match result {
            Ok(output) => Some(output),
            Err(Not::Panicked(payload)) => resume_unwind(payload.into_inner()),
            Err(Not::Ignored | Not::Cancelled) => None,
            Err(Not::Taken) => panic!("{TAKEN}"),
        })
    }
}
