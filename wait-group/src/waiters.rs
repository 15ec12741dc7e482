//! Who waits: whether the group is done, and whom to wake when it is.
//!
//! # Invariant
//!
//! A waiter that was told `Pending` is woken when the group is done.
//!
//! # Why it holds
//!
//! Each side speaks before it looks, and both look under one lock:
//!
//! - the last worker (a) sets `done`, (b) takes all wakers, under the lock;
//! - a waiter, under the lock, (1) looks at `done` and (2) if it is not set, leaves its waker.
//!
//! One of the two critical sections is first. If the worker's is, then its lock publishes `done`
//! and the waiter sees it at (1). If the waiter's is, then (b) takes its waker.
//!
//! A waiter that comes back with the waker it left already need not lock: its waker stays where it
//! is until (b), and what wakes a task while it is being polled has it polled again.
//!
//! `model::registration_races_with_completion` fails when (1) is left out.
//!
//! # Places
//!
//! Zero is final. After (b) nothing enters the table any more, so a place found there is its
//! owner's: a waiter that leaves late, with a key from before, finds an empty table and touches
//! nobody else's waker.
//!
//! # No user code under the lock
//!
//! A waker is cloned before the lock is taken, and woken or dropped after it was given back. Buffers
//! are allocated and freed outside as well. So a waker may do anything to its group, and a last
//! worker may leave in an interrupt handler (with `critical-section`).

use alloc::vec::Vec;
use core::mem;
use core::task::Waker;

use crate::slab::{Full, Key, Slab};
use crate::sync::{Acquire, Arc, AtomicBool, Lock, Release, Weak};
use crate::unwind;
use crate::workers::Workers;

/// One group, as its waiters hold it. It stays until the last of them has gone.
pub(crate) struct Waiters {
    done: AtomicBool,
    wakers: Lock<Slab<Waker>>,
    /// To count the workers, and to join them. Upgrading fails from the last drop on.
    workers: Weak<Workers>,
    #[cfg(feature = "trace")]
    pub(crate) trace: crate::trace::Table,
}

impl Waiters {
    pub(crate) fn new(workers: Weak<Workers>) -> Self {
        Waiters {
            done: AtomicBool::new(false),
            wakers: Lock::new(Slab::default()),
            workers,
            #[cfg(feature = "trace")]
            trace: crate::trace::Table::new(),
        }
    }

    /// Whether the group is done. If so, what its workers wrote is visible to the caller.
    pub(crate) fn is_done(&self) -> bool {
        // Ordering: Acquire, of the Release store in `complete`, which every worker's writes precede.
        self.done.load(Acquire)
    }

    /// How many workers are at work: 0 exactly if the group is done.
    pub(crate) fn workers(&self) -> usize {
        if self.is_done() {
            return 0;
        }
        // The last worker may have given up its count and not yet have set `done`. It is in its drop
        // still, and counts.
        self.workers.strong_count().max(1)
    }

    /// One more worker, unless the last has gone.
    pub(crate) fn join(&self) -> Option<Arc<Workers>> {
        self.workers.upgrade()
    }

    /// Leaves `waker` to be woken when the group is done: under `key`, if the caller has one from
    /// before. Gives back the key and the waker that was there, for the caller to drop.
    ///
    /// `None` if the group is done.
    pub(crate) fn enter(&self, key: Option<Key>, waker: Waker) -> Option<(Key, Option<Waker>)> {
        let mut waker = waker;
        // Declared first and so dropped last, like `waker`: both after the lock was given back.
        let mut spare = Vec::new();
        loop {
            let entered = self.wakers.with(|wakers| {
                // This is (1) of the proof. The lock alone would not publish: `done` may be seen set
                // before the last worker has taken the lock.
                if self.is_done() {
                    return Entered::TooLate(waker);
                }
                if let Some(key) = key {
                    if let Some(place) = wakers.get_mut(key) {
                        return Entered::At(key, Some(mem::replace(place, waker)));
                    }
                }
                match wakers.insert(waker, &mut spare) {
                    Ok(key) => Entered::At(key, None),
                    Err(full) => Entered::Full(full),
                }
            });
            match entered {
                Entered::At(key, replaced) => return Some((key, replaced)),
                Entered::TooLate(unused) => {
                    drop(unused);
                    return None;
                }
                Entered::Full(full) => {
                    waker = full.value;
                    spare = Vec::with_capacity(full.wanted);
                }
            }
        }
    }

    /// Takes back the waker under `key`, if it is still there, for the caller to drop.
    pub(crate) fn leave(&self, key: Key) -> Option<Waker> {
        // A done group has emptied its table, or is about to.
        if self.is_done() {
            return None;
        }
        let mut spare = Vec::new();
        // `spare` is freed after the lock was given back.
        self.wakers.with(|wakers| wakers.remove(key, &mut spare))
    }

    /// The group is done: says so, then wakes everybody.
    ///
    /// # Panics
    ///
    /// With the first panic of a waker, after all have been woken; see [`unwind`].
    pub(crate) fn complete(&self) {
        // Ordering: Release, read by the Acquire load in `is_done`. A waiter that sees `done` also
        // sees everything every worker wrote before it dropped its handle: those drops happen before
        // this call, because `Workers` is dropped by the last of them.
        self.done.store(true, Release);
        let wakers = self.wakers.with(mem::take);
        unwind::for_each(wakers.into_values(), Waker::wake);
    }
}

/// What became of a waker under the lock.
enum Entered {
    At(Key, Option<Waker>),
    TooLate(Waker),
    Full(Full<Waker>),
}

/// Deliberate mistakes, for the canaries of the models.
#[cfg(all(test, rejoin_model))]
impl Waiters {
    /// [`enter`](Self::enter) without step (1) of the proof.
    pub(crate) fn enter_blindly(&self, waker: Waker) {
        let mut spare = Vec::new();
        let _key = self.wakers.with(|wakers| wakers.insert(waker, &mut spare));
    }

    /// [`leave`](Self::leave) by a waiter that trusts its first look: whether its waker is where it
    /// left it.
    pub(crate) fn leave_trustingly(&self, key: Key) -> bool {
        let mut spare = Vec::new();
        self.is_done()
            || self
                .wakers
                .with(|wakers| wakers.remove(key, &mut spare))
                .is_some()
    }
}
