//! The timers that are set, in the order in which they are due.
//!
//! # Invariant
//!
//! Whoever sleeps in the poller sleeps no longer than until the first of them.
//!
//! # Why it holds
//!
//! Before he sleeps he reads, under the lock, when the first is due, and leaves there until when he will sleep. Who
//! sets a timer does so under the same lock: before, and then it is read; or after, and then he sees that somebody sleeps
//! for longer, and interrupts him. An interruption that comes before the sleep ends it at once.
//!
//! # How they are kept
//!
//! Most timers are taken back long before they are due, and need not be sorted for that. Those that are due in the same
//! millisecond lie in one bucket, in no order, and know their place in it; only the buckets are sorted. When its millisecond has
//! begun, a bucket is emptied into a sorted set, out of which its timers expire in their order. What is set for a
//! moment before that goes there at once, so that all in the set are due before all in the buckets.
//!
//! # Cost
//!
//! To set, move or drop a timer: the lock, a look into a map with an entry for each millisecond in which something is
//! due, and no allocation but for the first of a bucket. One that expires is sorted among those of its millisecond.
//!
//! # What is not promised
//!
//! More than a millisecond's precision: the poller counts in those, and rounds up. No timer is early.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::sync::Lock;

/// Names one timer, also when it has expired and another one has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    place: usize,
    number: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Timers(Lock<State>);

#[derive(Debug)]
struct State {
    set: Slab<Entry>,
    made: u64,
    /// Milliseconds are counted from here; what is due before is due in the first.
    origin: Instant,
    /// Those that are due in the same millisecond.
    buckets: BTreeMap<u64, Bucket>,
    /// Those of all milliseconds before `emptied`: when, which of those that are due at the same moment, where it lies.
    soon: BTreeSet<(Instant, u64, usize)>,
    emptied: u64,
    sleeper: Sleeper,
}

#[derive(Debug)]
struct Entry {
    due: Instant,
    number: u64,
    waker: Waker,
    /// Where in its bucket, if it is in one.
    position: usize,
}

#[derive(Debug)]
struct Bucket {
    /// None is due earlier.
    earliest: Instant,
    places: Vec<usize>,
}

/// Until when somebody sleeps in the poller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleeper {
    Nobody,
    Until(Instant),
    ForGood,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self(Lock::new(State {
            set: Slab::new(),
            made: 0,
            origin: Instant::now(),
            buckets: BTreeMap::new(),
            soon: BTreeSet::new(),
            emptied: 0,
            sleeper: Sleeper::Nobody,
        }))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().set.is_empty()
    }

    /// Sets a timer, or moves to `due` and `waker` the one of this `key`. Says whether who sleeps must be interrupted.
    pub(crate) fn set(&self, key: &mut Option<Key>, due: Instant, waker: Waker) -> bool {
        // Dropped when the lock is not held any more.
        let mut _before = None;
        let mut state = self.0.lock();
        if let Some(old) = *key {
            match state.get(old) {
                Some(entry) if entry.due == due => {
                    _before = Some(std::mem::replace(&mut entry.waker, waker));
                    return false;
                }
                _ => _before = state.remove(old),
            }
        }
        *key = Some(state.insert(due, waker));
        let too_long = match state.sleeper {
            Sleeper::Nobody => false,
            Sleeper::Until(until) => due < until,
            Sleeper::ForGood => true,
        };
        if too_long {
            // Who is next need not interrupt again, unless he is earlier still.
            state.sleeper = Sleeper::Until(due);
        }
        too_long
    }

    /// Takes a timer back, if it has not expired.
    pub(crate) fn take_back(&self, key: Key) {
        let waker = self.0.lock().remove(key);
        drop(waker);
    }

    /// Before a sleep of `timeout` at most: for how long it may be.
    pub(crate) fn lie_down(&self, timeout: Option<Duration>) -> Option<Duration> {
        if timeout == Some(Duration::ZERO) {
            return timeout;
        }
        let mut state = self.0.lock();
        let first = state.first();
        if first.is_none() && timeout.is_none() {
            state.sleeper = Sleeper::ForGood;
            return None;
        }
        let now = Instant::now();
        let left = first.map(|due| due.saturating_duration_since(now));
        let timeout = left.into_iter().chain(timeout).min()?;
        state.sleeper = match now.checked_add(timeout) {
            Some(until) => Sleeper::Until(until),
            None => Sleeper::ForGood,
        };
        Some(timeout)
    }

    /// After it: adds to `woken` whom the timers that are due wake, in their order.
    pub(crate) fn get_up(&self, woken: &mut Vec<Waker>) {
        self.get_up_at(Instant::now, woken);
    }

    fn get_up_at(&self, now: impl FnOnce() -> Instant, woken: &mut Vec<Waker>) {
        let mut state = self.0.lock();
        state.sleeper = Sleeper::Nobody;
        if state.set.is_empty() {
            return;
        }
        let now = now();
        state.empty_until(now);
        while let Some(&(due, _, place)) = state.soon.first() {
            if due > now {
                return;
            }
            state.soon.pop_first();
            woken.push(state.set.remove(place).waker);
        }
    }
}

