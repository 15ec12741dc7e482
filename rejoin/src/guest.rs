//! A thread in `block_on` that spawns: the guest of an executor, with a seat for as long.
//!
//! What such a thread spawns goes to a queue of its own, like a worker's: no lock, and open to thieves.
//! It runs nothing out of it, with one exception ([`run_awaited`]), and leaves nothing in it when it
//! sleeps ([`hand_over`]).
//!
//! # The exception
//!
//! A thread that is about to sleep may run the very task whose handle its future awaits, if it comes next
//! in the queue, and if nothing else can wake the future. Then there is nothing better that the thread could
//! do, and no hand-off between threads: `block_on(spawn(..))` costs what a call in a task does. Nobody is called for
//! it either, once the thread has been seen to await what it spawns.
//!
//! That nothing else can wake the future is known, not guessed. The waker is the thread's own, so its
//! clones can be counted; and the handle was polled with it, so one clone is the handle's. If there is
//! exactly one, whoever else the future may have asked kept no way to wake it. A future that also waits
//! for a timer has two, and its thread sleeps and is woken by whichever comes first.
//!
//! # Why nobody waits in vain
//!
//! As for a worker: while its future computes, the watcher looks after the queue, because the guest
//! publishes its polls as a worker does; whenever its future is not ready, woken already or not, it hands over
//! what is left.

use std::cell::Cell;

use crate::current;
use crate::door;
use crate::scheduler::get;
use crate::seat::Runnable;
use crate::surroundings;
use crate::task::ExecutorId;
use crate::worker;

thread_local! {
    /// Whether this thread's futures await what they spawn, as far as is known from the last time. If not,
    /// a worker is called for the first task at once; if so, that would be a wake-up for nothing, and should
    /// it be wrong this time, the watcher helps.
    static AWAITS: Cell<bool> = const { Cell::new(false) };
}

/// A stay in `block_on`: ended by the drop, also when the future panics.
#[derive(Debug)]
pub(crate) struct Stay {
    /// The thread had a guest's seat before.
    was_guest: bool,
    could_be_guest: bool,
    blocked_with: *const (),
}

impl Stay {
    /// The calling thread begins to block on a future whose waker is recognised by its data.
    pub(crate) fn begin(waker: *const ()) -> Self {
        Self {
            was_guest: door::is_guest(),
            could_be_guest: door::set_may_be_guest(true),
            blocked_with: current::set_blocking(waker),
        }
    }

    /// The future is about to be polled.
    #[inline]
    pub(crate) fn poll_begins(&self) {
        current::take_awaited();
        current::renew_budget();
        if door::is_guest() {
            door::with_seat(|_, held| held.begin_blocking(!AWAITS.get()));
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        current::set_blocking(self.blocked_with);
        door::set_may_be_guest(self.could_be_guest);
        if door::is_guest() && !self.was_guest {
            hand_over();
            sleeps(true);
            let scheduler = door::with_seat(|scheduler, _| scheduler);
            if let (Some(scheduler), Some(held)) = (scheduler, door::leave_seat()) {
                scheduler.take_back(held);
            }
        }
    }
}

/// Puts the `runnable` of a new task into a queue of its executor. On a thread in `block_on` that is a
/// queue of its own, if the executor is the one that a free `spawn` means there.
#[inline]
pub(crate) fn push_new(runnable: Runnable) {
    if let Some(runnable) = door::push_new(runnable, to_ring) {
        arrive_with(runnable);
    }
}

/// Whether a guest, which the calling thread is, puts what it spawns into its ring: who does not await it leaves it to others,
/// and they take from there.
fn to_ring() -> bool {
    !AWAITS.get()
}

/// The same on a thread that has no seat of that executor yet.
#[inline(never)]
fn arrive_with(runnable: Runnable) {
    arrive(runnable.metadata().executor);
    door::push(runnable, door::is_guest() && to_ring());
}

/// Seats the calling thread, which spawns into the executor `id`, as a guest there if it may.
#[inline]
pub(crate) fn arrive(id: ExecutorId) {
    if door::may_be_guest_of(id) {
        sit_down(id);
    }
}

/// Seats the calling thread, which blocks and spawns into the executor `id`, as a guest.
#[cold]
fn sit_down(id: ExecutorId) {
    if let Some(scheduler) = get(id) {
        door::take_seat(id, scheduler, scheduler.lend_seat());
        door::become_guest();
        sleeps(false);
    }
}

/// Runs the task that the calling thread's future awaits, if it comes next in the thread's own queue, and if
/// the caller has seen that the future is `alone` with it: nothing else can wake it.
pub(crate) fn run_awaited(alone: bool) -> bool {
    let awaited = current::take_awaited().filter(|_| alone);
    // Also if a thief was faster: it would not have come if it had not been called.
    AWAITS.set(awaited.is_some());
    let Some(awaited) = awaited else {
        return false;
    };
    let found = door::with_seat(|scheduler, held| {
        // A task that yielded lies in the ring.
        let runnable = held.queue.pop_slot().or_else(|| held.queue.pop_ring())?;
        if runnable.metadata().id != awaited {
            AWAITS.set(false);
            scheduler.push_here(held, runnable, false);
            return None;
        }
        Some((scheduler, held.begin_inner(&runnable), runnable))
    });
    let Some(Some((scheduler, outer, runnable))) = found else {
        return false;
    };
    let hooks = scheduler.hooks(runnable.metadata().executor);
    surroundings::aside(|| {
        current::visiting(&scheduler.registry, hooks, || {
            worker::run(scheduler, runnable);
        });
    });
    door::with_seat(|_, held| held.end_inner(outer));
    true
}

/// Hands over what lies in the guest's queue.
pub(crate) fn hand_over() {
    door::with_seat(|scheduler, held| scheduler.hand_over(held));
}

/// The guest, whose queue is empty, sleeps from now on, or does no longer.
pub(crate) fn sleeps(asleep: bool) {
    door::with_seat(|scheduler, held| {
        if asleep {
            held.end();
            held.seat.set_guest(false);
            scheduler.idle.stand_up_as_guest();
        } else {
            held.seat.set_guest(true);
            held.begin_blocking(!AWAITS.get());
            scheduler.idle.sit_down_as_guest();
        }
    });
}
