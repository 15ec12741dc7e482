//! The end of an executor with a deadline, and what came of it.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use crate::crew::{Crew, End, Lasting};
use crate::executor::Executor;
use crate::hooks::TaskInfo;
use crate::registry::Ends;

impl Executor {
    /// Cancels all tasks, waits for the end of the polls that are running, but no longer than `limit`, and says
    /// what became of the tasks.
    ///
    /// What is queued or waits is dropped, on the executor's threads, without being polled again, as when the
    /// executor is [dropped](Executor#drop). The difference is in what a poll can do that does not end: it computes
    /// or blocks, or the destructor of a future does. The drop waits for it, and if it never ends, for ever; this does
    /// not. The thread is left to itself, and the [`Report`] names the task. When its poll ends all the same, its
    /// future is dropped there, and the thread ends. Until then it may hold what it borrowed, and who awaits the task
    /// waits.
    ///
    /// Even if all threads are stuck, what they left is dropped: one more thread is started for that. Other executors
    /// and the process go on as ever; to end the process nevertheless, return from `main` or call
    /// [`std::process::exit`].
    ///
    /// `Duration::ZERO` waits for nothing, `Duration::MAX` for as long as it takes. In one of the executor's own
    /// tasks, that task is not waited for and not reported; it is cancelled after its current poll. For spawns, wakers
    /// and handles that come late, the executor is gone.
    ///
    /// # Cost
    ///
    /// Tasks pay nothing for it: a byte is read at the end of each, which was read for the
    /// [hooks](crate::ExecutorBuilder::on_finish) anyway, and three numbers are stored at each poll. The call itself wakes
    /// all tasks that wait, which takes time in proportion, also if `limit` is shorter. The waiting thread looks
    /// after the others up to every 10 milliseconds.
    ///
    /// # In a simulation
    ///
    /// `limit` is virtual time: all that can end without it does so first.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, Executor};
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let executor = Executor::builder().threads(2).build()?;
    /// let (go, wait) = mpsc::channel::<()>();
    /// let (begin, begun) = mpsc::channel();
    /// let stuck = Builder::new().name("reader").on(&executor).spawn(async move {
    ///     begin.send(()).unwrap();
    ///     let _ = wait.recv(); // blocks its thread
    /// });
    /// executor.spawn(std::future::pending::<()>()).detach();
    /// begun.recv().unwrap();
    ///
    /// let report = executor.shutdown(Duration::from_millis(20));
    /// assert_eq!(report.cancelled(), 1);
    /// assert_eq!(report.stuck()[0].task().name(), Some("reader"));
    /// eprintln!("{report}");
    ///
    /// drop(go); // now it can end, and does
    /// assert!(report.wait(Duration::MAX).is_complete());
    /// assert!(stuck.is_finished());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn shutdown(self, limit: Duration) -> Report {
        let crew = Arc::clone(self.crew());
        let end = crew.shut_down(limit);
        Report::new(crew, end)
    }
}

/// What became of an executor's tasks when it was [shut down](Executor::shutdown).
///
/// Its [`Display`](fmt::Display) form is meant for people: a sentence, and a line for each task that is stuck.
///
/// ```text
/// 2 tasks are stuck; 3 finished and 120 were cancelled
///   task 7 "reader" spawned at src/main.rs:12:5 blocks for at least 1.5s
///   task 9 spawned at src/main.rs:30:9 has been polled for at least 20.1ms
/// ```
///
/// # Examples
///
/// ```
/// let executor = rejoin::Executor::new()?;
/// executor.spawn(std::future::pending::<()>()).detach();
/// let report: rejoin::Report = executor.shutdown(std::time::Duration::MAX);
/// assert_eq!(report.to_string(), "the executor has ended; 0 tasks finished and 1 was cancelled");
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Report {
    crew: Arc<Crew>,
    ends: Ends,
    stuck: Vec<Stuck>,
    threads: usize,
}

