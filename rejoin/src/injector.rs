//! The shared queue: tasks from outside, overflow from inside.
//!
//! # Invariant
//!
//! A runnable that [`push`](Injector::push) accepted is popped by a worker; one that comes for an
//! executor that is no more is given back to the caller.
//!
//! # Why it holds
//!
//! The queue is made of lanes, each with items and the generation that is served under one lock. A push
//! compares the generation for which the item is meant with that of its lane; [`close`](Injector::close) holds the locks
//! of all lanes and ends the service only if all are empty. Nothing can therefore slip in after the last look.
//! `model::injector` fails if they are not held together.
//!
//! # Order
//!
//! What one thread pushes is taken in that order. Between threads there is none, but no lane waits for another: each
//! worker begins at the next lane each time ([`Held::next_lane`](crate::seat::Held::next_lane)).
//!
//! A mutex blocks in the operating system instead of spinning: a thread of high priority that
//! preempts a pusher half-way waits for it and cannot livelock.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use crossbeam_utils::CachePadded;

use crate::policy;
use crate::sync::{AtomicUsize, Lock, Ordering, StaticUsize, has};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Injector<T> {
    /// In place, because each poll of a worker looks into it.
    first: Lane<T>,
    /// With the first, a power of two.
    others: Box<[Lane<T>]>,
}

/// What some of the threads push to.
#[derive(Debug)]
struct Lane<T> {
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

thread_local! {
    /// Threads take turns in choosing a lane, and keep to it.
    // Ordering: Relaxed. Any number does, and nothing hangs on it.
    static LANE: usize = NEXT_LANE.fetch_add(1, Ordering::Relaxed);
}

static NEXT_LANE: StaticUsize = StaticUsize::new(0);

impl<T> Injector<T> {
    /// With so many lanes, a power of two.
    pub(crate) fn new(lanes: usize) -> Self {
        debug_assert!(lanes.is_power_of_two());
        let lane = || Lane {
            state: CachePadded::new(Lock::new(State {
                queue: VecDeque::new(),
                serving: 0,
            })),
            len: CachePadded::new(AtomicUsize::new(0)),
        };
        Self {
            first: lane(),
            others: std::iter::repeat_with(lane).take(lanes - 1).collect(),
        }
    }

    /// Begins to accept items that are meant for `generation`.
    pub(crate) fn open(&self, generation: u32) {
        for lane in self.lanes() {
            let mut state = lane.state.lock();
            debug_assert!(state.queue.is_empty());
            state.serving = generation;
        }
    }

    /// Ends the service if the queue is empty, and says whether it did.
    pub(crate) fn close(&self) -> bool {
        let lock_all = || -> Vec<_> { self.lanes().map(|lane| lane.state.lock()).collect() };
        let mut states = lock_all();
        let empty = states.iter().all(|state| state.queue.is_empty());
        if !has!(AllLanes) {
            drop(states);
            states = lock_all();
        }
        if empty {
            for state in &mut states {
                state.serving = 0;
                state.queue = VecDeque::new();
            }
        }
        empty
    }

    /// Adds one item at the back of the calling thread's lane, or gives it back when `generation` is not served.
    pub(crate) fn push(&self, generation: u32, item: T) -> Result<(), T> {
        self.own_lane().push(generation, item)
    }

    /// The same on the lane at `index`.
    #[cfg(test)]
    pub(crate) fn push_to(&self, index: usize, generation: u32, item: T) -> Result<(), T> {
        self.lane(index).push(generation, item)
    }

    /// Adds all of `items` at the back, under one lock, or none when `generation` is not served.
    pub(crate) fn push_many(&self, generation: u32, items: &mut Vec<T>) {
        let lane = self.own_lane();
        let mut state = lane.state.lock();
        if state.serving == generation {
            state.queue.extend(items.drain(..));
            lane.publish(&state);
        }
    }

