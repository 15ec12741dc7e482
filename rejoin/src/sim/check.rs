//! Runs a test under one schedule, or under many.

use std::any::Any;
use std::collections::BTreeSet;
use std::env;
use std::future::Future;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::baton::{Baton, Failure, Interrupted};
use super::thread::{begin, poll_begins, poll_ends, run_as, with_turn};
use super::trace::Trace;
use crate::executor::Executor;
use crate::hooks::{Hooks, tell};

/// The environment variable with which one seed, or a range of them, replaces those of every test.
const SEED: &str = "REJOIN_SIM_SEED";
/// With this one set, each step is written to stderr.
const TRACE: &str = "REJOIN_SIM_TRACE";

/// Most workers that a seed chooses.
const MOST_WORKERS: u64 = 4;
const MOST_STEPS: u64 = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the test that `test` makes once under the schedule of each of the `seeds`.
///
/// The test runs in [`Executor::block_on`](crate::Executor::block_on) on a thread of its own, beside an
/// executor of one to four workers, which the seed chooses; [`Simulation`] can be told how many. When the
/// test has ended, what it left is cancelled.
///
/// The environment variable `REJOIN_SIM_SEED`, a number or a range like `3..1000`, replaces the seeds, and
/// `REJOIN_SIM_TRACE=1` writes each step to stderr.
///
/// # Panics
///
/// Panics as the test does; and if it deadlocks, does not end, or blocks where the simulation does not see
/// it. The seed, and the command that replays it, are written to stderr.
///
/// # Examples
///
/// ```
/// use rejoin::{WaitGroup, sim, spawn};
///
/// let seen = sim::check(0..50, || async {
///     let group = WaitGroup::new();
///     for _ in 0..3 {
///         let worker = group.clone();
///         spawn(async move { drop(worker) });
///     }
///     group.wait().await;
/// });
/// assert_eq!(seen.schedules(), 50);
/// assert!(seen.distinct() > 25);
/// ```
pub fn check<F, Fut>(seeds: impl IntoIterator<Item = u64>, test: F) -> Seen
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()>,
{
    let test = Arc::new(test);
    let mut traces = BTreeSet::new();
    let mut schedules = 0;
    let mut one = |seed| {
        let test = Arc::clone(&test);
        traces.insert(Simulation::new(seed).run(move || test()).trace);
        schedules += 1;
    };
    match env::var(SEED) {
        Ok(text) => replayed(&text).for_each(&mut one),
        Err(_) => seeds.into_iter().for_each(&mut one),
    }
    Seen { schedules, traces }
}

/// The seeds that the environment variable names.
fn replayed(text: &str) -> Range<u64> {
    let range = match text.split_once("..") {
        Some((from, to)) => from.parse().ok().zip(to.parse().ok()),
        None => text.parse().ok().map(|seed: u64| (seed, seed + 1)),
    };
    let (from, to) = range.unwrap_or_else(|| {
        panic!("{SEED} is {text:?}, which is neither a seed nor a range of them like 3..1000")
    });
    from..to
}

/// What [`check`] has seen.
///
/// # Examples
///
/// See [`check`].
#[derive(Clone, Debug)]
pub struct Seen {
    schedules: u64,
    traces: BTreeSet<u64>,
}

impl Seen {
    /// How many schedules were run: one for each seed.
    ///
    /// # Examples
    ///
    /// See [`check`].
    pub fn schedules(&self) -> u64 {
        self.schedules
    }

    /// How many of them differed, in the order of threads or of polls.
    ///
    /// # Examples
    ///
    /// See [`check`].
    pub fn distinct(&self) -> usize {
        self.traces.len()
    }
}

/// One schedule of a test.
///
/// # Examples
///
/// ```
/// use rejoin::{sim::Simulation, spawn};
///
/// let run = |seed| {
///     Simulation::new(seed).workers(2).run(|| async {
///         let (left, right) = (spawn(async { 1 }), spawn(async { 2 }));
///         assert_eq!(left.await + right.await, 3);
///     })
/// };
/// assert_eq!(run(5), run(5));
/// assert_ne!(run(5), run(6));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a simulation does nothing until it is run"]
pub struct Simulation {
    seed: u64,
    workers: Option<usize>,
    most_steps: u64,
    patience: Duration,
}

