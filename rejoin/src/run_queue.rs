//! A worker's own queue: a LIFO slot in front of a bounded ring, both open to thieves.
//!
//! # Invariant
//!
//! An item that was pushed is taken out exactly once, by the owner or by one thief, and at every
//! moment between its push and its removal a thief that looks can find it.
//!
//! # Why it holds
//!
//! Both parts are `st3` queues of capacity one (slot) and [`RING`] (ring), each with one owner's end
//! ([`RunQueue`], which cannot be shared) and any number of thieves' ends ([`Stealers`]):
//!
//! - *Owner's end.* A push writes the item and then moves the tail with a Release store: no atomic
//!   read-modify-write. A pop claims the item by one compare-exchange on the head, which a thief
//!   would have to win as well.
//! - *Thieves' end.* A thief books items by one compare-exchange on the head (Acquire, so it sees
//!   what was written before the tail moved), copies them, and hands the places back by a second
//!   one. While it copies, other thieves are told [`Steal::Busy`], the owner pops on behind the
//!   booked items, and a push that would need a booked place fails as if the ring were full. A thief
//!   that is preempted half-way therefore costs room, never an item, and nobody waits for it.
//!
//! A queue that overflows gives up its older half; the caller takes that to a shared one. No part of
//! the queue is private to the owner: whoever computes for long strands nothing.
//!
//! `model::run_queue` explores both ends with every ordering inside of `st3`.
//!
//! Not promised: order between items that were stolen and those that were not.

use st3::{StealError, fifo, lifo};

/// Room in the ring. Large enough that overflow is rare, small enough to stay in the first cache.
pub(crate) const RING: usize = if cfg!(st3_loom) { 4 } else { 256 };

/// The owner's end.
#[derive(Debug)]
pub(crate) struct RunQueue<T> {
    slot: lifo::Worker<T>,
    ring: fifo::Worker<T>,
}

/// The thieves' end.
#[derive(Debug)]
pub(crate) struct Stealers<T> {
    slot: lifo::Stealer<T>,
    ring: fifo::Stealer<T>,
}

/// What came of an attempt to steal.
#[derive(Debug)]
pub(crate) enum Steal<T> {
    /// This item to run, and the rest of the loot, so many in all, in the thief's own ring.
    Item(T, usize),
    /// Nothing to take.
    Empty,
    /// Another thief is at it: there is, or just was, something.
    Busy,
    /// There is something, but less than was asked for.
    Few,
}

impl<T> RunQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            slot: lifo::Worker::new(1),
            ring: fifo::Worker::new(RING),
        }
    }

    pub(crate) fn stealers(&self) -> Stealers<T> {
        Stealers {
            slot: self.slot.stealer(),
            ring: self.ring.stealer(),
        }
    }

    /// Puts `item` into the slot. Gives back the item that has to go to the ring instead: the one it
    /// displaced, or `item` itself while a thief has its hand in the slot.
    #[inline]
    pub(crate) fn push_slot(&self, item: T) -> Option<T> {
        let displaced = self.slot.pop();
        match self.slot.push(item) {
            Ok(()) => displaced,
            Err(item) => {
                // A thief has taken the old item and not yet handed back its place, so nothing was
                // displaced: had the pop succeeded, the place would be free.
                debug_assert!(displaced.is_none());
                Some(item)
            }
        }
    }

    /// Puts `item` at the back of the ring, or gives it back when there is no room.
    pub(crate) fn push_ring(&self, item: T) -> Result<(), T> {
        self.ring.push(item)
    }

    pub(crate) fn pop_slot(&self) -> Option<T> {
        self.slot.pop()
    }

    pub(crate) fn pop_ring(&self) -> Option<T> {
        self.ring.pop()
    }

    /// Whether the ring holds one item, as far as the owner can tell, and the slot none.
    pub(crate) fn is_single(&self) -> bool {
        self.ring.spare_capacity() + 1 == RING && self.slot.is_empty()
    }

    /// Whether the ring holds something, as far as the owner can tell.
    pub(crate) fn holds_ring(&self) -> bool {
        self.ring.spare_capacity() < RING
    }

    /// How many items the ring has room for, at least.
    pub(crate) fn room(&self) -> usize {
        self.ring.spare_capacity()
    }

    /// Appends as many of `items` as the caller knows there is [`room`](Self::room) for.
    pub(crate) fn extend(&self, items: impl Iterator<Item = T>) {
        self.ring.extend(items);
    }

    /// Takes the whole ring out, or nothing while a thief is at it.
    pub(crate) fn drain_ring(&self) -> Option<fifo::Drain<'_, T>> {
        self.ring.drain(|len| len).ok()
    }

    /// Takes the older half of the ring out, or nothing while a thief is at it.
    pub(crate) fn overflow(&self) -> Option<fifo::Drain<'_, T>> {
        self.ring.drain(|len| len.div_ceil(2)).ok()
    }

    /// Steals half of `victim`'s ring if there are `least` items: one to run, the rest into the own ring.
    pub(crate) fn steal_ring(&self, victim: &Stealers<T>, least: usize) -> Steal<T> {
        let mut few = false;
        let half = |len: usize| {
            few = 0 < len && len < least;
            if few { 0 } else { len.div_ceil(2) }
        };
        match victim.ring.steal_and_pop(&self.ring, half) {
            Ok((item, rest)) => Steal::Item(item, rest + 1),
            Err(StealError::Empty) if few => Steal::Few,
            Err(StealError::Empty) => Steal::Empty,
            Err(StealError::Busy) => Steal::Busy,
        }
    }

    /// Steals what is in `victim`'s slot.
    pub(crate) fn steal_slot(&self, victim: &Stealers<T>) -> Steal<T> {
        // The destination is only a formality: of one item, the one is popped.
        match victim.slot.steal_and_pop(&self.slot, |len| len) {
            Ok((item, _)) => Steal::Item(item, 1),
            Err(StealError::Empty) => Steal::Empty,
            Err(StealError::Busy) => Steal::Busy,
        }
    }

    /// Whether `victim`'s ring holds something: looks, and changes nothing.
    pub(crate) fn sees_ring(&self, victim: &Stealers<T>) -> bool {
        self.ring_len(victim) > 0
    }

    /// How much lies in `victim`'s ring, at least one while a thief is at it: looks, and changes nothing.
    pub(crate) fn ring_len(&self, victim: &Stealers<T>) -> usize {
        let mut seen = 0;
        let look = |len| {
            seen = len;
            0
        };
        let busy = matches!(victim.ring.steal(&self.ring, look), Err(StealError::Busy));
        seen.max(usize::from(busy))
    }

    /// Whether `victim`'s slot holds something: looks, and changes nothing.
    pub(crate) fn sees_slot(&self, victim: &Stealers<T>) -> bool {
        let mut seen = 0;
        let look = |len| {
            seen = len;
            0
        };
        matches!(victim.slot.steal(&self.slot, look), Err(StealError::Busy)) || seen > 0
    }
}
