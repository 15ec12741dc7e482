//! How an executor's service ends. Who waits for that, and who ends it: see [`crew`](crate::crew).

use std::task::Waker;

use super::{CANCEL, LEAVE, LET_GO, Scheduler};
use crate::seat::{Held, Seat};
use crate::sync::Ordering;

impl Scheduler {
    /// Begins to close: from now on tasks are cancelled instead of run, those that wait as well, and
    /// workers that find nothing more leave.
    pub(crate) fn close(&self) {
        // Ordering: Release pairs with the Acquire in `is_cancelling`. The workers learn of it at their next
        // task; those that sleep are called below, behind a fence that pairs with the one before their last look.
        self.flags.fetch_or(CANCEL, Ordering::Release);
        self.registry.close(|waker| waker.wake());
        self.flags.fetch_or(LEAVE, Ordering::Relaxed);
        self.idle.notify_all();
    }

    /// Ends the service of this generation, if nothing is left to do; if it did, those to wake who waited for that. To
    /// be called by the last worker, with all `seats`.
    pub(crate) fn release(&'static self, seats: &mut Vec<Held>) -> Option<Vec<Waker>> {
        // The spill first: only workers fill it, and the caller is the last one.
        if !self.spill.is_empty() || !self.injector.close() {
            return None;
        }
        let spill_closed = self.spill.close();
        debug_assert!(spill_closed);
        self.free_seats.lock().append(seats);
        // Outside the lock. The crew has them still: nothing that the user gave them is dropped here.
        let hooks = self.hooks.lock().take();
        drop(hooks);
        let waiting = self.quiet.close(&self.idle);
        // Ordering: Relaxed; see `acquire`.
        let next = self.generation.load(Ordering::Relaxed).checked_add(1);
        if let Some(next) = next {
            self.generation.store(next, Ordering::Relaxed);
            Self::free(self.simulated).lock().push(self);
        }
        Some(waiting)
    }

    /// Whether anybody waits for the end of the executor, which closes.
    pub(crate) fn end_is_awaited(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & LET_GO == 0
    }

    /// Says whether anybody waits for that.
    pub(crate) fn set_end_awaited(&self, awaited: bool) {
        // Ordering: Relaxed. It says how often a worker that waits for the last polls looks, and nothing else.
        if awaited {
            self.flags.fetch_and(!LET_GO, Ordering::Relaxed);
        } else {
            self.flags.fetch_or(LET_GO, Ordering::Relaxed);
        }
    }

    /// Seats where something is polled, with their indices, their poll counters, and without those of guests.
    pub(crate) fn polling(&self) -> impl Iterator<Item = (usize, &Seat, u64)> {
        let seats = self.seats.iter().enumerate();
        seats
            .filter(|(_, seat)| !seat.is_guest())
            .filter_map(|(index, seat)| Some((index, seat, seat.polling()?)))
    }
}
