//! What a task is called, and what an executor's owner wants to hear of it.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::contain::contained;
use crate::names::Rare;

/// Identifies a task within the process.
///
/// Ids are unique as long as the process lives, and are handed to threads in blocks: they say nothing
/// of the order in which tasks were spawned by different threads.
///
/// # Examples
///
/// ```
/// let first = rejoin::spawn(async {});
/// let second = rejoin::spawn(async {});
/// assert_ne!(first.id(), second.id());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub(crate) u64);

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which task: its id, name, tag and place of spawn.
///
/// Handed to the hooks of an [`ExecutorBuilder`](crate::ExecutorBuilder), and to be had from a
/// [`JoinHandle`](crate::JoinHandle::info). Its [`Display`](fmt::Display) form is what a log line
/// wants: `task 7 "listener" spawned at src/main.rs:12:5`.
///
/// # Examples
///
/// ```
/// let handle = rejoin::Builder::new().name("listener").tag(80).spawn(async {});
/// let info = handle.info();
/// assert_eq!(info.name(), Some("listener"));
/// assert_eq!(info.tag(), 80);
/// assert!(info.to_string().contains("\"listener\" spawned at"));
/// ```
#[derive(Clone)]
pub struct TaskInfo {
    pub(crate) id: TaskId,
    pub(crate) tag: u64,
    pub(crate) location: &'static Location<'static>,
    pub(crate) rare: Option<Arc<Rare>>,
}

impl TaskInfo {
    /// The task's id.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::spawn(async {});
    /// assert_eq!(handle.info().id(), handle.id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The task's name, if it was [given](crate::Builder::name) one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rejoin::spawn(async {}).info().name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.rare.as_deref().map(|rare| &*rare.name)
    }

    /// The task's [tag](crate::Builder::tag), 0 unless it was given one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rejoin::spawn(async {}).info().tag(), 0);
    /// ```
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Where the task was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// let line = line!() + 1;
    /// let handle = rejoin::spawn(async {});
    /// assert_eq!(handle.info().location().line(), line);
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Debug for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskInfo")
            .field("id", &self.id.0)
            .field("name", &self.name())
            .field("tag", &self.tag)
            .field("location", &format_args!("{}", self.location))
            .finish()
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = self.name() {
            write!(f, " {name:?}")?;
        }
        write!(f, " spawned at {}", self.location)
    }
}

/// How a task ended, as told to [`ExecutorBuilder::on_finish`](crate::ExecutorBuilder::on_finish).
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// let (tell, told) = mpsc::channel();
/// let executor = rejoin::Executor::builder()
///     .threads(1)
///     .on_finish(move |_, outcome| tell.send(outcome).unwrap())
///     .build()
///     .unwrap();
/// executor.block_on(async { rejoin::spawn(async {}).await });
/// assert_eq!(told.recv(), Ok(rejoin::Finish::Ready));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finish {
    /// The future was ready.
    Ready,
    /// The future panicked, in a poll or in its drop after it was ready.
    Panicked,
    /// The task was cancelled, or its executor is gone.
    Cancelled,
}

pub(crate) type TaskHook = Box<dyn Fn(&TaskInfo) + Send + Sync>;
pub(crate) type FinishHook = Box<dyn Fn(&TaskInfo, Finish) + Send + Sync>;
pub(crate) type PanicHook = Box<dyn Fn(&TaskInfo, &(dyn Any + Send)) + Send + Sync>;
pub(crate) type ThreadHook = Box<dyn Fn(usize) + Send + Sync>;

/// What to call when; all unset by default.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) spawn: Option<TaskHook>,
    pub(crate) poll_begin: Option<TaskHook>,
    pub(crate) poll_end: Option<TaskHook>,
    pub(crate) finish: Option<FinishHook>,
    pub(crate) panic: Option<PanicHook>,
    pub(crate) thread_start: Option<ThreadHook>,
    pub(crate) thread_stop: Option<ThreadHook>,
}

impl Hooks {
    /// Whether any hook wants to hear of tasks. If not, no task pays more than a branch.
    pub(crate) fn any_for_tasks(&self) -> bool {
        self.spawn.is_some()
            || self.poll_begin.is_some()
            || self.poll_end.is_some()
            || self.finish.is_some()
            || self.panic.is_some()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("any_for_tasks", &self.any_for_tasks())
            .finish_non_exhaustive()
    }
}

/// Calls `hook`, if there is one, with whatever `call` gives it. A hook that panics has had its
/// message printed by the process's panic hook; nothing else comes of it.
pub(crate) fn tell<H>(hook: Option<&H>, call: impl FnOnce(&H)) {
    if let Some(hook) = hook {
        drop(contained(|| call(hook)));
    }
}