    /// Adds many items at the back, under one lock. Only for items of the generation served, by a
    /// worker of it, which keeps the service open.
    pub(crate) fn push_batch(&self, items: impl Iterator<Item = T>) {
        let lane = self.own_lane();
        let mut state = lane.state.lock();
        debug_assert!(state.serving != 0);
        state.queue.extend(items);
        lane.publish(&state);
    }

    /// Adds one item at the back of the longest lane, so that it comes after most, if that holds a crowd. Only for an item
    /// of the generation served, as with [`push_batch`](Self::push_batch).
    pub(crate) fn push_last(&self, item: T) -> Result<(), T> {
        let lane = self.lanes().max_by_key(|lane| lane.len());
        match lane.filter(|lane| policy::is_crowd(lane.len())) {
            Some(lane) => {
                let mut state = lane.state.lock();
                debug_assert!(state.serving != 0);
                state.queue.push_back(item);
                lane.publish(&state);
                Ok(())
            }
            None => Err(item),
        }
    }

    /// Takes one item to run out of the first lane that has one, from the `first` on, and, under the same lock, a batch
    /// of `share(how many are left there)` further ones, which it hands to `sink`.
    pub(crate) fn pop(
        &self,
        first: usize,
        share: impl FnOnce(usize) -> usize,
        sink: impl FnOnce(Drain<'_, T>),
    ) -> Option<T> {
        let (lane, mut state, item) = (first..=first + self.others.len()).find_map(|index| {
            let lane = self.lane(index);
            if lane.len() == 0 {
                return None;
            }
            let mut state = lane.state.lock();
            let item = state.queue.pop_front()?;
            Some((lane, state, item))
        })?;
        let share = share(state.queue.len());
        if share > 0 {
            sink(state.queue.drain(..share));
        }
        lane.publish(&state);
        state.trim();
        Some(item)
    }

    /// Whether the queue was empty at a moment not long ago.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.len() == 0 && self.others.iter().all(|lane| lane.len() == 0)
    }

    /// How long the queue was at a moment not long ago.
    pub(crate) fn len(&self) -> usize {
        self.lanes().map(Lane::len).sum()
    }

    fn lanes(&self) -> impl Iterator<Item = &Lane<T>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The lane at `index`, which goes round.
    fn lane(&self, index: usize) -> &Lane<T> {
        match index & self.others.len() {
            0 => &self.first,
            other => &self.others[other - 1],
        }
    }

    /// The lane of the calling thread.
    fn own_lane(&self) -> &Lane<T> {
        if self.others.is_empty() {
            return &self.first;
        }
        // Of a thread that is ending, the first.
        self.lane(LANE.try_with(|lane| *lane).unwrap_or(0))
    }
}

impl<T> State<T> {
    /// Gives back the memory of a burst that is over.
    fn trim(&mut self) {
        let room = self.queue.capacity();
        let kept = policy::kept_room(self.queue.len(), room);
        if kept < room {
            self.queue.shrink_to(kept);
        }
    }
}

impl<T> Lane<T> {
    fn push(&self, generation: u32, item: T) -> Result<(), T> {
        let mut state = self.state.lock();
        if state.serving != generation {
            return Err(item);
        }
        state.queue.push_back(item);
        self.publish(&state);
        Ok(())
    }

    fn len(&self) -> usize {
        // Ordering: Relaxed. Where a stale answer would matter, the caller fences (see `idle`); the
        // items themselves are read under the lock.
        self.len.load(Ordering::Relaxed)
    }

