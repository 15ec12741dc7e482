//! Joining a group from outside, unless it has finished.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;

use rejoin_wait_group::WaitGroup;

use crate::support::{Bell, poll, watch};

#[test]
fn who_joins_is_a_worker_like_any_other() {
    let group = WaitGroup::new();
    let door = group.waiter();
    let joined = door.try_join().unwrap();
    assert!(joined.same_group(&group));
    assert_eq!(group.workers(), 2);
    drop(group);
    assert!(!door.is_done());
    drop(joined);
    assert!(door.is_done());
}

#[test]
fn nobody_joins_a_group_that_is_done() {
    let door = WaitGroup::new().wait();
    assert!(door.try_join().is_none());
    assert!(door.clone().try_join().is_none());
}

#[test]
fn a_waiter_woken_at_zero_is_ready_although_someone_tried_to_join() {
    let bell = Bell::new();
    let group = WaitGroup::new();
    let mut wait = group.waiter();
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    drop(group);
    assert_eq!(bell.rung(), 1);
    assert!(wait.try_join().is_none());
    assert!(poll(&mut wait, &bell.waker()).is_ready());
}

#[test]
fn nobody_who_joined_is_missed_by_a_shutdown() {
    let _watch = watch("visitors and a shutdown");
    for _ in 0..1000 {
        let group = WaitGroup::new();
        let door = group.waiter();
        let inside = Arc::new(AtomicUsize::new(0));
        let start = Arc::new(Barrier::new(3));
        let visitors = [(), ()].map(|()| {
            let (door, inside, start) = (door.clone(), Arc::clone(&inside), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                while let Some(visit) = door.try_join() {
                    inside.fetch_add(1, SeqCst);
                    inside.fetch_sub(1, SeqCst);
                    drop(visit);
                }
                // A first refusal is final.
                assert!(door.try_join().is_none());
            })
        });
        start.wait();
        drop(group);
        let bell = Bell::new();
        let mut wait = door.clone();
        while poll(&mut wait, &bell.waker()).is_pending() {
            thread::yield_now();
        }
        assert_eq!(inside.load(SeqCst), 0);
        assert!(door.try_join().is_none());
        for visitor in visitors {
            visitor.join().unwrap();
        }
    }
}
