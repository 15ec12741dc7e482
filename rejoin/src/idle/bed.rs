//! Where one worker sleeps, and what it was last told there.
//!
//! What a bed says is the truth; the unpark that goes with it only means that it may have changed.

use std::task::Waker;
use std::time::Duration;

use super::Counts;
use crate::driver::Taken;
use crate::parker::Parker;
use crate::sim;
use crate::sync::{Arc, AtomicU8, Ordering, has};

/// Where one thread sleeps.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(super) parker: Arc<Parker>,
    call: AtomicU8,
}

/// In bed, without a timeout.
pub(super) const SLEEP: u8 = 0;
/// In bed, as the watcher.
pub(super) const WATCH: u8 = 1;
/// Told to get up, and already counted as searching.
pub(super) const UP: u8 = 2;
/// In bed, as the watcher no more, but for one look that is still to come.
pub(super) const LOOK: u8 = 3;

/// How a worker left its bed, or what it is in bed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Sleep,
    Watch,
    Look,
    Up,
}

impl Bed {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            parker: Parker::new(),
            call: AtomicU8::new(UP),
        })
    }

    pub(super) fn set(&self, call: u8) {
        // Ordering: Relaxed; written under the lock of `sleepers`, and the reader is either its
        // owner or was unparked after the write, which synchronises.
        self.call.store(call, Ordering::Relaxed);
    }

    /// What the thread is in bed for at the moment.
    pub(crate) fn call(&self) -> Call {
        // Ordering: as in `set`.
        match self.call.load(Ordering::Relaxed) {
            SLEEP => Call::Sleep,
            WATCH => Call::Watch,
            LOOK => Call::Look,
            _ => Call::Up,
        }
    }

    /// What it adds to the counts that its owner watches.
    pub(super) fn watched(&self) -> u64 {
        match self.call() {
            Call::Watch => Counts::WATCHED,
            Call::Sleep | Call::Look | Call::Up => 0,
        }
    }

    /// Whether somebody may rely on a look of its owner.
    pub(super) fn has_role(&self) -> bool {
        match self.call() {
            Call::Watch => true,
            Call::Look => has!(LastLook),
            Call::Sleep | Call::Up => false,
        }
    }

    /// Sleeps until somebody calls.
    pub(crate) fn sleep(&self) {
        self.parker.park();
    }

    /// Sleeps in the driver until somebody calls or something happens; says whether somebody called.
    pub(crate) fn sleep_in(&self, driver: &Taken<'_>, woken: &mut Vec<Waker>) -> bool {
        self.parker.park_in(driver, woken)
    }

    /// Sleeps until somebody calls, or for one tick; says whether somebody called.
    pub(crate) fn doze(&self, tick: Duration) -> bool {
        self.parker.park_until(sim::ticks() + tick)
    }
}
