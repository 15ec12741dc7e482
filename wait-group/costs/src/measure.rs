//! Samples, and what they say together. Knows no peer.

use std::time::{Duration, Instant};

/// One row's figures for one peer.
#[derive(Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn add(&mut self, nanoseconds: f64) {
        self.0.push(nanoseconds);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The median, and the quartiles around it.
    pub fn summary(&self) -> (f64, f64, f64) {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part).round() as usize];
        (at(0.5), at(0.25), at(0.75))
    }
}

/// Nanoseconds for each of the `per` operations that one call of `f` makes; called until a sample is
/// long enough for the clock.
pub fn time(per: usize, mut f: impl FnMut()) -> f64 {
    const LONG_ENOUGH: Duration = Duration::from_millis(4);

    let begin = Instant::now();
    let mut calls = 0_u32;
    loop {
        f();
        calls += 1;
        let elapsed = begin.elapsed();
        if elapsed >= LONG_ENOUGH {
            return elapsed.as_nanos() as f64 / f64::from(calls) / per as f64;
        }
    }
}
