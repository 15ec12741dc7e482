//! Work that blocks: on a thread whose place another one takes meanwhile.
//!
//! # Invariant
//!
//! While such work runs, there are as many workers as before to run everything else.
//!
//! # Why it holds
//!
//! The thread gives its seat up first ([`crew::vacate`]), as it does when it blocks in
//! [`block_on`](crate::block_on); the work is a poll like any other, but without a seat. Names, panics,
//! cancellation, hooks and the end of an executor therefore hold for it as for all
//! tasks, and the [rule](crate::crew) for the number of threads is the same.
//!
//! Not promised: a thread, when the system has none to give. Then the work runs all the same and its worker
//! is missed, but what lies in that worker's queue is taken by the others.

use crate::builder::{Builder, current};
use crate::crew;
use crate::executor::Executor;
use crate::join_handle::JoinHandle;
use crate::spawn::{Options, start};

/// Runs `f`, which blocks, as a task, and returns a handle to what it returns.
///
/// For reading files, for computing at length, for libraries that know no `async`: whatever would keep a
/// worker from its other tasks. The task belongs to the executor that [`spawn`](crate::spawn) would choose,
/// is named and cancelled like any other, and its handle is awaited, joined or dropped like any other. A
/// cancellation that comes before it has begun keeps it from beginning; afterwards it runs to its end.
///
/// # How many threads
///
/// One for each call that runs at the moment, beside the workers, and without a limit: who starts a thousand at
/// a time gets a thousand threads. To have fewer, limit what is started, for instance by
/// [`TaskGroup::limit`](crate::TaskGroup). Threads that are no longer needed take the next call, or leave: at most
/// as many as there are workers, and four, wait for one. If the system refuses to start a thread, the call blocks its
/// worker.
///
/// # Cost
///
/// That of a [`spawn`](crate::spawn), and a hand-off of the worker's place to another thread, which takes some
/// microseconds.
///
/// # Panics
///
/// As [`spawn`](crate::spawn) does. A panic of `f` is one of the task.
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, spawn_blocking};
///
/// let manifest = spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(block_on(manifest)?.contains("[package]"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let home = current();
    start(Options::plain(home.id), blocking(f), home.panics)
}

/// Runs `f`, which blocks, within the current task or wherever this is called.
///
/// In a task, another thread takes the worker's place first, with all that lies in its queue, so that nothing
/// waits for `f` but this task. The rest of the poll, too, runs without a worker's place: what it spawns or
/// wakes is taken by others. Elsewhere this is a plain call.
///
/// Prefer [`spawn_blocking`], which lets the rest of the task go on, unless `f` borrows.
///
/// # Cost
///
/// In a task, a hand-off of the worker's place to another thread, which takes some microseconds; once for all
/// calls in one poll.
///
/// # Panics
///
/// When `f` does. If no thread can be started, `f` blocks the worker instead.
///
/// # Examples
///
/// ```
/// use rejoin::{block_in_place, block_on, spawn};
///
/// let task = spawn(async {
///     let path = String::from("Cargo.toml");
///     block_in_place(|| std::fs::metadata(&path).map(|file| file.len()))
/// });
/// assert!(block_on(task)? > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    // On failure the seat stays, and the others rob it.
    let _ = crew::vacate();
    f()
}

async fn blocking<R>(f: impl FnOnce() -> R) -> R {
    block_in_place(f)
}

impl Executor {
    /// Runs `f`, which blocks, as a task of this executor. See [`spawn_blocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let handle = executor.spawn_blocking(|| 7);
    /// assert_eq!(rejoin::block_on(handle), 7);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let home = self.home();
        start(Options::plain(home.id), blocking(f), home.panics)
    }
}

impl Builder {
    /// Runs `f`, which blocks, as a task of this name, tag and strategy. See [`spawn_blocking`].
    ///
    /// # Panics
    ///
    /// As [`spawn_blocking`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::Builder::new().name("reader").spawn_blocking(|| 7);
    /// assert_eq!(handle.name(), Some("reader"));
    /// assert_eq!(rejoin::block_on(handle), 7);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn(blocking(f))
    }
}
