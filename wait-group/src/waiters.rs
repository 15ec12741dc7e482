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
// In this order, so that lock and table lie apart from the workers' count; see `workers`.
#[repr(C)]
pub(crate) struct Waiters {
    /// To count the workers, and to join them. Upgrading fails from the last drop on.
    workers: Weak<Workers>,
    done: AtomicBool,
    wakers: Lock<Slab<Waker>>,
    #[cfg(feature = "trace")]
    pub(crate) trace: crate::trace::Table,
}

// Where pointers are smaller, memory is dearer than a cache line.
#[cfg(all(target_pointer_width = "64", not(all(test, rejoin_model))))]
const _: () = {
    const LINE: usize = 64;
    /// The strong and the weak count that an `Arc` puts before its value.
    const COUNTS: usize = 2 * mem::size_of::<usize>();

    let lock = COUNTS + mem::offset_of!(Waiters, wakers);
    assert!(
        COUNTS + mem::size_of::<Workers>() + lock >= LINE,
        "workers below"
    );
    assert!(
        COUNTS + mem::size_of::<Waiters>() - lock >= LINE,
        "waiters below"
    );
};

impl Waiters {
    pub(crate) fn new(workers: Weak<Workers>) -> Self {
        Waiters {
            workers,
            done: AtomicBool::new(false),
            wakers: Lock::new(Slab::default()),
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

    /// Leaves `waker` to be woken when the group is done, and says where. If the group is done, the
    /// waker comes back, for the caller to drop.
    #[inline]
    pub(crate) fn enter(&self, waker: Waker) -> Result<Key, Waker> {
        match self.wakers.with(|wakers| self.insert(wakers, waker)) {
            Ok(key) => Ok(key),
            Err(Refused::Done(waker)) => Err(waker),
            Err(Refused::Full(full)) => self.enter_larger(full),
        }
    }

    /// The part of [`enter`](Self::enter) that runs under the lock.
    #[inline]
    fn insert(&self, wakers: &mut Slab<Waker>, waker: Waker) -> Result<Key, Refused> {
        // This is (1) of the proof. The lock alone would not publish: `done` may be seen set before
        // the last worker has taken the lock.
        if self.is_done() {
            return Err(Refused::Done(waker));
        }
        wakers.insert(waker).map_err(Refused::Full)
    }

    /// Allocates, and tries again.
    #[cold]
    fn enter_larger(&self, mut full: Full<Waker>) -> Result<Key, Waker> {
        loop {
            // Declared before the lock is taken, and so dropped after it was given back, with the
            // table's old memory in it.
            let mut spare = Vec::with_capacity(full.wanted);
            let entered = self.wakers.with(|wakers| {
                wakers.grow(&mut spare);
                self.insert(wakers, full.value)
            });
            match entered {
                Ok(key) => return Ok(key),
                Err(Refused::Done(waker)) => return Err(waker),
                Err(Refused::Full(again)) => full = again,
            }
        }
    }

    /// Leaves `waker` under `key` and gives back the one that was there. If the group is done, the new
    /// one comes back as an error. Either is for the caller to drop.
    pub(crate) fn replace(&self, key: Key, waker: Waker) -> Result<Waker, Waker> {
        self.wakers.with(|wakers| match wakers.get_mut(key) {
            // As in `insert`.
            Some(place) if !self.is_done() => Ok(mem::replace(place, waker)),
            _ => Err(waker),
        })
    }

    /// Takes back the waker under `key`, if it is still there, for the caller to drop.
    #[inline]
    pub(crate) fn leave(&self, key: Key) -> Option<Waker> {
        // A done group has emptied its table, or is about to.
        if self.is_done() {
            return None;
        }
        if key.is_inline() {
            return self.wakers.with(|wakers| wakers.take_inline());
        }
        // Freed after the lock was given back.
        let mut spare = Vec::new();
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
        let wakers = self.wakers.with(|wakers| wakers.take());
        unwind::for_each(wakers, Waker::wake);
    }
}

/// Why a waker was not taken in.
enum Refused {
    Done(Waker),
    Full(Full<Waker>),
}

/// Deliberate mistakes, for the canaries of the models.
#[cfg(all(test, rejoin_model))]
impl Waiters {
    /// [`enter`](Self::enter) without step (1) of the proof.
    pub(crate) fn enter_blindly(&self, waker: Waker) {
        let _key = self.wakers.with(|wakers| wakers.insert(waker));
    }

    /// [`leave`](Self::leave) by a waiter that trusts its first look: whether its waker is where it
    /// left it.
    pub(crate) fn leave_trustingly(&self, key: Key) -> bool {
        let mut spare = Vec::new();
        let removed = |wakers: &mut Slab<Waker>| wakers.remove(key, &mut spare);
        self.is_done() || self.wakers.with(removed).is_some()
    }
}