    fn publish(&self, state: &State<T>) {
        // Ordering: Relaxed; see `len`. Stores are ordered among themselves by the lock.
        self.len.store(state.queue.len(), Ordering::Relaxed);
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::processors::processors;
    use crate::sync::Arc;
    use crate::{Executor, policy};

    #[test]
    fn an_item_for_another_generation_comes_back() {
        let injector = Injector::new(1);
        assert_eq!(injector.push(1, "early"), Err("early"));
        injector.open(1);
        assert_eq!(injector.push(1, "in time"), Ok(()));
        assert!(!injector.close());
        assert_eq!(injector.pop(0, |left| left, |_| ()), Some("in time"));
        assert!(injector.close());
        assert_eq!(injector.push(1, "late"), Err("late"));
        injector.open(2);
        assert_eq!(injector.push(1, "very late"), Err("very late"));
    }

    #[test]
    fn the_memory_of_a_burst_is_given_back() {
        let injector = Injector::new(1);
        injector.open(1);
        for item in 0..100_000 {
            assert_eq!(injector.push(1, item), Ok(()));
        }
        for item in 0..100_000 {
            assert_eq!(injector.pop(0, |_| 0, |_| ()), Some(item));
        }
        let room = injector.first.state.lock().queue.capacity();
        assert!(room <= 2 * policy::KEPT, "{room}");
    }

    #[test]
    fn all_lanes_are_closed_or_none() {
        let injector = Injector::new(2);
        injector.open(1);
        let to = |lane, item| injector.push_to(lane, 1, item);
        assert_eq!(to(1, "on the second lane"), Ok(()));
        assert!(!injector.close());
        assert_eq!(to(0, "on the first"), Ok(()));
        assert_eq!(injector.len(), 2);
        let pop = || injector.pop(0, |_| 0, |_| ());
        assert_eq!(
            [pop(), pop(), pop()],
            [Some("on the first"), Some("on the second lane"), None]
        );
        assert!(injector.close());
        assert_eq!([to(0, "late"), to(1, "too")], [Err("late"), Err("too")]);
    }

    #[test]
    fn a_lane_that_is_never_empty_keeps_no_other_waiting() {
        let injector = Injector::new(4);
        injector.open(1);
        let to = |lane, item| injector.push_to(lane, 1, item);
        for item in 0..10 {
            to(2, item).expect("open");
        }
        (0..4).for_each(|lane| to(lane, 100).expect("open"));
        let first = (0..4).map(|first| injector.pop(first, |_| 0, |_| ()).expect("not empty"));
        assert_eq!(first.collect::<Vec<_>>(), [100, 100, 0, 100]);
    }

    /// Runs `run` on a thread of its own that pushes to the lane at `index`, of so many `lanes`.
    fn on_lane(lanes: usize, index: usize, run: &(dyn Fn() + Sync)) {
        let may = || LANE.with(|lane| lane % lanes) == index;
        let try_one = || may().then(run).is_some();
        while !thread::scope(|scope| scope.spawn(try_one).join().expect("no panic")) {}
    }

    #[test]
    fn who_floods_a_lane_keeps_no_other_thread_waiting() {
        let lanes = policy::lanes(processors());
        for (flooded, other) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            if other.max(flooded) >= lanes {
                continue;
            }
            let executor = Executor::builder().threads(1).build().expect("a thread");
            let (open, gate) = mpsc::channel::<()>();
            let (busy, is_busy) = mpsc::channel();
            executor
                .spawn(async move { (busy.send(()), gate.recv()) })
                .detach();
            is_busy.recv().expect("the worker waits at the gate");
            let ran = Arc::new(AtomicUsize::new(0));
            on_lane(lanes, flooded, &|| {
                for _ in 0..1_000 {
                    let ran = Arc::clone(&ran);
                    executor
                        .spawn(async move { ran.fetch_add(1, Ordering::Relaxed) })
                        .detach();
                }
            });
            let (tell, told) = mpsc::channel();
            on_lane(lanes, other, &|| {
                let (ran, tell) = (Arc::clone(&ran), tell.clone());
                executor
                    .spawn(async move { tell.send(ran.load(Ordering::Relaxed)) })
                    .detach();
            });
            drop(open);
            let before = told.recv().expect("it ran");
            assert!(before < 1_000, "{flooded} before {other}: {before}");
        }
    }
}
