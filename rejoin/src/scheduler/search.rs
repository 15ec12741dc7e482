//! What a worker that has nothing to do looks at before it sleeps, and what it leaves to others.
//!
//! Why nobody waits in vain although some of it is left: see [`idle`](crate::idle).

use super::Scheduler;
use crate::policy;
use crate::run_queue::Steal;
use crate::seat::{Held, Runnable, Seat};

impl Scheduler {
    /// Whether the injector has its turn; polls may be so short that the next turn comes soon all the same.
    pub(super) fn may_look(&self, held: &Held) -> bool {
        !self.idle.is_fine() || policy::fine_turn(held.ticks())
    }

    /// Whether nothing lies where any worker may take it.
    pub(crate) fn nothing_shared(&self) -> bool {
        self.injector.is_empty() && self.spill.is_empty()
    }

    /// Whether something lies there for the calling worker, which has nothing to do. What is too fine to share is
    /// left to those that are awake, unless their polls are slow or they fall behind those outside. The caller may
    /// count as one of them.
    pub(crate) fn sees_shared(&self, is_awake: bool) -> bool {
        !self.nothing_shared()
            && (!self.idle.is_fine() || self.is_needed(is_awake) || self.is_backlog())
    }

    /// Whether what is too fine to share would wait for long without the calling worker, which may count as awake:
    /// nobody else is, or somebody is whose poll is slow. Of those that are awake, it may be the one that it was left
    /// to.
    fn is_needed(&self, is_awake: bool) -> bool {
        let is_slow_worker = |seat: &Seat| seat.is_slow() && !seat.is_guest();
        self.idle.awake() <= u32::from(is_awake) || self.seats.iter().any(is_slow_worker)
    }

    /// Whether those that are awake fall behind those outside.
    pub(crate) fn is_backlog(&self) -> bool {
        policy::is_backlog(self.injector.len())
    }

    /// A runnable from anywhere: what all share, another worker's ring, or the slot of one whose poll
    /// is slow. Leaves fine work alone, unless this is a `probe`.
    pub(crate) fn search(&self, held: &Held, probe: bool) -> Option<Runnable> {
        let fine = self.idle.is_fine() && !self.is_leaving();
        if !fine || probe || self.sees_shared(true) {
            if let Some(runnable) = self.pop_injector(held).or_else(|| self.pop_spill(held)) {
                return Some(runnable);
            }
        }
        let mut least = policy::worth(fine);
        for round in 0..policy::SEARCHES {
            let (mut busy, mut few) = (false, false);
            for victim in policy::victims(held.index, self.seats.len(), held.tick()) {
                let Some(victim) = self.seats.get(victim) else {
                    continue;
                };
                if fine && !probe && !self.needs_help(victim, true) {
                    continue;
                }
                match held.queue.steal_ring(&victim.stealers, least) {
                    Steal::Item(runnable, tasks) => {
                        held.note_theft(tasks);
                        return Some(runnable);
                    }
                    Steal::Busy => busy = true,
                    Steal::Few => few = true,
                    Steal::Empty => {}
                }
                if victim.is_slow() || self.is_leaving() {
                    match held.queue.steal_slot(&victim.stealers) {
                        Steal::Item(runnable, _) => return Some(runnable),
                        Steal::Busy => busy = true,
                        Steal::Few | Steal::Empty => {}
                    }
                }
            }
            if few {
                // Whoever fills that ring would be disturbed for one or two tasks, again and again. A guest that begins to sleep
                // hands them over.
                policy::let_grow(fine, || self.sees_shared(true));
                least = 1;
            } else if round + 1 < policy::SEARCHES {
                if busy {
                    std::thread::yield_now();
                } else {
                    std::hint::spin_loop();
                }
            }
        }
        self.sees_shared(true)
            .then(|| self.pop_injector(held))
            .flatten()
    }

    /// Whether a worker that is about to sleep had better not: there is something to run, or to leave
    /// for. Changes nothing. What [`search`](Self::search) would leave alone must not be seen here, or the worker would get
    /// up and lie down for ever.
    pub(crate) fn sees_work(&self, held: &Held, is_awake: bool) -> bool {
        let fine = self.idle.is_fine();
        self.is_leaving()
            || self.sees_shared(is_awake)
            || self.others(held).any(|(_, seat)| {
                (!fine || self.needs_help(seat, is_awake))
                    && (held.queue.sees_ring(&seat.stealers)
                        || (seat.is_slow() && held.queue.sees_slot(&seat.stealers)))
            })
    }

    /// Whether a worker that has found something leaves behind, or holds, what another one could do meanwhile. Changes
    /// nothing.
    pub(crate) fn leaves_work(&self, held: &Held) -> bool {
        if self.idle.spares() {
            return self.is_backlog();
        }
        !self.nothing_shared()
            || held.queue.holds_ring()
            || self.others(held).any(|(_, seat)| {
                held.queue.sees_ring(&seat.stealers)
                    || (seat.is_slow() && held.queue.sees_slot(&seat.stealers))
            })
    }

    /// Whether what lies on `seat` is to be taken however fine it is: its owner polls and polls, or will not run it
    /// at all and nobody else is sure to.
    pub(crate) fn needs_help(&self, seat: &Seat, is_awake: bool) -> bool {
        if seat.is_guest() {
            self.is_needed(is_awake)
        } else {
            seat.is_slow()
        }
    }
}