impl State {
    /// In which millisecond `due` is.
    fn millisecond(&self, due: Instant) -> u64 {
        let since = due.saturating_duration_since(self.origin);
        let whole = since.as_secs().saturating_mul(1_000);
        whole.saturating_add(since.subsec_millis().into())
    }

    /// The timer of this `key`, if it is still set.
    fn get(&mut self, key: Key) -> Option<&mut Entry> {
        let entry = self.set.get_mut(key.place)?;
        (entry.number == key.number).then_some(entry)
    }

    fn insert(&mut self, due: Instant, waker: Waker) -> Key {
        self.made += 1;
        let number = self.made;
        let place = self.set.vacant_key();
        let millisecond = self.millisecond(due);
        let mut position = 0;
        if millisecond < self.emptied {
            self.soon.insert((due, number, place));
        } else {
            let bucket = self.buckets.entry(millisecond).or_insert(Bucket {
                earliest: due,
                places: Vec::new(),
            });
            bucket.earliest = bucket.earliest.min(due);
            position = bucket.places.len();
            bucket.places.push(place);
        }
        self.set.insert(Entry {
            due,
            number,
            waker,
            position,
        });
        Key { place, number }
    }

    /// Whom the timer of this `key` would have woken, if it was still set.
    fn remove(&mut self, key: Key) -> Option<Waker> {
        self.get(key)?;
        let removed = self.set.remove(key.place);
        let millisecond = self.millisecond(removed.due);
        if millisecond < self.emptied {
            self.soon.remove(&(removed.due, key.number, key.place));
            return Some(removed.waker);
        }
        // The last of the bucket takes its position.
        let bucket = self.buckets.get_mut(&millisecond);
        let places = &mut bucket.expect("it lies in its bucket").places;
        places.swap_remove(removed.position);
        if let Some(&moved) = places.get(removed.position) {
            self.set[moved].position = removed.position;
        } else if places.is_empty() {
            self.buckets.remove(&millisecond);
        }
        Some(removed.waker)
    }

    /// None is due earlier.
    fn first(&self) -> Option<Instant> {
        let soon = self.soon.first().map(|&(due, ..)| due);
        soon.or_else(|| Some(self.buckets.first_key_value()?.1.earliest))
    }

