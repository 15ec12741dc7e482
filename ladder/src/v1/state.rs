//! Where a task is, in two bits.
//!
//! | bits | where the task is | a wake |
//! |---|---|---|
//! | none | waits for something | sets WOKEN, and **schedules** |
//! | WOKEN | in the queue | changes nothing: it will be polled anyhow |
//! | RUNNING | is being polled | sets WOKEN: who polls it will schedule it |
//! | RUNNING, WOKEN | is being polled, and will be again | changes nothing |
//! | RUNNING for ever | has finished | nothing that anybody sees |
//!
//! So a task lies in the queue once at most, one thread at most polls it, nobody who wakes it ever
//! waits, and nothing has to be taken back when it has finished.
//!
//! Each change is one read-modify-write operation, and not only for the bits' sake: an unbroken chain of
//! them hands what was written before a wake to the poll that follows. `model::v1` lets loom try every
//! interleaving, and fails with a plain store in place of the swap.

use crate::sync::{AtomicU8, Ordering};

/// Woken since the last poll began.
pub(crate) const WOKEN: u8 = 1;
/// Being polled, or finished.
pub(crate) const RUNNING: u8 = 2;

/// See the module's documentation.
pub(crate) struct State(pub(crate) AtomicU8);

impl State {
    /// Of a task that is about to be scheduled for the first time.
    pub(crate) fn scheduled() -> Self {
        Self(AtomicU8::new(WOKEN))
    }

    /// Somebody wakes the task. Says whether the caller has to schedule it.
    pub(crate) fn wake(&self) -> bool {
        // Ordering: Release, read by the Acquire swap in `begin`: what was written before this wake.
        self.0.fetch_or(WOKEN, Ordering::Release) == 0
    }

    /// The task, which was scheduled, is about to be polled.
    pub(crate) fn begin(&self) {
        // Ordering: Acquire, of each `wake` since the last poll began. A plain store would break the
        // chain: the poll could miss what they wrote, and nobody would wake the task for it again.
        self.0.swap(RUNNING, Ordering::Acquire);
    }

    /// The poll was not the last one. Says whether the task was woken meanwhile, and the caller has to
    /// schedule it. After the last poll nobody calls this.
    pub(crate) fn end(&self) -> bool {
        // Ordering: Release, read by the swap in the next `begin`, whoever comes to it: what this poll
        // left in the future.
        self.0.fetch_and(!RUNNING, Ordering::Release) & WOKEN != 0
    }
}
