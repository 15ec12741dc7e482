//! The tasks that wait: entered at their first Pending, left by the one way out.
//!
//! # Invariant
//!
//! A task that has returned Pending and has not ended is in its executor's registry, or will be run
//! once more because the registry is closed.
//!
//! # Why it holds
//!
//! Only the poll that returns Pending enters the task, and only [`task`](crate::task)'s one way out
//! takes it off the list, with the key it was given. [`close`](Registry::close) marks each shard under
//! the shard's lock before it takes the wakers: an entry comes before the mark and is taken, or after
//! it and is refused, whereupon the caller wakes the task itself.
//!
//! A task that is on the list is woken by `close`. That does nothing if the task is scheduled already
//! and about to be polled as if nothing had happened; therefore each poll that returns Pending asks
//! [`is_closed`](Registry::is_closed). `model::task` fails without that question.
//!
//! The waker kept here also keeps alive a detached task that returned Pending and left no waker
//! anywhere else, which would otherwise be freed without its future being dropped.
//!
//! A task that ends at its first poll never comes here and pays nothing but the question whether anybody
//! [minds its end](Registry::minds_ends). Wakers are cloned by the caller and dropped by the caller, outside the lock.

use std::num::NonZeroU32;
use std::task::Waker;

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::hooks::Finish;
use crate::policy;
use crate::sync::{AtomicBool, AtomicU8, AtomicUsize, Lock, Ordering};

/// Shards, a power of two: a worker enters tasks into the shard of its seat, so that workers meet
/// only where a task ends on another worker than the one it first waited on.
const SHARDS: u32 = 16;

/// Most tasks in one shard, so that shard and place fit one [`Key`].
const SHARD_ROOM: usize = (u32::MAX / SHARDS) as usize - 1;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Set before any shard is closed.
    closed: AtomicBool,
    /// Who minds how tasks end: any of the constants below.
    minds: AtomicU8,
    ends: CachePadded<Counted>,
    shards: Box<[CachePadded<Lock<Shard>>]>,
}

/// Hooks want to hear of each.
const HOOKED: u8 = 1;
/// Whoever shuts the executor down counts them.
const COUNTED: u8 = 2;

#[derive(Debug)]
struct Counted {
    finished: AtomicUsize,
    cancelled: AtomicUsize,
}

/// How many tasks have ended since somebody counts, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) finished: usize,
    pub(crate) cancelled: usize,
}

#[derive(Debug, Default)]
struct Shard {
    wakers: Slab<Waker>,
    closed: bool,
}

/// Where in the registry a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(NonZeroU32);

impl Key {
    fn new(shard: u32, place: usize) -> Option<Self> {
        let place = u32::try_from(place + 1).ok()?;
        NonZeroU32::new(place * SHARDS + shard).map(Self)
    }

    fn shard(self) -> usize {
        (self.0.get() % SHARDS) as usize
    }

