//! The end of the injector's service against pushes to several of its lanes: what was accepted is popped, and what is
//! pushed before the end is accepted.

use loom::thread;

use super::{Fence, check, fails_without};
use crate::injector::Injector;
use crate::sync::{Arc, AtomicBool, Ordering::SeqCst};

/// Two threads push one item each to a lane of their own; a third one pops until it may end the service.
fn the_service_ends_while_two_threads_push() {
    check(Some(3), || {
        let injector = Arc::new(Injector::new(2));
        injector.open(1);
        let ending = Arc::new(AtomicBool::new(false));
        let pushers = [0, 1].map(|lane| {
            let (injector, ending) = (Arc::clone(&injector), Arc::clone(&ending));
            thread::spawn(move || {
                let accepted = injector.push_to(lane, 1, lane).is_ok();
                assert!(
                    accepted || ending.load(SeqCst),
                    "refused while the service went on"
                );
                usize::from(accepted)
            })
        });
        let mut popped = 0;
        loop {
            ending.store(true, SeqCst);
            if injector.close() {
                break;
            }
            ending.store(false, SeqCst);
            popped += usize::from(injector.pop(popped, |_| 0, |_| ()).is_some());
        }
        let accepted = pushers.map(|pusher| pusher.join().unwrap());
        assert_eq!(accepted.iter().sum::<usize>(), popped);
        assert!(injector.is_empty());
    });
}

#[test]
fn canary_a_lane_that_is_not_held_to_the_end_is_caught() {
    assert!(fails_without(
        Fence::AllLanes,
        the_service_ends_while_two_threads_push
    ));
}

#[test]
fn what_is_accepted_before_the_end_is_popped() {
    the_service_ends_while_two_threads_push();
}
