//! The watcher's role: who has it, gives it up and takes it over, while others fall asleep, run, and call.

use loom::sync::Arc;
use loom::thread;

use super::idle::Shared;
use super::{Fence, check, fails_without};
use crate::idle::{Bed, Call};

/// A worker that is called and then fills its slot, and a watcher that is about to give up its role because nobody
/// runs: in the end somebody watches over the slot, or is up.
fn a_watcher_leaves_while_a_worker_is_called() {
    check(Some(3), || {
        let shared = Shared::new();
        shared.idle.sit_down();
        shared.idle.sit_down();
        let (worker, watcher) = (Bed::new(), Bed::new());
        // The watcher lies down first, while the other one runs.
        shared.idle.lie_down(&watcher, false);
        shared.idle.lie_down(&worker, false);
        assert_eq!(watcher.call(), Call::Watch);
        let leaves = {
            let (shared, bed) = (Arc::clone(&shared), Arc::clone(&watcher));
            thread::spawn(move || shared.idle.stop_watching(&bed, false))
        };
        let runs = {
            let (shared, bed) = (Arc::clone(&shared), Arc::clone(&worker));
            thread::spawn(move || {
                while bed.call() != Call::Up {
                    bed.sleep();
                }
                shared.idle.stop_searching(|| false);
                // It polls, and fills its slot.
                shared.idle.call_watcher();
            })
        };
        shared.push(7);
        runs.join().unwrap();
        leaves.join().unwrap();
        assert_eq!(watcher.call(), Call::Watch, "nobody watches over the slot");
    });
}

/// An item is left to a searcher, and that one learns that the work is too fine to share, finds something else and polls
/// for long: in the end somebody watches.
fn a_fine_push_is_left_to_a_searcher_who_finds_something_else() {
    check(Some(3), || {
        let shared = Shared::new();
        shared.idle.sit_down();
        shared.idle.sit_down();
        let sleeper = Bed::new();
        // Both had lain down, so nobody watches; then one was called.
        let other = Bed::new();
        shared.idle.lie_down(&sleeper, false);
        shared.idle.lie_down(&other, false);
        shared.idle.stop_watching(&sleeper, false);
        shared.idle.has_looked(&sleeper, false);
        shared.idle.get_up(&other);
        let producer = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.push(7))
        };
        for _ in 0..crate::policy::FINE_SCORE {
            shared.idle.learn(false);
        }
        shared.idle.stop_searching(|| false);
        producer.join().unwrap();
        assert_ne!(sleeper.call(), Call::Sleep, "nobody looks after the item");
    });
}

#[test]
fn canary_a_watcher_that_does_not_look_who_runs_is_caught() {
    assert!(fails_without(
        Fence::WhoRuns,
        a_watcher_leaves_while_a_worker_is_called
    ));
}

#[test]
fn canary_a_searcher_that_leaves_fine_work_to_nobody_is_caught() {
    assert!(fails_without(
        Fence::CallWatcher,
        a_fine_push_is_left_to_a_searcher_who_finds_something_else
    ));
}

#[test]
fn a_slot_that_is_filled_while_the_watcher_leaves_is_watched() {
    a_watcher_leaves_while_a_worker_is_called();
}

#[test]
fn fine_work_left_to_a_searcher_is_watched() {
    a_fine_push_is_left_to_a_searcher_who_finds_something_else();
}

/// A worker takes a seat, on whose slot something lies, while the only other one lies down: that one watches.
fn a_seat_is_taken_while_another_worker_lies_down() {
    check(None, || {
        let shared = Shared::new();
        shared.idle.sit_down();
        let bed = Bed::new();
        let sleeper = {
            let (shared, bed) = (Arc::clone(&shared), Arc::clone(&bed));
            thread::spawn(move || shared.idle.lie_down(&bed, false))
        };
        shared.idle.sit_down();
        sleeper.join().unwrap();
        assert_ne!(bed.call(), Call::Sleep, "nobody watches over the seat");
    });
}

