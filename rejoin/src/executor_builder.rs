//! What an executor is to be like.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::crew::{Crew, Make, StartError};
use crate::effort::Effort;
use crate::executor::{Executor, set_global};
use crate::hooks::{Finish, Hooks, TaskInfo};
use crate::processors::processors_now;
use crate::sim;
use crate::task::PanicStrategy;

/// The environment variable that says how many threads the global executor has.
const THREADS: &str = "REJOIN_THREADS";
/// And the one that says what it spends on being quick.
const EFFORT: &str = "REJOIN_EFFORT";

/// Most worker threads of one executor: as many as no machine has processors, and few enough for the
/// counters of the idle protocol.
const MOST_THREADS: usize = 1 << 16;

/// Builds an [`Executor`], or configures the global one before its first use.
///
/// # Examples
///
/// ```
/// use rejoin::{Executor, PanicStrategy};
///
/// let executor = Executor::builder()
///     .threads(2)
///     .thread_name(|index| format!("crunch-{index}"))
///     .stack_size(256 * 1024)
///     .panic_strategy(PanicStrategy::Ignore)
///     .on_panic(|task, _payload| eprintln!("{task} panicked"))
///     .build()?;
/// # drop(executor);
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct ExecutorBuilder {
    threads: Option<usize>,
    name: Box<dyn Fn(usize) -> String + Send + Sync>,
    stack_size: Option<usize>,
    effort: Effort,
    panics: PanicStrategy,
    hooks: Hooks,
}

impl ExecutorBuilder {
    pub(crate) fn new() -> Self {
        Self {
            threads: None,
            name: Box::new(|index| format!("rejoin-{index}")),
            stack_size: None,
            effort: Effort::default(),
            panics: PanicStrategy::default(),
            hooks: Hooks::default(),
        }
    }

    /// How many worker threads: by default as many as there are processors to be had.
    ///
    /// Zero is refused by [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// let error = rejoin::Executor::builder().threads(0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "an executor needs at least one thread");
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// What a thread is called, by its index: by default `rejoin-0`, `rejoin-1` and so on.
    ///
    /// Threads that stand in for workers that block have indices too, above those of the first workers.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder()
    ///     .threads(1)
    ///     .thread_name(|index| format!("worker-{index}"))
    ///     .build()?;
    /// let name = executor.spawn(async { std::thread::current().name().map(String::from) });
    /// assert_eq!(rejoin::block_on(name).as_deref(), Some("worker-0"));
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn thread_name(mut self, name: impl Fn(usize) -> String + Send + Sync + 'static) -> Self {
        self.name = Box::new(name);
        self
    }

