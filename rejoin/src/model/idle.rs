//! The idle protocol: a push from outside against a worker that lies down, and the last searcher.

use loom::sync::Arc;
use loom::thread;

use super::{Fence, check, fails_without};
use crate::idle::{Bed, Call, Idle};
use crate::injector::Injector;

/// One executor, as far as the protocol goes.
pub(super) struct Shared {
    injector: Injector<u32>,
    pub(super) idle: Idle,
}

impl Shared {
    pub(super) fn new() -> Arc<Self> {
        let shared = Self {
            injector: Injector::new(1),
            idle: Idle::new(),
        };
        shared.injector.open(1);
        Arc::new(shared)
    }

    pub(super) fn push(&self, item: u32) {
        self.injector.push(1, item).expect("open");
        self.idle.notify_from_outside(|| false);
    }

    fn pop(&self) -> Option<u32> {
        self.injector.pop(0, |_| 0, |_| ())
    }

    /// What `Worker::find` does up to the moment it sleeps: an item, or `None` for asleep.
    fn find_or_sleep(&self, bed: &Arc<Bed>, mut searching: bool) -> Option<u32> {
        loop {
            if searching {
                if let Some(item) = self.pop() {
                    self.idle.stop_searching(|| !self.injector.is_empty());
                    return Some(item);
                }
            }
            let must_look = self.idle.lie_down(bed, searching);
            let leave = self.idle.is_fine() && self.idle.awake() > 0;
            if !must_look || leave || self.injector.is_empty() {
                return None;
            }
            self.idle.get_up(bed);
            searching = true;
        }
    }

    /// All of `Worker::find`: searches, and sleeps, until there is an item.
    fn find(&self, bed: &Arc<Bed>) -> u32 {
        let mut searching = self.idle.start_searching();
        loop {
            if let Some(item) = self.find_or_sleep(bed, searching) {
                return item;
            }
            while bed.call() != Call::Up {
                bed.sleep();
            }
            searching = true;
        }
    }
}

/// One item from outside, one worker that is about to sleep. When both are done, the worker has the
/// item or has been called: invariant 1, asked without waiting, because a model that fails by a deadlock
/// takes the process with it.
fn push_races_with_sleep() {
    check(None, || {
        let shared = Shared::new();
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let bed = Bed::new();
                shared.idle.sit_down();
                let searching = shared.idle.start_searching();
                let found = shared.find_or_sleep(&bed, searching);
                (found, bed)
            })
        };
        shared.push(7);
        let (found, bed) = worker.join().unwrap();
        assert!(
            found == Some(7) || bed.call() == Call::Up,
            "asleep beside an item"
        );
    });
}

/// Two items from two producers, one worker.
fn two_pushes_race_with_sleep() {
    check(Some(2), || {
        let shared = Shared::new();
        let producers: Vec<_> = (1..=2)
            .map(|item| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.push(item))
            })
            .collect();
        shared.idle.sit_down();
        let bed = Bed::new();
        let sum = shared.find(&bed) + shared.find(&bed);
        assert_eq!(sum, 3);
        for producer in producers {
            producer.join().unwrap();
        }
    });
}

/// One item from outside that is too fine to share, and two workers that are about to sleep: each leaves it to the
/// other as long as that one is awake, and so does the producer.
fn a_fine_push_races_with_two_who_sleep() {
    check(Some(2), || {
        let shared = Shared::new();
        for _ in 0..crate::policy::FINE_SCORE {
            shared.idle.learn(false);
        }
        shared.idle.sit_down();
        shared.idle.sit_down();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let bed = Bed::new();
                    (shared.find_or_sleep(&bed, false), bed)
                })
            })
            .collect();
        shared.push(7);
        let ends: Vec<_> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect();
        assert!(
            ends.iter()
                .any(|(found, bed)| found.is_some() || bed.call() == Call::Up),
            "both asleep beside an item"
        );
    });
}

/// Two items, two workers that take one each and are then gone for good: a producer that leaves its
/// item to a searcher relies on that searcher's passing the call on.
fn the_last_searcher_passes_the_call_on() {
    check(Some(2), || {
        let shared = Shared::new();
        shared.idle.sit_down();
        shared.idle.sit_down();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.find(&Bed::new()))
            })
            .collect();
        shared.push(1);
        shared.push(2);
        let sum: u32 = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum();
        assert_eq!(sum, 3);
    });
}

/// An item is left to the only searcher, which finds another one and polls that for long: in the end the first has been
/// left to nobody.
fn a_push_is_left_to_a_searcher_who_finds_something_else() {
    check(None, || {
        let shared = Shared::new();
        shared.idle.sit_down();
        shared.idle.sit_down();
        let (sleeper, searcher) = (Bed::new(), Bed::new());
        shared.idle.lie_down(&sleeper, false);
        shared.idle.lie_down(&searcher, false);
        shared.idle.get_up(&searcher);
        let producer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.push(7))
        };
        shared.idle.stop_searching(|| !shared.injector.is_empty());
        producer.join().unwrap();
        assert_eq!(sleeper.call(), Call::Up, "asleep beside an item");
    });
}

#[test]
fn canary_missing_searchers_fence_is_caught() {
    assert!(fails_without(
        Fence::Searcher,
        a_push_is_left_to_a_searcher_who_finds_something_else
    ));
}

#[test]
fn a_push_left_to_the_last_searcher_is_passed_on() {
    a_push_is_left_to_a_searcher_who_finds_something_else();
}

#[test]
fn canary_missing_producers_fence_is_caught() {
    assert!(fails_without(Fence::Producer, push_races_with_sleep));
}

#[test]
fn canary_missing_sleepers_fence_is_caught() {
    assert!(fails_without(Fence::Sleeper, push_races_with_sleep));
}

#[test]
fn canary_fine_work_needs_the_sleepers_fence() {
    assert!(fails_without(
        Fence::Sleeper,
        a_fine_push_races_with_two_who_sleep
    ));
}

#[test]
fn fine_work_is_not_left_to_one_who_sleeps() {
    a_fine_push_races_with_two_who_sleep();
}

#[test]
fn a_push_that_races_with_sleep_is_found() {
    push_races_with_sleep();
}

#[test]
fn two_pushes_that_race_with_sleep_are_found() {
    two_pushes_race_with_sleep();
}

#[test]
fn two_workers_find_two_items() {
    the_last_searcher_passes_the_call_on();
}
