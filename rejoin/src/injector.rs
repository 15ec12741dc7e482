//! The shared queue: tasks from outside, overflow from inside.
//!
//! # Invariant
//!
//! A runnable that [`push`](Injector::push) accepted is popped by a worker; one that comes for an
//! executor that is no more is given back to the caller.
//!
//! # Why it holds
//!
//! Queue and generation lie under one lock. A push compares the generation for which the item is
//! meant with the one that is served; [`close`](Injector::close) ends the service only while the
//! queue is empty. Nothing can therefore slip in after the last look.
//!
//! A mutex blocks in the operating system instead of spinning: a thread of high priority that
//! preempts a pusher half-way waits for it and cannot livelock.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicUsize, Lock, Ordering};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Injector<T> {
    state: CachePadded<Lock<State<T>>>,
    /// A copy of the queue's length for a look without the lock.
    len: CachePadded<AtomicUsize>,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    /// The generation that is served, or 0 for none.
    serving: u32,
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: CachePadded::new(Lock::new(State {
                queue: VecDeque::new(),
                serving: 0,
            })),
            len: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// Begins to accept items that are meant for `generation`.
    pub(crate) fn open(&self, generation: u32) {
        let mut state = self.state.lock();
        debug_assert!(state.queue.is_empty());
        state.serving = generation;
    }

    /// Ends the service if the queue is empty, and says whether it did.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.state.lock();
        if state.queue.is_empty() {
            state.serving = 0;
            state.queue = VecDeque::new();
            return true;
        }
        false
    }

    /// Adds one item at the back, or gives it back when `generation` is not served.
    pub(crate) fn push(&self, generation: u32, item: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.serving != generation {
            return Err(item);
        }
        state.queue.push_back(item);
        self.publish(&state);
        Ok(())
    }

    /// Adds all of `items` at the back, under one lock, or none when `generation` is not served.
    pub(crate) fn push_many(&self, generation: u32, items: &mut Vec<T>) {
        let mut state = self.state.lock();
        if state.serving == generation {
            state.queue.extend(items.drain(..));
            self.publish(&state);
        }
    }

    /// Adds many items at the back, under one lock. Only for items of the generation served, by a
    /// worker of it, which keeps the service open.
    pub(crate) fn push_batch(&self, items: impl Iterator<Item = T>) {
        let mut state = self.state.lock();
        debug_assert!(state.serving != 0);
        state.queue.extend(items);
        self.publish(&state);
    }

    /// Takes one item to run and, under the same lock, a batch of `share(how many are left)` further
    /// ones, which it hands to `sink`.
    pub(crate) fn pop(
        &self,
        share: impl FnOnce(usize) -> usize,
        sink: impl FnOnce(Drain<'_, T>),
    ) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut state = self.state.lock();
        let item = state.queue.pop_front()?;
        let share = share(state.queue.len());
        if share > 0 {
            sink(state.queue.drain(..share));
        }
        self.publish(&state);
        Some(item)
    }

    /// Whether the queue was empty at a moment not long ago.
    pub(crate) fn is_empty(&self) -> bool {
        // Ordering: Relaxed. Where a stale answer would matter, the caller fences (see `idle`); the
        // items themselves are read under the lock.
        self.len() == 0
    }

    /// How long the queue was at a moment not long ago.
    pub(crate) fn len(&self) -> usize {
        // Ordering: as in `is_empty`.
        self.len.load(Ordering::Relaxed)
    }

    fn publish(&self, state: &State<T>) {
        // Ordering: Relaxed; see `is_empty`. Stores are ordered among themselves by the lock.
        self.len.store(state.queue.len(), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn an_item_for_another_generation_comes_back() {
        let injector = Injector::new();
        assert_eq!(injector.push(1, "early"), Err("early"));
        injector.open(1);
        assert_eq!(injector.push(1, "in time"), Ok(()));
        assert!(!injector.close());
        assert_eq!(injector.pop(|left| left, |_| ()), Some("in time"));
        assert!(injector.close());
        assert_eq!(injector.push(1, "late"), Err("late"));
        injector.open(2);
        assert_eq!(injector.push(1, "very late"), Err("very late"));
    }
}
