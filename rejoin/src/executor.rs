//! Owns the threads: builder, start, shut down; the global default.

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::block_on::block_on_inside;
use crate::crew::Crew;
use crate::door;
use crate::executor_builder::{BuildError, ExecutorBuilder};
use crate::join_handle::JoinHandle;
use crate::scheduler;
use crate::spawn::{Options, start};
use crate::task::{ExecutorId, Home};

/// An executor of one's own: worker threads, queues and tasks apart from all others.
///
/// Most programs need none and use the global one through [`spawn`](crate::spawn). One of one's own
/// is for work that must not get in the way of the rest, that needs other threads, or that must be gone
/// when its owner is.
///
/// Inside a task of this executor, and inside its [`block_on`](Self::block_on), a free
/// [`spawn`](crate::spawn) means this executor.
///
/// # Drop
///
/// Dropping the executor cancels its tasks: those that are queued or wait are dropped, on its workers,
/// without being polled again. The drop waits for the polls that are running and for nothing else, and
/// then for the threads to end. Inside one of the executor's own tasks it waits for all other threads
/// and leaves its own to end after that poll. A waker, a [`JoinHandle`] or a
/// [`CancelHandle`](crate::CancelHandle) may outlive the executor, on any thread, and is then harmless.
/// A future whose task another thread is waking at that moment is dropped there, when the wake returns at the latest.
///
/// A poll that never ends is waited for for ever. [`shutdown`](Self::shutdown) does the same up to a deadline, and
/// says who was stuck.
///
/// # Examples
///
/// ```
/// let executor = rejoin::Executor::builder().threads(2).build()?;
/// let sum = executor.block_on(async {
///     let left = rejoin::spawn(async { 1 });
///     let right = rejoin::spawn(async { 2 });
///     left.await + right.await
/// });
/// assert_eq!(sum, 3);
/// # Ok::<(), rejoin::BuildError>(())
/// ```
pub struct Executor {
    crew: Arc<Crew>,
}

impl Executor {
    /// Starts an executor with as many threads as there are processors to be had.
    ///
    /// # Errors
    ///
    /// Fails if a thread cannot be started; none is left running then.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// assert_eq!(executor.block_on(executor.spawn(async { 7 })), 7);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// A builder with the defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder().threads(1).build()?;
    /// assert_eq!(executor.threads(), 1);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn builder() -> ExecutorBuilder {
        ExecutorBuilder::new()
    }

    /// Starts `future` as a task of this executor. See [`spawn`](crate::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let handle = executor.spawn(async { "done" });
    /// assert_eq!(rejoin::block_on(handle), "done");
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        start(Options::plain(self.home().id), future, self.home().panics)
    }

    /// Runs `future` to its end on the calling thread, with this executor as the one that a free
    /// [`spawn`](crate::spawn) inside means. See [`block_on`](crate::block_on).
    ///
    /// # Panics
    ///
    /// As [`block_on`](crate::block_on) does.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let text = executor.block_on(async { rejoin::spawn(async { "here" }).await });
    /// assert_eq!(text, "here");
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on_inside(self.home(), future)
    }

    /// A handle that spawns into this executor and does not keep it alive.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let spawner = executor.spawner();
    /// drop(executor);
    /// assert!(spawner.spawn(async {}).is_err());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn spawner(&self) -> Spawner {
        Spawner { home: self.home() }
    }

    /// How many worker threads the executor was built with.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder().threads(3).build()?;
    /// assert_eq!(executor.threads(), 3);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn threads(&self) -> usize {
        self.crew.workers()
    }

    pub(crate) fn with_crew(crew: Arc<Crew>) -> Self {
        Self { crew }
    }

    pub(crate) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    pub(crate) fn home(&self) -> Home {
        self.crew.home()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.crew.close();
    }
}

impl UnwindSafe for Executor {}
impl RefUnwindSafe for Executor {}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

