//! Parks one thread; remembers an early unpark.
//!
//! # Invariant
//!
//! Every [`park`](Parker::park) that begins after an [`unpark`](Parker::unpark) not yet consumed
//! returns at once, and every `park` returns only because of an `unpark`. (But for one that a
//! [simulation](crate::sim) has found to wait for ever.)
//!
//! # Why it holds
//!
//! `state` is ours alone, so user code that parks or unparks this thread by `std::thread` can cause
//! a vain wake-up of the inner loop but can neither end a `park` nor steal a notification: the loop
//! looks at `state` again before it sleeps, and `Thread::unpark` is called after `state` was set.
//! `model::parker` fails without the ordering of `unpark`.
//!
//! A thread that sleeps in the [driver](crate::driver) announces so by a state of its own
//! ([`park_in`](Parker::park_in)). Whoever unparks it sets `state` as ever, and interrupts the driver in place of
//! the thread. An interruption may come late, when the thread has left: then the next one who waits there returns
//! for no reason.

use std::fmt;
#[cfg(not(all(test, rejoin_model)))]
use std::task::Wake;
use std::task::Waker;
use std::time::Instant;

use crate::driver::{self, Taken};
use crate::sim;
use crate::sync::{Arc, AtomicU8, Ordering, Thread, needed};

/// Nobody sleeps, nothing is remembered.
const EMPTY: u8 = 0;
/// The thread sleeps or is about to; set by `park` only.
const PARKED: u8 = 1;
/// An unpark is remembered; set by `unpark` only, excludes all others.
const NOTIFIED: u8 = 2;
/// Like `PARKED`, but in the driver; set by `park_in` only.
const IN_DRIVER: u8 = 3;

/// Parks the thread that made it.
pub(crate) struct Parker {
    state: AtomicU8,
    thread: Thread,
}

impl Parker {
    /// A parker for the calling thread; only that thread may park with it.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(EMPTY),
            thread: Thread::current(),
        })
    }

    /// Sleeps until [`unpark`](Self::unpark) is called, or returns at once if it has been.
    pub(crate) fn park(&self) {
        if self.announce(PARKED) {
            return;
        }
        loop {
            self.thread.park();
            if self.consume() || self.thread.is_interrupted() {
                return;
            }
        }
    }

    /// Like [`park`](Self::park), but gives up at `deadline`. Says whether an unpark was consumed.
    pub(crate) fn park_until(&self, deadline: Instant) -> bool {
        if self.announce(PARKED) {
            return true;
        }
        loop {
            let left = deadline.saturating_duration_since(sim::ticks());
            if left.is_zero() {
                // Ordering: as in `consume`. An unpark that came between the look at the clock and
                // here is consumed, not lost.
                return self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED;
            }
            self.thread.park_timeout(left);
            if self.consume() {
                return true;
            }
        }
    }

    /// Waits in the driver, once; says whether an unpark was consumed. Whom the driver wakes is added to `woken`.
    pub(crate) fn park_in(&self, driver: &Taken<'_>, woken: &mut Vec<Waker>) -> bool {
        if self.announce(IN_DRIVER) {
            return true;
        }
        driver.wait(None, woken);
        // Ordering: as in `consume`.
        self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED
    }

    /// Whether the thread sleeps in the driver. Only a hint.
    pub(crate) fn is_in_driver(&self) -> bool {
        // Ordering: Relaxed; it guides whom to call first.
        self.state.load(Ordering::Relaxed) == IN_DRIVER
    }

    /// Ends the current `park`, or the next one.
    pub(crate) fn unpark(&self) {
        // Ordering: Release, read by the Acquire in `announce` and `consume`: what the caller wrote
        // before is visible to the thread that it wakes. A second unpark continues the release
        // sequence of the first.
        let release = needed!(Unpark, Ordering::Release);
        match self.state.swap(NOTIFIED, release) {
            PARKED => self.thread.unpark(),
            IN_DRIVER => driver::interrupt(),
            _ => {}
        }
    }

    /// Whether there has been an unpark that was not consumed. Only a hint.
    pub(crate) fn is_unparked(&self) -> bool {
        // Ordering: Relaxed; whoever acts on it parks, and that acquires.
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Consumes an unpark if there has been one, without sleeping.
    pub(crate) fn take_unpark(&self) -> bool {
        self.consume()
    }

    /// Announces that the thread is about to sleep, and where; true if an unpark came first (it is consumed).
    fn announce(&self, place: u8) -> bool {
        // Ordering: Relaxed; `place` publishes nothing, and on failure the swap below acquires.
        let announced =
            self.state
                .compare_exchange(EMPTY, place, Ordering::Relaxed, Ordering::Relaxed);
        // Ordering: Acquire pairs with `unpark`. A plain store would do for one unpark; a second one
        // that comes just now would be overwritten, and what it published not be seen.
        announced.is_err() && self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED
    }

    /// Takes a remembered unpark, if there is one.
    fn consume(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `unpark`.
        self.state
            .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(not(all(test, rejoin_model)))]
impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}
