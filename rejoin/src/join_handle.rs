//! The handle of a task: a future of its output.

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::cancel_handle::{CancelHandle, Shared};
use crate::current;
use crate::hooks::{TaskId, TaskInfo};
use crate::join_error::JoinError;
use crate::sim;
use crate::task::{Meta, Not, Outcome};

pub(crate) type Task<R> = async_task::Task<Outcome<R>, Meta>;

/// Owns the right to await the output of a task.
///
/// The handle is a future of the output: `handle.await`, or `(&mut handle).await` to keep it. Dropping
/// it detaches the task, which runs on by itself, as a `std::thread` would.
///
/// What an awaited handle does when the task panicked is a matter of its
/// [`PanicStrategy`](crate::PanicStrategy); [`join`](Self::join) never panics.
///
/// # Panics
///
/// Awaiting the handle panics if the task was cancelled by a [`CancelHandle`] or because its executor
/// is gone, and if the handle is awaited again after it gave the output.
///
/// A handle that a task awaits from within itself is never ready.
///
/// # Cost
///
/// Two words. Awaiting a task that has not finished costs four atomic operations, one that has finished
/// one.
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, spawn};
///
/// let handle = spawn(async { 6 * 7 });
/// assert_eq!(block_on(handle), 42);
/// ```
pub struct JoinHandle<R> {
    task: Handle<R>,
}

enum Handle<R> {
    /// Ours alone; `None` once the output was taken.
    Own(Option<Task<R>>),
    /// Shared with cancel handles.
    Shared(Box<dyn Shared<R>>),
}

/// What a task could not be moved out for: it is always there while the handle has not given it away.
pub(crate) const TAKEN: &str = "a JoinHandle was used after it gave the output; await it once";

impl<R> JoinHandle<R> {
    pub(crate) fn new(task: Task<R>) -> Self {
        Self {
            task: Handle::Own(Some(task)),
        }
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, Not>> {
        sim::point_at_handle(|| self.id());
        match &mut self.task {
            Handle::Own(task) => {
                let own = task.as_mut().expect(TAKEN);
                let Poll::Ready(outcome) = Pin::new(&mut *own).poll(cx) else {
                    current::note_awaited(own.metadata().id, cx.waker());
                    return Poll::Pending;
                };
                *task = None;
                Poll::Ready(outcome.into_result())
            }
            Handle::Shared(shared) => shared
                .poll(cx)
                .map(|outcome| outcome.map_or(Err(Not::Cancelled), Outcome::into_result)),
        }
    }

    /// Whether the task has finished, panicked or been cancelled: whether awaiting it would not wait
    /// for long.
    ///
    /// After [`CancelHandle::cancel`] this is true although the future may not have been dropped yet.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::spawn(async { 1 });
    /// rejoin::block_on(&mut handle);
    /// assert!(handle.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        match &self.task {
            Handle::Own(task) => task.as_ref().is_none_or(|task| task.is_finished()),
            Handle::Shared(shared) => shared.is_finished(),
        }
    }

    /// Lets the task run on by itself: the same as dropping the handle, for those who want to say so.
    ///
    /// # Examples
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// rejoin::spawn(async move { tell.send("still here").unwrap() }).detach();
    /// assert_eq!(told.recv(), Ok("still here"));
    /// ```
    pub fn detach(self) {}

    /// The task's id.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken, as do the other questions about the task.
    ///
    /// # Examples
    ///
    /// ```
    /// println!("started task {}", rejoin::spawn(async {}).id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.with_info(|meta| meta.id, |info| info.id)
    }

    /// The task's name, if it was [given](crate::Builder::name) one.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().name("listener").spawn(async {});
    /// assert_eq!(handle.name(), Some("listener"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        match &self.task {
            Handle::Own(task) => {
                let meta = task.as_ref().expect(TAKEN).metadata();
                meta.rare.as_deref().map(|rare| &*rare.name)
            }
            Handle::Shared(shared) => shared.info().name(),
        }
    }

    /// The task's [tag](crate::Builder::tag), 0 unless it was given one.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().tag(7).spawn(async {});
    /// assert_eq!(handle.tag(), 7);
    /// ```
    pub fn tag(&self) -> u64 {
        self.with_info(|meta| meta.tag, |info| info.tag)
    }

    /// Where the task was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::spawn(async {});
    /// assert!(handle.location().line() > 0);
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.with_info(|meta| meta.location, |info| info.location)
    }

    /// All of the above in one, to keep when the handle is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::spawn(async {});
    /// let info = handle.info();
    /// rejoin::block_on(handle);
    /// println!("{info} has ended");
    /// ```
    pub fn info(&self) -> TaskInfo {
        self.with_info(Meta::info, TaskInfo::clone)
    }

    fn with_info<T>(&self, own: impl Fn(&Meta) -> T, shared: impl Fn(&TaskInfo) -> T) -> T {
        match &self.task {
            Handle::Own(task) => own(task.as_ref().expect(TAKEN).metadata()),
            Handle::Shared(cell) => shared(cell.info()),
        }
    }

    /// A future of the output or the reason why there is none, instead of a panic.
    ///
    /// It holds the handle: dropping it detaches the task.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{block_on, spawn};
    ///
    /// let handle = spawn(async { panic!("gone") });
    /// let error = block_on(handle.join()).unwrap_err();
    /// let payload = error.into_panic().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&"gone"));
    /// ```
    pub fn join(self) -> Join<R> {
        Join { handle: self }
    }
}

