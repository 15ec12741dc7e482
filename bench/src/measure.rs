//! Repeats one iteration, first to warm up, then to measure. Knows no peer.

use crate::usage::Usage;
use std::time::{Duration, Instant};

/// How long to warm up and to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    /// Iterations to measure at least, however long they take.
    pub(crate) least: usize,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Timings {
    /// Nanoseconds of each measured iteration, in order.
    pub(crate) iterations: Vec<f64>,
    /// What the process used while they ran, set-up between iterations included.
    pub(crate) usage: Usage,
}

impl Plan {
    /// One iteration and no warm-up: for work that is too large to repeat.
    pub(crate) fn once() -> Self {
        Self {
            warm_up: Duration::ZERO,
            time: Duration::ZERO,
            least: 1,
        }
    }

    /// Times every call of `iteration`.
    pub(crate) fn run(self, mut iteration: impl FnMut()) -> Timings {
        self.run_timed(|| {
            let start = Instant::now();
            iteration();
            start.elapsed()
        })
    }

    /// Takes the times that `iteration` itself measured, so that it can leave out its set-up.
    pub(crate) fn run_timed(self, mut iteration: impl FnMut() -> Duration) -> Timings {
        let mut watch = Watch::start(self);
        while watch.wants_more() {
            watch.note(iteration());
        }
        watch.finish()
    }

    /// The same inside a future: the clock is read on the thread that polls.
    pub(crate) async fn run_async<F, Fut>(self, mut iteration: F) -> Timings
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()>,
    {
        let mut watch = Watch::start(self);
        while watch.wants_more() {
            let start = Instant::now();
            iteration().await;
            watch.note(start.elapsed());
        }
        watch.finish()
    }

    /// The same for iterations that measure themselves.
    pub(crate) async fn run_timed_async<F, Fut>(self, mut iteration: F) -> Timings
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Duration>,
    {
        let mut watch = Watch::start(self);
        while watch.wants_more() {
            watch.note(iteration().await);
        }
        watch.finish()
    }
}

/// Knows whether it is still warming up, and what it has measured since.
struct Watch {
    plan: Plan,
    warming_up: bool,
    phase_began: Instant,
    usage_before: Usage,
    iterations: Vec<f64>,
}

impl Watch {
    fn start(plan: Plan) -> Self {
        Self {
            plan,
            warming_up: !plan.warm_up.is_zero(),
            phase_began: Instant::now(),
            usage_before: Usage::of_process(),
            iterations: Vec::with_capacity(4096),
        }
    }

    fn wants_more(&self) -> bool {
        self.warming_up
            || self.iterations.len() < self.plan.least
            || self.phase_began.elapsed() < self.plan.time
    }

    fn note(&mut self, took: Duration) {
        if !self.warming_up {
            self.iterations.push(took.as_nanos() as f64);
        } else if self.phase_began.elapsed() >= self.plan.warm_up {
            self.warming_up = false;
            self.usage_before = Usage::of_process();
            self.phase_began = Instant::now();
        }
    }

    fn finish(self) -> Timings {
        Timings {
            usage: Usage::of_process() - self.usage_before,
            iterations: self.iterations,
        }
    }
}
