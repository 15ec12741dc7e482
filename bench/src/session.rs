//! What a row is given: how much to do, and where to leave its figures.

use crate::measure::{Plan, Timings};
use crate::record::{Spread, Value};
use crate::statistics::quantile;
use crate::usage::Heap;
use std::time::Duration;

/// One row on one peer in one process.
#[derive(Debug)]
pub(crate) struct Session {
    plan: Plan,
    smoke: bool,
    threads: usize,
    parameter: usize,
    iterations: Option<usize>,
    heap: Option<fn() -> Heap>,
    values: Vec<Value>,
}

impl Session {
    pub(crate) fn new(
        time: Duration,
        (smoke, iterations): (bool, Option<usize>),
        threads: usize,
        parameter: usize,
        heap: Option<fn() -> Heap>,
    ) -> Self {
        // Half as long to warm up as to measure. Two iterations at least: where one is long, one
        // alone would show the first touch of the memory.
        let plan = match iterations {
            Some(least) => Plan {
                least,
                ..Plan::once()
            },
            None if smoke => Plan::once(),
            None => Plan {
                warm_up: time / 2,
                time,
                least: 2,
            },
        };
        Self {
            plan,
            smoke,
            threads,
            parameter,
            iterations,
            heap,
            values: Vec::new(),
        }
    }

    /// How many workers the peer was started with.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The number in the row's name.
    pub(crate) fn parameter(&self) -> usize {
        self.parameter
    }

    /// How often to repeat, if that was asked for.
    pub(crate) fn iterations(&self) -> Option<usize> {
        self.iterations
    }

    /// `full`, or `smoke` where only the answers are checked.
    pub(crate) fn pick<T>(&self, full: T, smoke: T) -> T {
        if self.smoke { smoke } else { full }
    }

    /// How long to warm up and to measure.
    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    /// What the allocator has counted, in the program that counts.
    pub(crate) fn heap(&self) -> Heap {
        let heap = self
            .heap
            .expect("a row that counts memory runs in the counting program");
        heap()
    }

    /// Times `iteration`, which does `operations` operations.
    pub(crate) fn time(&mut self, operations: usize, iteration: impl FnMut()) {
        let timings = self.plan.run(iteration);
        self.record_time(operations, &timings);
    }

    /// The same for an iteration that leaves out its set-up and measures itself.
    pub(crate) fn time_part(&mut self, operations: usize, iteration: impl FnMut() -> Duration) {
        let timings = self.plan.run_timed(iteration);
        self.record_time(operations, &timings);
    }

    /// Records the mean time of an operation over all measured iterations, so that nothing that
    /// happened is left out, and their spread beside it.
    pub(crate) fn record_time(&mut self, operations: usize, timings: &Timings) {
        let per_operation: Vec<f64> = timings
            .iterations
            .iter()
            .map(|nanoseconds| nanoseconds / operations as f64)
            .collect();
        let all = (per_operation.len() * operations) as f64;
        let value = per_operation.iter().sum::<f64>() / per_operation.len() as f64;
        let spread = Spread {
            p10: quantile(&per_operation, 0.1),
            p50: quantile(&per_operation, 0.5),
            p90: quantile(&per_operation, 0.9),
            cpu: timings.usage.cpu / all,
            switches: timings.usage.switches / all,
            iterations: per_operation.len(),
        };
        self.values.push(Value {
            metric: "time".to_owned(),
            unit: "ns".to_owned(),
            value,
            spread: Some(spread),
        });
    }

    /// Records a quantity that is not the time of an operation, or one of several times.
    pub(crate) fn record(&mut self, metric: &str, unit: &str, value: f64) {
        let (metric, unit) = (metric.to_owned(), unit.to_owned());
        self.values.push(Value {
            metric,
            unit,
            value,
            spread: None,
        });
    }

    /// All that was recorded.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }
}