impl<R: Send + 'static> JoinHandle<R> {
    /// Stops the task, and returns a future of what had come of it.
    ///
    /// The call takes effect at once, whether or not the returned future is polled: the task's future
    /// is not polled again, and a worker drops it soon. The returned future gives `Some(output)` if the
    /// task had finished before, and otherwise `None` once the task's future is gone. Dropping it does
    /// not undo anything.
    ///
    /// A task that had panicked gives `None` if its strategy is to ignore panics, resumes the panic if
    /// it is to propagate them, and gives `Some(Err(payload))` if it hands out results.
    ///
    /// # Cost
    ///
    /// One allocation.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use rejoin::{block_on, spawn};
    ///
    /// let stuck = spawn(pending::<()>());
    /// assert_eq!(block_on(stuck.cancel()), None);
    /// ```
    pub fn cancel(mut self) -> Cancel<R> {
        let outcome = match &mut self.task {
            Handle::Own(task) => cancel_task(task.take().expect(TAKEN)),
            Handle::Shared(shared) => {
                shared.cancel();
                return Cancel(Cancelling::Shared(self));
            }
        };
        Cancel(Cancelling::Own(outcome))
    }

    /// Stops the task, and waits for nothing.
    ///
    /// The call takes effect at once: the task's future is not polled again, and a worker drops it soon. What had come of a
    /// task that had finished is dropped.
    ///
    /// # Cost
    ///
    /// No allocation, where [`cancel`](Self::cancel), whose answer can be awaited, takes one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use rejoin::spawn;
    ///
    /// let (alive, gone) = mpsc::channel::<()>();
    /// let stuck = spawn(async move {
    ///     std::future::pending::<()>().await;
    ///     drop(alive);
    /// });
    /// stuck.abort();
    /// assert!(gone.recv().is_err(), "the future and all it owned are dropped");
    /// ```
    pub fn abort(mut self) {
        match &mut self.task {
            // A `Task` that is dropped is cancelled.
            Handle::Own(task) => drop(task.take()),
            Handle::Shared(shared) => shared.cancel(),
        }
    }

    /// A handle that can cancel the task, and nothing else, from anywhere.
    ///
    /// # Cost
    ///
    /// One allocation for the first such handle of a task; tasks that never ask pay nothing.
    ///
    /// # Panics
    ///
    /// Panics if the output has been taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use rejoin::{block_on, spawn};
    ///
    /// let mut handle = spawn(pending::<()>());
    /// let stop = handle.cancel_handle();
    /// std::thread::spawn(move || stop.cancel());
    /// let error = block_on(handle.join()).unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    #[doc(alias = "abort_handle")]
    pub fn cancel_handle(&mut self) -> CancelHandle {
        if let Handle::Own(task) = &mut self.task {
            self.task = Handle::Shared(crate::cancel_handle::share(task.take().expect(TAKEN)));
        }
        match &self.task {
            Handle::Shared(shared) => shared.cancel_handle(),
            Handle::Own(_) => unreachable!("shared above"),
        }
    }
}

/// What becomes of a task that was cancelled; a boxed future of `async-task`.
pub(crate) type Outcoming<R> = Pin<Box<dyn Future<Output = Option<Outcome<R>>> + Send>>;