    /// The size of each thread's stack in bytes: by default what the standard library gives.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder().stack_size(128 * 1024).build()?;
    /// # drop(executor);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// What the executor spends on being quick: by default a [balanced](Effort::Balanced) effort.
    ///
    /// # Examples
    ///
    /// See [`Effort`].
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// What becomes of panics in tasks that do not say otherwise: by default they are propagated.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Executor, PanicStrategy};
    ///
    /// let executor = Executor::builder().panic_strategy(PanicStrategy::Ignore).build()?;
    /// let error = rejoin::block_on(executor.spawn(async { panic!() }).join()).unwrap_err();
    /// assert!(error.into_panic().is_none());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn panic_strategy(mut self, strategy: PanicStrategy) -> Self {
        self.panics = strategy;
        self
    }

    /// Calls `hook` on the worker as soon as a task panics, whatever its strategy: also when the drop
    /// of its future does, after it was ready or cancelled.
    ///
    /// Like all hooks it runs on the spot, so it should be short; a hook that panics is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let executor = rejoin::Executor::builder()
    ///     .on_panic(move |task, _payload| tell.send(task.tag()).unwrap())
    ///     .build()?;
    /// executor.block_on(async {
    ///     rejoin::Builder::new().tag(7).spawn(async { panic!("on purpose") }).detach();
    /// });
    /// assert_eq!(told.recv(), Ok(7));
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on_panic(
        mut self,
        hook: impl Fn(&TaskInfo, &(dyn Any + Send)) + Send + Sync + 'static,
    ) -> Self {
        self.hooks.panic = Some(Box::new(hook));
        self
    }

    /// Calls `hook` where a task is spawned, before it is first scheduled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let spawned = Arc::new(AtomicUsize::new(0));
    /// let count = Arc::clone(&spawned);
    /// let executor = rejoin::Executor::builder()
    ///     .on_spawn(move |_| drop(count.fetch_add(1, Ordering::Relaxed)))
    ///     .build()?;
    /// rejoin::block_on(executor.spawn(async {}));
    /// assert_eq!(spawned.load(Ordering::Relaxed), 1);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on_spawn(mut self, hook: impl Fn(&TaskInfo) + Send + Sync + 'static) -> Self {
        self.hooks.spawn = Some(Box::new(hook));
        self
    }

    /// Calls `hook` on the worker before each poll of a task.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder()
    ///     .on_poll_begin(|task| println!("polling {task}"))
    ///     .on_poll_end(|task| println!("polled {task}"))
    ///     .build()?;
    /// rejoin::block_on(executor.spawn(async {}));
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on_poll_begin(mut self, hook: impl Fn(&TaskInfo) + Send + Sync + 'static) -> Self {
        self.hooks.poll_begin = Some(Box::new(hook));
        self
    }

    /// Calls `hook` on the worker after each poll of a task.
    ///
    /// A task that woke itself is in a queue again by then: its next poll may begin on another worker
    /// before this is told.
    ///
    /// # Examples
    ///
    /// See [`on_poll_begin`](Self::on_poll_begin).
    pub fn on_poll_end(mut self, hook: impl Fn(&TaskInfo) + Send + Sync + 'static) -> Self {
        self.hooks.poll_end = Some(Box::new(hook));
        self
    }

    /// Calls `hook` on the worker when a task has ended and its future is gone.
    ///
    /// # Examples
    ///
    /// See [`Finish`].
    pub fn on_finish(mut self, hook: impl Fn(&TaskInfo, Finish) + Send + Sync + 'static) -> Self {
        self.hooks.finish = Some(Box::new(hook));
        self
    }

    /// Calls `hook` on each new thread with its index, before its first task.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::builder()
    ///     .on_thread_start(|index| println!("thread {index} starts"))
    ///     .on_thread_stop(|index| println!("thread {index} stops"))
    ///     .build()?;
    /// # drop(executor);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn on_thread_start(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.hooks.thread_start = Some(Box::new(hook));
        self
    }

    /// Calls `hook` on each thread with its index, after its last task.
    ///
    /// # Examples
    ///
    /// See [`on_thread_start`](Self::on_thread_start).
    pub fn on_thread_stop(mut self, hook: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.hooks.thread_stop = Some(Box::new(hook));
        self
    }

    /// Starts the executor.
    ///
    /// # Errors
    ///
    /// Fails if the number of threads is zero or above 65,536, or if a thread cannot be started. The error says which
    /// and why; the threads that had been started are gone again.
    ///
    /// # Examples
    ///
    /// ```
    /// let absurd = rejoin::Executor::builder().stack_size(1 << 60).build();
    /// assert!(absurd.unwrap_err().to_string().starts_with("could not start thread 0"));
    /// ```
    pub fn build(self) -> Result<Executor, BuildError> {
        let workers = match self.threads {
            Some(threads) => threads,
            None => sim::workers().unwrap_or_else(processors_now),
        };
        if workers == 0 {
            return Err(BuildError(Cause::NoThreads));
        }
        if workers > MOST_THREADS {
            return Err(BuildError(Cause::TooManyThreads { workers }));
        }
        let crew = Crew::start(Make {
            workers,
            name: self.name,
            stack_size: self.stack_size,
            effort: self.effort,
            panics: self.panics,
            hooks: Arc::new(sim::observe(self.hooks)),
        });
        match crew {
            Ok(crew) => Ok(Executor::with_crew(crew)),
            Err(error) => Err(BuildError(Cause::Thread { workers, error })),
        }
    }

    /// Starts the global executor with this configuration, in place of the default one that the first
    /// [`spawn`](crate::spawn) would start. `REJOIN_THREADS`, if set, overrides the number of threads, and
    /// `REJOIN_EFFORT` the [effort](Self::effort).
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); also if the global executor has been started, or if `REJOIN_THREADS`
    /// is not a number of threads or `REJOIN_EFFORT` not the name of an effort. After an error other than that it has been started, a later call
    /// may try again.
    ///
    /// # Examples
    ///
    /// ```
    /// rejoin::Executor::builder().threads(2).build_global()?;
    /// assert!(rejoin::Executor::builder().build_global().unwrap_err().is_already_started());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn build_global(mut self) -> Result<(), BuildError> {
        set_global(|| {
            let threads = from_environment(THREADS, |text| {
                text.trim().parse().ok().filter(|&threads| threads > 0)
            })?;
            self.threads = threads.or(self.threads);
            let effort = from_environment(EFFORT, |text| text.trim().parse().ok())?;
            self.effort = effort.unwrap_or(self.effort);
            self.build()
        })
    }
}

