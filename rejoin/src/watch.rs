//! What the watcher looks at, every tick.

use std::time::{Duration, Instant};

use crate::policy;
use crate::scheduler::Scheduler;
use crate::seat::{Held, Seat};
use crate::sim;

/// The memory of one watcher, from tick to tick. See [`idle`](crate::idle) for what it is good for.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What each seat showed at the last look.
    seen: Vec<Seen>,
    /// When that was, if it was a tick ago.
    looked: Option<Instant>,
    tick: Duration,
    /// Ticks in a row in which nobody ran.
    quiet: u32,
    /// Ticks since the last probe in which there was work that is too fine to share.
    fine: u32,
    /// After so many of them comes the next probe.
    probe_after: u32,
}

/// What one seat showed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The poll counter; `None` if nothing was being polled.
    polling: Option<u64>,
    /// How much lay in the ring.
    waiting: usize,
    /// Ticks in a row in which the same poll lasted and kept pushing.
    pushing: u32,
}

/// What the watcher saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Something to run, in a queue whose owner may not come back to it soon.
    Work,
    /// Work that was found too fine to share, some time ago: see whether that still holds.
    Probe,
    /// Somebody runs, and all is well so far.
    Running,
    /// All that run are marked slow, and left nothing, not even what is too fine: from now on they call for themselves.
    AllSlow,
    /// Nobody has run for some time.
    Quiet,
}

/// What a look at one seat adds to the whole.
struct Glance {
    slow: bool,
    work: bool,
    fine: bool,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            seen: Vec::new(),
            looked: None,
            tick: policy::FIRST_TICK,
            quiet: 0,
            fine: 0,
            probe_after: policy::FIRST_PROBE,
        }
    }

    /// How long to sleep before the next look.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// Begins anew, with short ticks: what is being polled now counts as slow after one of them.
    pub(crate) fn restart(&mut self, scheduler: &Scheduler, held: &Held) {
        self.looked = None;
        self.look(scheduler, held);
        self.tick = policy::FIRST_TICK;
        self.quiet = 0;
    }

    /// Looks at all seats but `held`, and marks those slow whose poll has lasted a whole tick.
    pub(crate) fn look(&mut self, scheduler: &Scheduler, held: &Held) -> Sight {
        let now = sim::ticks();
        let times = (self.looked.replace(now), now);
        let (mut work, mut fine) = (false, false);
        let (mut running, mut all_slow) = (false, true);
        for (index, seat) in scheduler.others(held) {
            if self.seen.len() <= index {
                self.seen.resize(index + 1, Seen::default());
            }
            if let Some(glance) = glance(&mut self.seen[index], times, scheduler, held, seat) {
                running = true;
                all_slow &= glance.slow;
                work |= glance.work;
                fine |= glance.fine;
            }
        }
        self.tick = policy::next_tick(self.tick);
        self.quiet = if running { 0 } else { self.quiet + 1 };
        if work || scheduler.sees_shared(false) {
            Sight::Work
        } else if fine && self.is_time_to_probe() {
            Sight::Probe
        } else if running && all_slow && !fine {
            Sight::AllSlow
        } else if self.quiet > policy::LINGER {
            Sight::Quiet
        } else {
            if !scheduler.idle.is_fine() {
                self.probe_after = policy::FIRST_PROBE;
            }
            Sight::Running
        }
    }

    fn is_time_to_probe(&mut self) -> bool {
        self.fine += 1;
        if self.fine < self.probe_after {
            return false;
        }
        self.fine = 0;
        self.probe_after = policy::next_probe(self.probe_after);
        true
    }
}

/// Looks at one `seat`, and marks it slow if its poll has lasted a whole tick; `None` if nothing is polled. The
/// times are those of the look before, if that was a tick ago, and of this one.
fn glance(
    seen: &mut Seen,
    (looked, now): (Option<Instant>, Instant),
    scheduler: &Scheduler,
    held: &Held,
    seat: &Seat,
) -> Option<Glance> {
    let polling = seat.polling();
    let before = std::mem::replace(&mut seen.polling, polling);
    let polls = polling?;
    let waiting = held.queue.ring_len(&seat.stealers);
    let pushes = std::mem::replace(&mut seen.waiting, waiting) != waiting;
    let fine = scheduler.idle.is_fine();
    let lasts = polling == before;
    // A poll that does nothing but spawn what is not worth sharing is left alone for a while.
    let pushing = lasts && fine && pushes && seen.pushing < policy::PUSHING;
    seen.pushing = if pushing { seen.pushing + 1 } else { 0 };
    let slow = lasts && !pushing;
    if slow {
        seat.mark_slow(looked.or(Some(now)));
    }
    // A guest counts as slow, and what is fine there is left to others all the same, as what lies in its ring is.
    let waits = waiting > 0 || (slow && held.queue.sees_slot(&seat.stealers));
    let mut work = waits && (!fine || scheduler.needs_help(seat, false));
    if fine && waiting > 0 && !lasts {
        let polled = before.map_or(0, |before| polls.saturating_sub(before));
        if looked.is_some_and(|looked| !policy::are_fine(polled, now - looked)) {
            scheduler.idle.forget();
            work = true;
        }
    }
    Some(Glance {
        slow,
        work,
        fine: fine && waits,
    })
}
