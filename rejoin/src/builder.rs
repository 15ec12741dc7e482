//! `spawn`, and a builder for tasks that carry more than a future.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::thread;

use crate::door;
use crate::executor::{Executor, Spawner, global};
use crate::hooks::Rare;
use crate::join_handle::JoinHandle;
use crate::spawn::{Options, start};
use crate::task::{AsResult, Home, PanicStrategy};

/// Starts `future` as a task and returns a handle to its output.
///
/// The task makes progress whether or not the handle is awaited. Dropping the handle detaches the
/// task; [`JoinHandle::cancel`] stops it.
///
/// The task belongs to the executor of the surrounding task or
/// [`Executor::block_on`](crate::Executor::block_on); elsewhere to the global executor, which the first
/// such call starts, with as many threads as there are processors to be had or as the environment
/// variable `REJOIN_THREADS` says. At the end of `main` nothing of the global executor is waited for.
///
/// # Cost
///
/// One allocation for a future of less than 2 KiB, two above. On a worker the task goes to that worker's
/// own queue, without a lock; anywhere else it goes through the injector, which costs one.
///
/// # Panics
///
/// Panics if this is the first use of the global executor and its threads cannot be started, or
/// `REJOIN_THREADS` is not a number of threads. A later call may try again.
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, spawn};
///
/// let answer = spawn(async { 6 * 7 });
/// assert_eq!(block_on(answer), 42);
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let home = current();
    start(Options::plain(home.id), future, home.panics)
}

/// The executor that a free `spawn` means here, and what it does with panics.
#[inline]
pub(crate) fn current() -> Home {
    door::inside().unwrap_or_else(|| global().home())
}

/// Spawns a task that has a name, a tag, or a panic strategy of its own.
///
/// # Examples
///
/// ```
/// use rejoin::{Builder, block_on};
///
/// let handle = Builder::new().name("adder").tag(3).spawn(async { 1 + 1 });
/// assert_eq!(handle.name(), Some("adder"));
/// assert_eq!(block_on(handle), 2);
/// ```
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until it spawns"]
pub struct Builder {
    target: Option<Home>,
    panics: Option<PanicStrategy>,
    tag: u64,
    rare: Option<Arc<Rare>>,
    location: Option<&'static Location<'static>>,
}

impl Builder {
    /// A builder for a task like those of [`spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().spawn(async { 7 });
    /// assert_eq!(rejoin::block_on(handle), 7);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the task, for logs and reports. Costs one allocation.
    ///
    /// # Examples
    ///
    /// ```
    /// let port = 80;
    /// let handle = rejoin::Builder::new().name(format!("listener on {port}")).spawn(async {});
    /// assert_eq!(handle.name(), Some("listener on 80"));
    /// ```
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.rare = Some(Arc::new(Rare { name: name.into() }));
        self
    }

    /// Gives the task a number of the caller's choice: a request, a tenant, a class of work. Costs
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().tag(0xC0FFEE).spawn(async {});
    /// assert_eq!(handle.tag(), 0xC0FFEE);
    /// ```
    pub fn tag(mut self, tag: u64) -> Self {
        self.tag = tag;
        self
    }

    /// Says where the task was spawned, in place of the line that calls [`spawn`](Self::spawn): for code
    /// that spawns on somebody else's behalf later than it was asked to, where `#[track_caller]` cannot
    /// help. Costs nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::Location;
    ///
    /// let (asked, line) = (Location::caller(), line!());
    /// let handle = rejoin::Builder::new().location(asked).spawn(async {});
    /// assert_eq!(handle.location().line(), line);
    /// ```
    pub fn location(mut self, location: &'static Location<'static>) -> Self {
        self.location = Some(location);
        self
    }

    /// What becomes of a panic in the task, in place of the executor's default. A third strategy is
    /// [`spawn_result`](Self::spawn_result).
    ///
    /// # Examples
    ///
    /// See [`PanicStrategy`].
    pub fn panic_strategy(mut self, strategy: PanicStrategy) -> Self {
        self.panics = Some(strategy);
        self
    }

    /// Spawns into the executor of `target` instead of the current one.
    ///
    /// If that executor is gone when the task is spawned, the task is cancelled at once:
    /// [`JoinHandle::join`] says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, Executor, block_on};
    ///
    /// let executor = Executor::new()?;
    /// let handle = Builder::new().name("there").on(&executor).spawn(async { 1 });
    /// assert_eq!(block_on(handle), 1);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into().0);
        self
    }

    /// Starts `future` as a task. See [`spawn`].
    ///
    /// # Panics
    ///
    /// As [`spawn`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().tag(1).spawn(async { "done" });
    /// assert_eq!(rejoin::block_on(handle), "done");
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (options, panics) = self.options();
        start(options, future, panics)
    }

    /// Starts `future` as a task whose panic is part of its output: the handle is one of
    /// [`std::thread::Result`], like what joining a thread gives.
    ///
    /// # Panics
    ///
    /// As [`spawn`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, block_on};
    ///
    /// let handle = Builder::new().spawn_result(async {
    ///     if true {
    ///         panic!("on purpose");
    ///     }
    ///     7
    /// });
    /// let payload = block_on(handle).unwrap_err();
    /// assert_eq!(payload.downcast_ref(), Some(&"on purpose"));
    /// ```
    #[track_caller]
    pub fn spawn_result<F>(self, future: F) -> JoinHandle<thread::Result<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        start(self.options().0, future, AsResult)
    }

    #[track_caller]
    pub(crate) fn options(self) -> (Options, PanicStrategy) {
        let home = self.target.unwrap_or_else(current);
        let plain = Options::plain(home.id);
        let options = Options {
            tag: self.tag,
            rare: self.rare,
            location: self.location.unwrap_or(plain.location),
            ..plain
        };
        (options, self.panics.unwrap_or(home.panics))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.rare.as_deref().map(|rare| &rare.name))
            .field("tag", &self.tag)
            .field("panic_strategy", &self.panics)
            .finish_non_exhaustive()
    }
}

/// An executor that a [`Builder`] spawns into: made of an [`Executor`] or a [`Spawner`] by reference.
///
/// # Examples
///
/// ```
/// use rejoin::{Builder, Executor, Target};
///
/// let executor = Executor::new()?;
/// let target = Target::from(&executor.spawner());
/// Builder::new().on(target).spawn(async {}).detach();
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Target(Home);

impl From<&Executor> for Target {
    fn from(executor: &Executor) -> Self {
        Self(executor.home())
    }
}

impl From<&Spawner> for Target {
    fn from(spawner: &Spawner) -> Self {
        Self(spawner.home())
    }
}
