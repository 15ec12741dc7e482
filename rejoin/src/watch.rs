//! What the watcher looks at, every tick.

use std::time::Duration;

use crate::policy;
use crate::scheduler::Scheduler;
use crate::seat::Held;

/// The memory of one watcher, from tick to tick. See [`idle`](crate::idle) for what it is good for.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The poll counter of each seat at the last look; `None` if nothing was being polled.
    seen: Vec<Option<u64>>,
    tick: Duration,
    /// Ticks in a row in which nobody ran.
    quiet: u32,
}

/// What the watcher saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Something to run, in a queue whose owner may not come back to it soon.
    Work,
    /// Somebody runs, and all is well so far.
    Running,
    /// All that run are marked slow, and left nothing: from now on they call for themselves.
    AllSlow,
    /// Nobody has run for some time.
    Quiet,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            seen: Vec::new(),
            tick: policy::FIRST_TICK,
            quiet: 0,
        }
    }

    /// How long to sleep before the next look.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Begins anew, with short ticks.
    pub(crate) fn restart(&mut self) {
        self.tick = policy::FIRST_TICK;
        self.quiet = 0;
    }

    /// Looks at all seats but `held`, and marks those slow whose poll has lasted a whole tick.
    pub(crate) fn look(&mut self, scheduler: &Scheduler, held: &Held) -> Sight {
        let (mut work, mut running, mut all_slow) = (false, false, true);
        for (index, seat) in scheduler.others(held) {
            if self.seen.len() <= index {
                self.seen.resize(index + 1, None);
            }
            let polling = seat.polling();
            let before = std::mem::replace(&mut self.seen[index], polling);
            if polling.is_none() {
                continue;
            }
            running = true;
            if polling == before {
                seat.mark_slow();
                work |= held.queue.sees_slot(&seat.stealers);
            } else {
                all_slow = false;
            }
            work |= held.queue.sees_ring(&seat.stealers);
        }
        self.tick = policy::next_tick(self.tick);
        self.quiet = if running { 0 } else { self.quiet + 1 };
        if work || !scheduler.nothing_shared() {
            Sight::Work
        } else if running && all_slow {
            Sight::AllSlow
        } else if self.quiet > policy::LINGER {
            Sight::Quiet
        } else {
            Sight::Running
        }
    }
}