    fn place(self) -> usize {
        (self.0.get() / SHARDS) as usize - 1
    }
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            closed: AtomicBool::new(false),
            minds: AtomicU8::new(0),
            ends: CachePadded::new(Counted {
                finished: AtomicUsize::new(0),
                cancelled: AtomicUsize::new(0),
            }),
            shards: (0..SHARDS).map(|_| CachePadded::default()).collect(),
        }
    }

    /// Enters a task, preferably into the shard near `hint`; gives its waker back if the registry is
    /// closed.
    pub(crate) fn enter(&self, hint: u32, waker: Waker) -> Result<Key, Waker> {
        for step in 0..SHARDS {
            let number = hint.wrapping_add(step) % SHARDS;
            let mut shard = self.shards[number as usize].lock();
            if shard.closed {
                return Err(waker);
            }
            if shard.wakers.len() < SHARD_ROOM {
                if shard.wakers.len() == shard.wakers.capacity() {
                    let room = policy::more_room(shard.wakers.len());
                    shard.wakers.reserve_exact(room);
                }
                let place = shard.wakers.insert(waker);
                return Key::new(number, place).ok_or_else(|| shard.wakers.remove(place));
            }
        }
        unreachable!("four thousand million tasks wait, in less memory than they need")
    }

    /// Takes a task off the list. The waker is the caller's to drop; there is none if the registry
    /// was closed meanwhile.
    pub(crate) fn leave(&self, key: Key) -> Option<Waker> {
        // Then `close` takes all there are; to wake one whose task has ended does nothing.
        if self.is_closed() {
            return None;
        }
        let emptied;
        let waker = {
            let mut shard = self.shards[key.shard()].lock();
            let waker = shard.wakers.try_remove(key.place());
            emptied = (shard.wakers.is_empty() && shard.wakers.capacity() > policy::KEPT)
                .then(|| std::mem::take(&mut shard.wakers));
            waker
        };
        // The memory of a burst that is over, freed after the lock.
        drop(emptied);
        waker
    }

    /// Refuses further tasks, and hands each one that waits to `wake`, outside any lock.
    pub(crate) fn close(&self, mut wake: impl FnMut(Waker)) {
        // Ordering: Release; see `is_closed`.
        self.closed.store(true, Ordering::Release);
        for shard in &self.shards {
            let wakers = {
                let mut shard = shard.lock();
                shard.closed = true;
                std::mem::take(&mut shard.wakers)
            };
            wakers.into_iter().for_each(|(_, waker)| wake(waker));
        }
    }

    /// Whether the registry is closed, or about to be.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `close`. A poll that was scheduled when `close`
        // woke its task has synchronised with that wake-up through the task's own state.
        self.closed.load(Ordering::Acquire)
    }

    /// How many tasks are on the list.
    pub(crate) fn len(&self) -> usize {
        let shards = self.shards.iter();
        shards.map(|shard| shard.lock().wakers.len()).sum()
    }

    // ---- how tasks end ----

    /// Whether anybody minds how tasks end. A byte that is read at the end of each, and all but never written.
    #[inline]
    pub(crate) fn minds_ends(&self) -> bool {
        // Ordering: Relaxed; see `count_ends`.
        self.minds.load(Ordering::Relaxed) != 0
    }

    /// From now on ends are counted. To be called before anything is cancelled.
    pub(crate) fn count_ends(&self) {
        // Ordering: Relaxed. A task that ends at this moment is counted or not. One that is cancelled is, because
        // a worker learns from an Acquire load in `Scheduler::is_cancelling` that it is to cancel.
        self.minds.fetch_or(COUNTED, Ordering::Relaxed);
    }

    /// Counts the end of a task, if ends are counted.
    pub(crate) fn count_end(&self, how: Finish) {
        // Ordering: Relaxed; see `count_ends`.
        if self.minds.load(Ordering::Relaxed) & COUNTED == 0 {
            return;
        }
        let counter = match how {
            Finish::Ready | Finish::Panicked => &self.ends.finished,
            Finish::Cancelled => &self.ends.cancelled,
        };
        // Ordering: Relaxed. Who asks for the sum of all has waited for the threads that counted, through a lock.
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn ends(&self) -> Ends {
        // Ordering: Relaxed; see `count_end`.
        Ends {
            finished: self.ends.finished.load(Ordering::Relaxed),
            cancelled: self.ends.cancelled.load(Ordering::Relaxed),
        }
    }

    /// Accepts tasks again, for the next executor, which is `hooked` or not.
    pub(crate) fn open(&self, hooked: bool) {
        // Ordering: Relaxed; nobody polls tasks of this registry before it is handed on.
        self.closed.store(false, Ordering::Relaxed);
        let minds = if hooked { HOOKED } else { 0 };
        self.minds.store(minds, Ordering::Relaxed);
        self.ends.finished.store(0, Ordering::Relaxed);
        self.ends.cancelled.store(0, Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = shard.lock();
            debug_assert!(shard.wakers.is_empty());
            shard.closed = false;
        }
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_shard_and_place() {
        for shard in 0..SHARDS {
            for place in [0, 1, 1_000_000, SHARD_ROOM - 1] {
                let key = Key::new(shard, place).unwrap();
                assert_eq!((key.shard(), key.place()), (shard as usize, place));
            }
        }
        assert_eq!(size_of::<Option<Key>>(), 4);
    }

    #[test]
    fn a_closed_registry_gives_the_waker_back() {
        let registry = Registry::new();
        let key = registry.enter(3, Waker::noop().clone()).unwrap();
        let mut woken = 0;
        registry.close(|_| woken += 1);
        assert_eq!(woken, 1);
        assert!(registry.leave(key).is_none());
        assert!(registry.enter(3, Waker::noop().clone()).is_err());
        registry.open(false);
        assert!(registry.enter(3, Waker::noop().clone()).is_ok());
    }

    #[test]
    fn many_take_little_room_that_is_not_used_and_a_burst_gives_it_back() {
        let registry = Registry::new();
        let room = || registry.shards[0].lock().wakers.capacity();
        let mut keys = Vec::new();
        for tasks in 1..20 * policy::KEPT {
            keys.push(registry.enter(0, Waker::noop().clone()).unwrap());
            assert!(room() <= tasks + (tasks / 8).max(policy::KEPT));
        }
        for key in keys {
            assert!(registry.leave(key).is_some());
        }
        assert!(room() <= policy::KEPT);
    }

    #[test]
    fn ends_are_counted_from_the_call_to_the_next_executor() {
        let registry = Registry::new();
        registry.count_end(Finish::Ready);
        assert_eq!(registry.ends(), Ends::default());
        assert!(!registry.minds_ends());
        registry.count_ends();
        assert!(registry.minds_ends());
        for how in [Finish::Ready, Finish::Panicked, Finish::Cancelled] {
            registry.count_end(how);
        }
        let (finished, cancelled) = (2, 1);
        let ends = Ends {
            finished,
            cancelled,
        };
        assert_eq!(registry.ends(), ends);
        registry.open(true);
        assert!(registry.minds_ends(), "there are hooks");
        registry.count_end(Finish::Ready);
        assert_eq!(registry.ends(), Ends::default());
    }
}
