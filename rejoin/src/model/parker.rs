//! The parker: an unpark against a park, two unparks, and a park that gives up.

use loom::thread;

use super::{Fence, check, fails_without};
use crate::parker::Parker;
use crate::sync::{Arc, AtomicU32, Ordering};

/// What is written before an unpark is there after the park that it ends.
fn an_unpark_publishes() {
    check(None, || {
        let (parker, written) = (Parker::new(), Arc::new(AtomicU32::new(0)));
        let other = {
            let (parker, written) = (Arc::clone(&parker), Arc::clone(&written));
            thread::spawn(move || {
                written.store(7, Ordering::Relaxed);
                parker.unpark();
            })
        };
        parker.park();
        assert_eq!(written.load(Ordering::Relaxed), 7, "woken without the news");
        other.join().unwrap();
    });
}

/// Two unparks, in whatever order with two parks that the second of them ends at the latest: what the later
/// one published is not lost with its token.
fn two_unparks_meet_one_token() {
    check(Some(3), || {
        let (parker, written) = (Parker::new(), Arc::new(AtomicU32::new(0)));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (parker, written) = (Arc::clone(&parker), Arc::clone(&written));
                thread::spawn(move || {
                    written.fetch_add(1, Ordering::Relaxed);
                    parker.unpark();
                })
            })
            .collect();
        while written.load(Ordering::Relaxed) < 2 {
            parker.park();
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

/// A park that gives up says whether it consumed the token; one that it left is there for the next.
fn a_park_that_gives_up_loses_no_token() {
    check(Some(3), || {
        let parker = Parker::new();
        let other = {
            let parker = Arc::clone(&parker);
            thread::spawn(move || parker.unpark())
        };
        if !parker.park_until(std::time::Instant::now()) {
            parker.park();
        }
        other.join().unwrap();
        assert!(!parker.take_unpark(), "one token, taken twice");
    });
}

#[test]
fn canary_an_unpark_that_publishes_nothing_is_caught() {
    assert!(fails_without(Fence::Unpark, an_unpark_publishes));
}

#[test]
fn what_was_written_before_an_unpark_is_seen() {
    an_unpark_publishes();
}

#[test]
fn two_unparks_leave_nothing_unseen() {
    two_unparks_meet_one_token();
}

#[test]
fn a_park_with_an_end_leaves_the_token() {
    a_park_that_gives_up_loses_no_token();
}
