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
//! # Cost
//!
//! A sorted map: to set, move or drop one timer of a hundred thousand takes some hundreds of nanoseconds. A timing wheel
//! would be faster, and has more to get wrong; beside the system calls around it this has not been felt.
//!
//! # What is not promised
//!
//! More than a millisecond's precision: the poller counts in those, and rounds up. No timer is early.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::sync::Lock;

/// When, and which of those that are due at the same moment.
pub(crate) type Key = (Instant, u64);

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Timers(Lock<State>);

#[derive(Debug)]
struct State {
    set: BTreeMap<Key, Waker>,
    made: u64,
    sleeper: Sleeper,
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
            set: BTreeMap::new(),
            made: 0,
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
        let new = match *key {
            Some(same) if same.0 == due => same,
            other => {
                _before = other.and_then(|old| state.set.remove(&old));
                state.made += 1;
                (due, state.made)
            }
        };
        *key = Some(new);
        if let Some(replaced) = state.set.insert(new, waker) {
            _before = Some(replaced);
            return false;
        }
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
        let waker = self.0.lock().set.remove(&key);
        drop(waker);
    }

    /// Before a sleep of `timeout` at most: for how long it may be.
    pub(crate) fn lie_down(&self, timeout: Option<Duration>) -> Option<Duration> {
        if timeout == Some(Duration::ZERO) {
            return timeout;
        }
        let mut state = self.0.lock();
        let first = state.set.keys().next().map(|&(due, _)| due);
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
        let mut state = self.0.lock();
        state.sleeper = Sleeper::Nobody;
        if state.set.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(first) = state.set.first_entry() {
            if first.key().0 > now {
                return;
            }
            woken.push(first.remove());
        }
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use std::collections::BTreeSet;
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

    /// Sets, moves and takes back at random, all in the past; then those that are left expire, in order.
    #[test]
    fn timers_expire_in_their_order_wherever_they_were_moved() {
        for seed in 1..100 {
            let mut state = seed;
            let (timers, told) = (Timers::new(), Arc::new(Mutex::new(Vec::new())));
            let origin = Instant::now();
            let mut keys = vec![None; 50];
            for _ in 0..400 {
                let number = random(&mut state, 50) as usize;
                let due = origin - Duration::from_millis(random(&mut state, 1_000));
                match (random(&mut state, 3), keys[number]) {
                    (0, Some(key)) => {
                        timers.take_back(key);
                        keys[number] = None;
                    }
                    _ => {
                        let waker = Arc::new(Numbered(number, Arc::clone(&told)));
                        timers.set(&mut keys[number], due, waker.into());
                    }
                }
            }
            let mut woken = Vec::new();
            timers.get_up(&mut woken);
            woken.into_iter().for_each(Waker::wake);
            let set = keys.iter().enumerate();
            let expected: BTreeSet<_> = set.filter_map(|(n, key)| Some(((*key)?, n))).collect();
            let expected: Vec<usize> = expected.into_iter().map(|(_, number)| number).collect();
            assert_eq!(*told.lock().unwrap(), expected, "seed {seed}");
            assert!(timers.is_empty());
        }
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