/// Cancels `task` now. (`async-task`'s `cancel` does nothing until it is polled.)
pub(crate) fn cancel_task<R: Send + 'static>(task: Task<R>) -> Ended<R> {
    let mut outcome: Outcoming<R> = Box::pin(task.cancel());
    match outcome
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(outcome) => Ended::Now(Some(outcome)),
        Poll::Pending => Ended::Soon(outcome),
    }
}

/// A task that was cancelled: what had come of it, or a future of that.
pub(crate) enum Ended<R> {
    /// `None` once it was taken.
    Now(Option<Option<Outcome<R>>>),
    Soon(Outcoming<R>),
}

impl<R> Ended<R> {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>> {
        match self {
            Self::Now(outcome) => Poll::Ready(outcome.take().expect(TAKEN)),
            Self::Soon(outcome) => outcome.as_mut().poll(cx),
        }
    }
}

impl<R> Future for JoinHandle<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match self.poll_outcome(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(output)) => Poll::Ready(output),
            Poll::Ready(Err(why)) => no_output(why),
        }
    }
}

#[cold]
pub(crate) fn no_output(why: Not) -> ! {
    match why {
        Not::Panicked(payload) => resume_unwind(payload.into_inner()),
        Not::Ignored => panic!(
            "a task was awaited that had panicked, and its strategy was to ignore that; use \
             JoinHandle::join to learn of it without a panic"
        ),
        Not::Cancelled => panic!(
            "a task was awaited after it had been cancelled; use JoinHandle::join to learn of it \
             without a panic"
        ),
        Not::Taken => panic!("{TAKEN}"),
    }
}

impl<R> Drop for JoinHandle<R> {
    fn drop(&mut self) {
        match &mut self.task {
            Handle::Own(task) => {
                if let Some(task) = task.take() {
                    task.detach();
                }
            }
            Handle::Shared(shared) => shared.detach(),
        }
    }
}

impl<R> Unpin for JoinHandle<R> {}
impl<R> UnwindSafe for JoinHandle<R> {}
impl<R> RefUnwindSafe for JoinHandle<R> {}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("JoinHandle");
        match &self.task {
            Handle::Own(None) => f.field("task", &"output taken"),
            _ => f
                .field("task", &self.info())
                .field("is_finished", &self.is_finished()),
        };
        f.finish()
    }
}

/// The future of [`JoinHandle::join`].
///
/// # Examples
///
/// ```
/// let join: rejoin::Join<u8> = rejoin::spawn(async { 1 }).join();
/// assert_eq!(rejoin::block_on(join).unwrap(), 1);
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Join<R> {
    handle: JoinHandle<R>,
}

impl<R> Future for Join<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.handle.poll_outcome(cx);
        result.map(|result| result.map_err(JoinError::from_reason))
    }
}

impl<R> fmt::Debug for Join<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Join").field(&self.handle).finish()
    }
}

/// The future of [`JoinHandle::cancel`].
///
/// # Examples
///
/// ```
/// let done = rejoin::spawn(async { 1 });
/// while !done.is_finished() {
///     std::thread::yield_now();
/// }
/// let cancel: rejoin::Cancel<u8> = done.cancel();
/// assert_eq!(rejoin::block_on(cancel), Some(1));
/// ```
pub struct Cancel<R>(Cancelling<R>);

enum Cancelling<R> {
    Own(Ended<R>),
    Shared(JoinHandle<R>),
}

impl<R> Future for Cancel<R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let result = match &mut self.0 {
            Cancelling::Own(ended) => match ended.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(outcome) => outcome.map_or(Err(Not::Cancelled), Outcome::into_result),
            },
            Cancelling::Shared(handle) => match handle.poll_outcome(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result,
            },
        };
        match result {
            Ok(output) => Poll::Ready(Some(output)),
            Err(Not::Panicked(payload)) => resume_unwind(payload.into_inner()),
            Err(Not::Ignored | Not::Cancelled) => Poll::Ready(None),
            Err(Not::Taken) => panic!("{TAKEN}"),
        }
    }
}

impl<R> Unpin for Cancel<R> {}
impl<R> UnwindSafe for Cancel<R> {}
impl<R> RefUnwindSafe for Cancel<R> {}

impl<R> fmt::Debug for Cancel<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").finish_non_exhaustive()
    }
}
