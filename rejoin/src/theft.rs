//! What came of a theft: whether the work at hand is worth sharing.
//!
//! To move a task to another processor costs a few cache lines, and an allocation that is then freed by another
//! thread than the one that made it: some hundred nanoseconds. A task that takes less than that is done sooner, and
//! with half the processor time, by the worker that has it already. Nobody can know beforehand how long a task
//! takes, but a thief knows afterwards.
//!
//! A thief that has run out of what it stole, or of what came of it, therefore looks back. If its time came to
//! less than [`policy::WORTH_MOVING`] for each task that it took, and those were not polled again and again
//! and spawned nothing much, the work is *fine*: workers then call nobody for it, and thieves leave it alone, all but
//! the watcher, which looks at every tick whether polls have become longer, and now and then robs again to see.
//!
//! Nothing depends on the answer but who does the work: whoever has fine work in its ring is awake and at it, and
//! what lies behind a poll that turns out slow is taken all the same.

use std::time::{Duration, Instant};

use crate::policy;
use crate::sim;

/// The last theft of a worker, not yet looked back at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theft {
    began: Instant,
    /// How many tasks were taken.
    tasks: usize,
    /// The thief's poll counter then.
    polls: u32,
}

impl Theft {
    pub(crate) fn new(tasks: usize, polls: u32) -> Self {
        Self {
            began: sim::ticks(),
            tasks,
            polls,
        }
    }

    /// Whether it can be told before the loot is used up that the theft was worth it.
    pub(crate) fn has_paid(&self, polls: u32) -> bool {
        policy::has_paid(self.tasks, polls.wrapping_sub(self.polls))
    }

    /// Whether it was worth it, now that the loot is used up.
    pub(crate) fn was_worth_it(&self, polls: u32) -> bool {
        self.has_paid(polls) || sim::ticks() - self.began >= self.cost()
    }

    fn cost(&self) -> Duration {
        policy::WORTH_MOVING.saturating_mul(u32::try_from(self.tasks).unwrap_or(u32::MAX))
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_are_polled_again_and_again_were_worth_it() {
        let theft = Theft::new(1_000_000, u32::MAX);
        assert!(!theft.was_worth_it(1_000_000 - 1));
        assert!(theft.was_worth_it(policy::PAYING_POLLS * 1_000_000 - 1));
    }

    #[test]
    fn a_long_task_was_worth_it() {
        let theft = Theft::new(1, 0);
        while theft.began.elapsed() < policy::WORTH_MOVING {
            std::hint::spin_loop();
        }
        assert!(theft.was_worth_it(1));
    }
}