/// Spawns into one [`Executor`] from anywhere, without keeping it alive.
///
/// # Examples
///
/// ```
/// let executor = rejoin::Executor::new()?;
/// let spawner = executor.spawner();
/// std::thread::spawn(move || spawner.spawn(async {}).unwrap().detach())
///     .join()
///     .unwrap();
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Spawner {
    home: Home,
}

impl Spawner {
    /// Spawns into the executor that a free [`spawn`](crate::spawn) means here: that of the surrounding
    /// task or [`Executor::block_on`], elsewhere the global one, which this starts if need be. Costs a
    /// read of a thread-local.
    ///
    /// # Panics
    ///
    /// As [`spawn`](crate::spawn) does.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let spawner = executor.block_on(async { rejoin::Spawner::current() });
    /// drop(executor);
    /// assert!(!spawner.is_alive());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn current() -> Self {
        Self {
            home: crate::builder::current(),
        }
    }

    /// Starts `future` as a task of the executor. See [`spawn`](crate::spawn).
    ///
    /// # Errors
    ///
    /// Fails if the executor is gone or going; `future` is dropped then. If it begins to go at the same
    /// moment, the task is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let handle = executor.spawner().spawn(async { 1 }).unwrap();
    /// assert_eq!(rejoin::block_on(handle), 1);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, SpawnError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        if !self.is_alive() {
            return Err(SpawnError::gone());
        }
        Ok(start(
            Options::plain(self.home.id),
            future,
            self.home.panics,
        ))
    }

    /// Whether the executor still takes tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let spawner = executor.spawner();
    /// assert!(spawner.is_alive());
    /// drop(executor);
    /// assert!(!spawner.is_alive());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        scheduler::is_alive(self.home.id)
    }

    pub(crate) fn home(&self) -> Home {
        self.home
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner")
            .field("is_alive", &self.is_alive())
            .finish_non_exhaustive()
    }
}

/// A [`Spawner`]'s executor is gone.
///
/// # Examples
///
/// ```
/// let spawner = rejoin::Executor::new()?.spawner();
/// let error: rejoin::SpawnError = spawner.spawn(async {}).unwrap_err();
/// assert_eq!(error.to_string(), "the executor is gone");
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[derive(Debug)]
pub struct SpawnError(());

impl SpawnError {
    pub(crate) fn gone() -> Self {
        Self(())
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the executor is gone")
    }
}

impl std::error::Error for SpawnError {}

impl Options {
    /// Neither name nor tag; spawned where the public function was called.
    #[track_caller]
    pub(crate) fn plain(executor: ExecutorId) -> Self {
        Self {
            executor,
            tag: 0,
            rare: None,
            location: Location::caller(),
        }
    }
}

// ---- the global default ----

static GLOBAL: OnceLock<Executor> = OnceLock::new();

/// Makes what `build` builds the global executor, unless there is one.
pub(crate) fn set_global(
    build: impl FnOnce() -> Result<Executor, BuildError>,
) -> Result<(), BuildError> {
    /// Held while the global executor is built: two first uses must not start two.
    static BUILDING: Mutex<()> = Mutex::new(());

    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if GLOBAL.get().is_some() {
        return Err(BuildError::started());
    }
    let built = build()?;
    door::set_global(built.home().id);
    GLOBAL.set(built).map_err(|_| BuildError::started())
}

/// The global executor, started if need be.
///
/// # Panics
///
/// If it cannot be started; the message says why.
#[inline]
pub(crate) fn global() -> &'static Executor {
    GLOBAL.get().unwrap_or_else(start_global)
}

/// Starts the global executor, unless somebody has.
pub(crate) fn start_global_if_none() -> Result<(), BuildError> {
    match Executor::builder().build_global() {
        Err(error) if !error.is_already_started() => Err(error),
        _ => Ok(()),
    }
}

#[cold]
fn start_global() -> &'static Executor {
    match Executor::builder().build_global() {
        Err(error) if !error.is_already_started() => {
            panic!("the global executor could not be started: {error}")
        }
        _ => GLOBAL.get().expect("started by us or by somebody else"),
    }
}