/// What the environment variable says, if it is set.
fn from_environment<T>(
    variable: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, BuildError> {
    let Some(value) = std::env::var_os(variable) else {
        return Ok(None);
    };
    match value.to_str().and_then(parse) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(BuildError(Cause::Environment {
            variable,
            value: value.to_string_lossy().into_owned(),
        })),
    }
}

impl fmt::Debug for ExecutorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorBuilder")
            .field("threads", &self.threads)
            .field("stack_size", &self.stack_size)
            .field("effort", &self.effort)
            .field("panic_strategy", &self.panics)
            .finish_non_exhaustive()
    }
}

/// Why an executor could not be built.
///
/// # Examples
///
/// ```
/// let error: rejoin::BuildError = rejoin::Executor::builder().threads(0).build().unwrap_err();
/// assert!(!error.is_already_started());
/// println!("cannot start: {error}");
/// ```
#[derive(Debug)]
pub struct BuildError(Cause);

#[derive(Debug)]
enum Cause {
    NoThreads,
    TooManyThreads {
        workers: usize,
    },
    Thread {
        workers: usize,
        error: StartError,
    },
    Environment {
        variable: &'static str,
        value: String,
    },
    Started,
}

impl BuildError {
    pub(crate) fn started() -> Self {
        Self(Cause::Started)
    }

    /// Whether the global executor had been started before.
    ///
    /// # Examples
    ///
    /// See [`ExecutorBuilder::build_global`].
    pub fn is_already_started(&self) -> bool {
        matches!(self.0, Cause::Started)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::NoThreads => f.write_str("an executor needs at least one thread"),
            Cause::TooManyThreads { workers } => write!(
                f,
                "an executor can have at most {MOST_THREADS} threads, not {workers}"
            ),
            Cause::Thread { workers, error } => {
                let StartError { thread, error } = error;
                write!(f, "could not start thread {thread} of {workers}: {error}")
            }
            Cause::Environment { variable, value } => {
                let must = if *variable == EFFORT {
                    "thrifty, balanced or eager"
                } else {
                    "a number of threads, at least 1"
                };
                write!(f, "{variable} is {value:?}, but must be {must}")
            }
            Cause::Started => f.write_str("the global executor has already been started"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Cause::Thread { error, .. } => Some(&error.error),
            _ => None,
        }
    }
}

impl From<BuildError> for io::Error {
    fn from(error: BuildError) -> Self {
        let kind = match &error.0 {
            Cause::NoThreads | Cause::TooManyThreads { .. } | Cause::Environment { .. } => {
                io::ErrorKind::InvalidInput
            }
            Cause::Thread { error, .. } => error.error.kind(),
            Cause::Started => io::ErrorKind::AlreadyExists,
        };
        io::Error::new(kind, error)
    }
}