    /// Sorts what is due up to the millisecond of `now`.
    fn empty_until(&mut self, now: Instant) {
        let now = self.millisecond(now);
        while let Some(bucket) = self.buckets.first_entry() {
            if *bucket.key() > now {
                break;
            }
            for place in bucket.remove().places {
                let entry = &self.set[place];
                self.soon.insert((entry.due, entry.number, place));
            }
        }
        self.emptied = now.saturating_add(1);
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    use super::*;

    /// Tells by its number whom it has woken.
    struct Numbered(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Numbered {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    /// Numbers that look random and are the same in every run (xorshift).
    fn random(state: &mut u64, bound: u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % bound
    }

    /// Sets, moves and takes back at random, while time passes, beside a sorted map that does the same.
    #[test]
    fn timers_expire_in_their_order_wherever_they_were_moved() {
        for seed in 1..200 {
            let mut state = seed;
            let (timers, told) = (Timers::new(), Arc::new(Mutex::new(Vec::new())));
            let mut now = Instant::now();
            let mut keys = [None; 50];
            let mut dues: [Option<(Instant, usize)>; 50] = [None; 50];
            let mut expected = BTreeMap::new();
            let after = |state: &mut u64, bound| Duration::from_micros(random(state, bound));
            for step in 0..600 {
                let number = random(&mut state, 50) as usize;
                match random(&mut state, 8) {
                    0 => {
                        now += after(&mut state, 3_000);
                        let mut woken = Vec::new();
                        timers.get_up_at(|| now, &mut woken);
                        woken.into_iter().for_each(Waker::wake);
                        let later = expected.split_off(&(now, usize::MAX));
                        let expired = std::mem::replace(&mut expected, later).into_values();
                        assert!(told.lock().unwrap().drain(..).eq(expired), "seed {seed}");
                    }
                    1..3 => {
                        if let Some(key) = keys[number].take() {
                            timers.take_back(key);
                            expected.remove(&dues[number].expect("it has a key"));
                        }
                    }
                    kind => {
                        // Often in the same few milliseconds, now and then in the past.
                        let due = match kind {
                            3 => now - after(&mut state, 1_000),
                            4 => now + after(&mut state, 1_000_000),
                            _ => now + Duration::from_micros(100) * random(&mut state, 50) as u32,
                        };
                        let waker = Arc::new(Numbered(number, Arc::clone(&told)));
                        timers.set(&mut keys[number], due, waker.into());
                        let before =
                            dues[number].filter(|before| expected.get(before) == Some(&number));
                        if let Some(before) = before {
                            expected.remove(&before);
                        }
                        let same = before.filter(|before| before.0 == due);
                        dues[number] = same.or(Some((due, step)));
                        expected.insert((due, same.map_or(step, |same| same.1)), number);
                    }
                }
                let first = timers.0.lock().first();
                let earliest = expected.keys().next().map(|&(due, _)| due);
                assert_eq!(first.is_some(), earliest.is_some(), "seed {seed}");
                if let (Some(first), Some(earliest)) = (first, earliest) {
                    assert!(first <= earliest, "seed {seed}: somebody oversleeps");
                    assert!(earliest - first < Duration::from_millis(1), "seed {seed}");
                }
            }
            keys.into_iter()
                .flatten()
                .for_each(|key| timers.take_back(key));
            let left = timers.0.lock();
            assert!(left.set.is_empty() && left.soon.is_empty() && left.buckets.is_empty());
        }
    }

    #[test]
    fn the_key_of_one_that_has_expired_takes_nobody_else_back() {
        let timers = Timers::new();
        let (mut old, mut new) = (None, None);
        let now = Instant::now();
        timers.set(&mut old, now, Waker::noop().clone());
        timers.get_up(&mut Vec::new());
        timers.set(&mut new, now, Waker::noop().clone());
        let (old, new) = (old.expect("set"), new.expect("set"));
        assert_eq!(old.place, new.place);
        timers.take_back(old);
        assert!(!timers.is_empty());
        timers.take_back(new);
        assert!(timers.is_empty());
    }

    #[test]
    fn a_moment_beyond_all_counting_is_as_good_as_any() {
        let timers = Timers::new();
        let mut far = Instant::now();
        for exponent in (0..63).rev() {
            far = far
                .checked_add(Duration::from_secs(1 << exponent))
                .unwrap_or(far);
        }
        let mut key = None;
        timers.set(&mut key, far, Waker::noop().clone());
        timers.get_up(&mut Vec::new());
        assert!(!timers.is_empty());
        timers.take_back(key.expect("set"));
        assert!(timers.is_empty());
    }

    #[test]
    fn who_sleeps_for_longer_is_interrupted_once() {
        let timers = Timers::new();
        let (soon, later) = (Duration::from_secs(60), Duration::from_secs(120));
        let now = Instant::now();
        let set = |after| timers.set(&mut None, now + after, Waker::noop().clone());
        assert!(!set(later), "nobody sleeps");
        assert!(timers.lie_down(None).is_some_and(|sleep| sleep <= later));
        assert!(!set(later + soon), "who sleeps is up earlier");
        assert!(set(soon));
        assert!(!set(soon), "told already");
        timers.get_up(&mut Vec::new());
        assert!(!set(Duration::ZERO), "nobody sleeps any more");
    }

    #[test]
    fn with_no_timer_a_sleep_is_for_good_until_one_is_set() {
        let timers = Timers::new();
        assert_eq!(timers.lie_down(None), None);
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(timers.set(&mut None, far, Waker::noop().clone()));
    }

    #[test]
    fn a_look_is_not_a_sleep() {
        let timers = Timers::new();
        assert_eq!(timers.lie_down(Some(Duration::ZERO)), Some(Duration::ZERO));
        assert!(!timers.set(&mut None, Instant::now(), Waker::noop().clone()));
    }
}