impl Report {
    fn new(crew: Arc<Crew>, end: End) -> Self {
        Self {
            crew,
            ends: end.ends,
            stuck: end.stuck.into_iter().map(Stuck).collect(),
            threads: end.threads,
        }
    }

    /// How many tasks ended by themselves since the executor was shut down, with an output or by a panic: they were
    /// being polled at that moment.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// assert_eq!(executor.shutdown(std::time::Duration::MAX).finished(), 0);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn finished(&self) -> usize {
        self.ends.finished
    }

    /// How many tasks were cancelled since then, and their futures dropped; those that were spawned too late
    /// included.
    ///
    /// # Examples
    ///
    /// See [`Executor::shutdown`].
    pub fn cancelled(&self) -> usize {
        self.ends.cancelled
    }

    /// The tasks whose polls, or whose futures' drops, had not ended at the deadline: the one that has lasted
    /// longest first.
    ///
    /// # Examples
    ///
    /// See [`Executor::shutdown`].
    pub fn stuck(&self) -> &[Stuck] {
        &self.stuck
    }

    /// Whether everything has ended: no task is left, and no thread polls. (But for the task that asked, if
    /// it was one of the executor's own.)
    ///
    /// If not, and nobody is [stuck](Self::stuck), the deadline came while futures were still being dropped, or just
    /// before the last thread left.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// assert!(executor.shutdown(std::time::Duration::MAX).is_complete());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn is_complete(&self) -> bool {
        self.threads == 0
    }

    /// Waits again for what has not ended, no longer than `limit`, and says how things stand then. The numbers count
    /// from the shutdown.
    ///
    /// # Examples
    ///
    /// See [`Executor::shutdown`].
    pub fn wait(&self, limit: Duration) -> Self {
        Self::new(Arc::clone(&self.crew), self.crew.wait_again(limit))
    }
}

impl UnwindSafe for Report {}
impl RefUnwindSafe for Report {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stuck, threads) = (self.stuck.len(), self.threads);
        match (stuck, threads) {
            (0, 0) => f.write_str("the executor has ended")?,
            (0, 1) => f.write_str("1 thread has not ended yet")?,
            (0, _) => write!(f, "{threads} threads have not ended yet")?,
            (1, _) => f.write_str("1 task is stuck")?,
            _ => write!(f, "{stuck} tasks are stuck")?,
        }
        let finished = self.finished();
        let tasks = match (stuck, finished) {
            (0, 1) => " task",
            (0, _) => " tasks",
            _ => "",
        };
        let cancelled = self.cancelled();
        let were = if cancelled == 1 { "was" } else { "were" };
        write!(
            f,
            "; {finished}{tasks} finished and {cancelled} {were} cancelled"
        )?;
        for one in &self.stuck {
            write!(f, "\n  {one}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("finished", &self.finished())
            .field("cancelled", &self.cancelled())
            .field("stuck", &self.stuck)
            .field("is_complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}

/// A task whose poll had not ended when its executor's [shutdown](Executor::shutdown) had waited for long enough.
///
/// # Examples
///
/// See [`Executor::shutdown`].
#[derive(Clone)]
pub struct Stuck(Lasting);

impl Stuck {
    /// Which task: its id, name, tag and place of spawn.
    pub fn task(&self) -> &TaskInfo {
        &self.0.task
    }

    /// For how long its poll has lasted, at least: since a worker that had nothing to do first saw it, or else since
    /// the executor was shut down. No clock is read when a poll begins.
    pub fn lasted(&self) -> Duration {
        self.0.lasted
    }

    /// Whether it is known to block: in [`block_on`](crate::block_on), or in the work of
    /// [`spawn_blocking`](crate::spawn_blocking) or [`block_in_place`](crate::block_in_place). If not, it computes,
    /// or blocks on something that the executor does not see.
    pub fn is_blocking(&self) -> bool {
        self.0.blocks
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_blocking() {
            "blocks"
        } else {
            "has been polled"
        };
        let (task, lasted) = (self.task(), self.lasted());
        write!(f, "{task} {how} for at least {lasted:.1?}")
    }
}

impl fmt::Debug for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
