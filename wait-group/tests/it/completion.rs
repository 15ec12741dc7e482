//! When a group is done, and when it is not.

use std::mem;
use std::thread;

use rejoin_wait_group::WaitGroup;

use crate::support::{Bell, poll};

#[test]
fn a_group_without_other_workers_is_done_at_the_first_poll() {
    let bell = Bell::new();
    let mut wait = WaitGroup::new().wait();
    assert!(poll(&mut wait, &bell.waker()).is_ready());
    assert_eq!((bell.rung(), bell.wakers()), (0, 0));
}

#[test]
fn the_last_of_many_drops_completes_and_no_other_does() {
    let bell = Bell::new();
    let group = WaitGroup::new();
    let workers = vec![group.clone(); 100];
    let mut wait = group.wait();
    for (left, worker) in (1..=workers.len()).rev().zip(workers) {
        assert_eq!(wait.workers(), left);
        assert!(poll(&mut wait, &bell.waker()).is_pending());
        assert_eq!(bell.rung(), 0);
        worker.done();
    }
    assert_eq!((wait.workers(), bell.rung()), (0, 1));
    assert!(poll(&mut wait, &bell.waker()).is_ready());
}

#[test]
fn a_waiter_polled_again_after_it_was_ready_is_ready_again() {
    let bell = Bell::new();
    let group = WaitGroup::new();
    let mut wait = group.waiter();
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    drop(group);
    for _ in 0..3 {
        assert!(poll(&mut wait, &bell.waker()).is_ready());
    }
    assert!(poll(&mut wait.clone(), &bell.waker()).is_ready());
    assert_eq!((bell.rung(), bell.wakers()), (1, 0));
}

#[test]
fn a_waiter_made_after_completion_is_ready() {
    let group = WaitGroup::new();
    let first = group.waiter();
    drop(group);
    let mut late = first.clone();
    assert!(late.is_done());
    assert!(poll(&mut late, &Bell::new().waker()).is_ready());
}

#[test]
fn all_waiters_are_woken_once_each_with_their_own_wakers() {
    let group = WaitGroup::new();
    // Past the inline place and several growths of the table.
    let mut waiters: Vec<_> = (0..100).map(|_| (group.waiter(), Bell::new())).collect();
    for (wait, bell) in &mut waiters {
        assert!(poll(wait, &bell.waker()).is_pending());
    }
    drop(group);
    for (mut wait, bell) in waiters {
        assert_eq!((bell.rung(), bell.wakers()), (1, 0));
        assert!(poll(&mut wait, &bell.waker()).is_ready());
    }
}

#[test]
fn a_forgotten_handle_keeps_the_group_open_and_is_counted() {
    let group = WaitGroup::new();
    mem::forget(group.clone());
    let mut wait = group.wait();
    assert!(poll(&mut wait, &Bell::new().waker()).is_pending());
    assert_eq!(wait.workers(), 1);
}

#[test]
fn an_own_handle_kept_across_the_wait_is_counted() {
    let group = WaitGroup::new();
    let kept_by_mistake = group.clone();
    let mut wait = group.wait();
    assert!(poll(&mut wait, &Bell::new().waker()).is_pending());
    assert_eq!(wait.workers(), 1);
    drop(kept_by_mistake);
    assert!(wait.is_done());
}

#[test]
fn a_worker_that_joins_after_the_wait_began_is_waited_for() {
    let bell = Bell::new();
    let group = WaitGroup::new();
    let worker = group.clone();
    let mut wait = group.wait();
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    let helper = worker.clone();
    drop(worker);
    assert_eq!(bell.rung(), 0);
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    drop(helper);
    assert_eq!(bell.rung(), 1);
}

#[test]
fn a_worker_that_panics_is_done() {
    let group = WaitGroup::new();
    let worker = group.clone();
    let wait = group.wait();
    let panicked = thread::spawn(move || {
        let _worker = worker;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert!(wait.is_done());
}

#[test]
fn a_handle_is_of_its_own_group_only() {
    let (one, other) = (WaitGroup::new(), WaitGroup::default());
    assert!(one.same_group(&one.clone()));
    assert!(one.same_group(&one.waiter().try_join().unwrap()));
    assert!(!one.same_group(&other));
    assert!(!one.same_group(&one.child()));
}