impl Simulation {
    /// The schedule that `seed` means. Which one that is may change from version to version of this crate.
    ///
    /// # Examples
    ///
    /// See [`Simulation`].
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            workers: None,
            most_steps: MOST_STEPS,
            patience: PATIENCE,
        }
    }

    /// How many workers, in place of the seed's choice.
    ///
    /// # Examples
    ///
    /// See [`Simulation`].
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// After how many steps the test is said not to end, in place of a million.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{sim::Simulation, yield_now};
    ///
    /// let ended = std::panic::catch_unwind(|| {
    ///     Simulation::new(1).most_steps(1_000).run(|| async {
    ///         loop {
    ///             yield_now().await;
    ///         }
    ///     })
    /// });
    /// assert!(ended.is_err());
    /// ```
    pub fn most_steps(mut self, steps: u64) -> Self {
        self.most_steps = steps.max(1);
        self
    }

    /// How long, in real time, a thread may run without a step until it is said to be stuck, in place of 20
    /// seconds. Time in which the process was stopped, by a debugger say, does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::sim::Simulation;
    /// use std::{sync::mpsc, time::Duration};
    ///
    /// let (_tell, told) = mpsc::channel::<()>();
    /// let told = std::sync::Mutex::new(Some(told));
    /// let stuck = std::panic::catch_unwind(move || {
    ///     Simulation::new(1).patience(Duration::from_millis(100)).run(move || {
    ///         let told = told.lock().unwrap().take();
    ///         async move { told.unwrap().recv().unwrap() }
    ///     })
    /// });
    /// assert!(stuck.is_err());
    /// # std::mem::forget(_tell);
    /// ```
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs the test that `test` makes. See [`check`].
    ///
    /// # Panics
    ///
    /// As [`check`] does.
    ///
    /// # Examples
    ///
    /// See [`Simulation`].
    pub fn run<F, Fut>(self, test: F) -> Run
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()>,
    {
        begin();
        let trace = Trace::new(env::var_os(TRACE).is_some());
        let baton = Baton::new(self.seed, self.most_steps, trace);
        baton.lock().workers = self.workers.unwrap_or_else(|| {
            let mut seed = super::random::Random::new(!self.seed);
            1 + seed.below(MOST_WORKERS) as usize
        });
        let turn = baton.add("main".to_owned());
        let thrown = Arc::new(Mutex::new(None));
        let put = Arc::clone(&thrown);
        let main = thread::Builder::new().spawn(move || {
            run_as(turn, || {
                let tested = catch_unwind(AssertUnwindSafe(|| {
                    let executor = Executor::new().expect("a simulation needs some threads");
                    executor.block_on(test());
                }));
                *put.lock().unwrap_or_else(PoisonError::into_inner) = tested.err();
            });
        });
        baton.keep(main.expect("a simulation needs a thread"));
        baton.watch(self.patience);
        let failure = baton.lock().failure.clone();
        let thrown = thrown.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.report(failure, thrown);
        let state = baton.lock();
        Run {
            trace: state.trace.hash(),
            switches: state.trace.switches(),
        }
    }

    /// Panics if the simulation failed.
    fn report(&self, failure: Option<Failure>, thrown: Option<Box<dyn Any + Send>>) {
        if failure.is_none() && thrown.is_none() {
            return;
        }
        let seed = self.seed;
        let test = thread::current();
        let test = test.name().filter(|&name| name != "main").unwrap_or("");
        eprintln!(
            "\nrejoin::sim: failed under seed {seed}; to replay it:\n    {SEED}={seed} cargo test {test}\n"
        );
        match (failure, thrown) {
            (_, Some(thrown)) if !thrown.is::<Interrupted>() => resume_unwind(thrown),
            (Some(Failure(why)), _) => panic!("seed {seed}: {why}"),
            (None, _) => unreachable!("threads are interrupted only after a failure"),
        }
    }
}

/// What one schedule was.
///
/// # Examples
///
/// See [`Simulation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    trace: u64,
    switches: u64,
}

impl Run {
    /// A hash over all steps: which thread ran, and which task was polled. Equal for equal seeds.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::sim::Simulation;
    ///
    /// let run = || Simulation::new(3).run(|| async { rejoin::spawn(async {}).await });
    /// assert_eq!(run().trace(), run().trace());
    /// ```
    pub fn trace(&self) -> u64 {
        self.trace
    }

    /// How often another thread went on.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::sim::Simulation;
    ///
    /// let run = Simulation::new(3).run(|| async { rejoin::spawn(async {}).await });
    /// assert!(run.switches() > 0);
    /// ```
    pub fn switches(&self) -> u64 {
        self.switches
    }
}

/// How many workers an executor has by default, in a simulation.
pub(crate) fn workers() -> Option<usize> {
    with_turn(|turn| turn.baton.lock().workers)
}

/// In a simulation, hooks that tell it of every task, beside those of the user.
pub(crate) fn observe(mut hooks: Hooks) -> Hooks {
    if with_turn(|_| ()).is_none() {
        return hooks;
    }
    let (spawn, finish) = (hooks.spawn.take(), hooks.finish.take());
    let (poll_begin, poll_end) = (hooks.poll_begin.take(), hooks.poll_end.take());
    hooks.spawn = Some(Box::new(move |info| {
        with_turn(|turn| turn.baton.lock().tasks.spawned(info));
        tell(spawn.as_ref(), |hook| hook(info));
    }));
    hooks.finish = Some(Box::new(move |info, how| {
        with_turn(|turn| turn.baton.lock().tasks.finished(info.id()));
        tell(finish.as_ref(), |hook| hook(info, how));
    }));
    hooks.poll_begin = Some(Box::new(move |info| {
        poll_begins(info);
        tell(poll_begin.as_ref(), |hook| hook(info));
    }));
    hooks.poll_end = Some(Box::new(move |info| {
        tell(poll_end.as_ref(), |hook| hook(info));
        poll_ends();
    }));
    hooks
}