#[test]
fn canary_a_seat_that_is_taken_in_silence_is_caught() {
    assert!(fails_without(
        Fence::SitDown,
        a_seat_is_taken_while_another_worker_lies_down
    ));
}

#[test]
fn a_seat_that_is_taken_while_another_lies_down_is_watched() {
    a_seat_is_taken_while_another_worker_lies_down();
}

/// A watcher gets up for what it saw in a ring, while another worker sleeps and a producer calls one of the two: what lies
/// in a slot is watched still, or somebody is up and looks for work after it was filled.
fn a_watcher_gets_up_while_another_sleeps() {
    check(Some(3), || {
        let shared = Shared::new();
        for _ in 0..3 {
            shared.idle.sit_down();
        }
        let (watcher, sleeper) = (Bed::new(), Bed::new());
        shared.idle.lie_down(&watcher, false);
        shared.idle.lie_down(&sleeper, false);
        assert_eq!((watcher.call(), sleeper.call()), (Call::Watch, Call::Sleep));
        let runs = {
            let shared = Arc::clone(&shared);
            // It fills its slot, which is watched.
            thread::spawn(move || shared.idle.call_watcher())
        };
        shared.idle.get_up(&watcher);
        // It finds the only thing in the ring, and polls that for long.
        shared.idle.stop_searching(|| false);
        runs.join().unwrap();
        assert_ne!(sleeper.call(), Call::Sleep, "nobody watches over the slot");
    });
}

#[test]
fn canary_a_watcher_that_gets_up_in_silence_is_caught() {
    assert!(fails_without(
        Fence::HandOn,
        a_watcher_gets_up_while_another_sleeps
    ));
}

#[test]
fn a_slot_is_watched_though_the_watcher_gets_up() {
    a_watcher_gets_up_while_another_sleeps();
}

/// A watcher has seen only slow polls and gives its role up. Another worker, whose poll it has not seen, relies on it for
/// what lies in its slot, and then calls somebody for what lies in its ring, or the watcher sees that; another one sleeps
/// meanwhile.
fn a_watcher_is_wanted_before_its_last_look(is_called: bool) {
    check(Some(3), move || {
        let shared = Shared::new();
        for _ in 0..3 {
            shared.idle.sit_down();
        }
        let (watcher, sleeper) = (Bed::new(), Bed::new());
        shared.idle.lie_down(&sleeper, false);
        shared.idle.stop_watching(&sleeper, true);
        shared.idle.has_looked(&sleeper, false);
        shared.idle.lie_down(&watcher, false);
        assert_eq!((watcher.call(), sleeper.call()), (Call::Watch, Call::Sleep));
        let runs = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.idle.call_watcher();
                if is_called {
                    shared.idle.notify_unless(|| false);
                }
            })
        };
        shared.idle.stop_watching(&watcher, true);
        if !is_called {
            shared.idle.get_up(&watcher);
            // It finds what lay in the ring, and polls that for long.
            shared.idle.stop_searching(|| false);
        }
        runs.join().unwrap();
        let watches = |bed: &Bed| matches!(bed.call(), Call::Watch | Call::Look);
        assert!(
            watches(&watcher) || watches(&sleeper),
            "nobody watches over the slot"
        );
    });
}

#[test]
fn canary_a_watcher_that_is_called_before_its_last_look_is_caught() {
    assert!(fails_without(Fence::LastLook, || {
        a_watcher_is_wanted_before_its_last_look(true);
    }));
}

#[test]
fn canary_a_watcher_that_gets_up_before_its_last_look_is_caught() {
    assert!(fails_without(Fence::LastLook, || {
        a_watcher_is_wanted_before_its_last_look(false);
    }));
}

#[test]
fn a_watcher_that_is_called_or_gets_up_before_its_last_look_leaves_another_one() {
    a_watcher_is_wanted_before_its_last_look(true);
    a_watcher_is_wanted_before_its_last_look(false);
}
