//! `or`: a wait that ends in time.

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll};

use rejoin_wait_group::WaitGroup;

use crate::support::{Bell, Hooks, poll};

#[test]
fn a_group_that_is_done_wins_over_a_stop_that_is_ready() {
    let mut bounded = pin!(WaitGroup::new().wait().or(ready(())));
    let polled = poll(&mut bounded, &Bell::new().waker());
    assert!(matches!(polled, Poll::Ready(Ok(()))));
}

#[test]
fn a_stop_gives_its_output_and_the_waiter_back() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let mut bounded = pin!(group.waiter().or(ready("late")));
    let Poll::Ready(Err((output, mut wait))) = poll(&mut bounded, &bell.waker()) else {
        panic!("a stop that is ready ends the wait");
    };
    assert_eq!((output, wait.workers()), ("late", 1));
    drop(group);
    assert!(poll(&mut wait, &bell.waker()).is_ready());
}

#[test]
fn the_returned_waiter_leaves_nothing_behind_when_it_is_dropped() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let mut bounded = Box::pin(group.waiter().or(ready(())));
    let stopped = poll(&mut bounded, &bell.waker());
    drop(bounded);
    drop(stopped);
    assert_eq!(bell.wakers(), 0);
}

#[test]
fn a_completion_wakes_a_bounded_wait() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let mut bounded = pin!(group.waiter().or(pending::<()>()));
    assert!(poll(&mut bounded, &bell.waker()).is_pending());
    drop(group);
    assert_eq!(bell.rung(), 1);
    let polled = poll(&mut bounded, &bell.waker());
    assert!(matches!(polled, Poll::Ready(Ok(()))));
}

#[test]
fn a_bounded_wait_that_is_cancelled_drops_both() {
    let group = WaitGroup::new();
    let hooks = Hooks::new();
    let waker = hooks.waker();
    let mut bounded = Box::pin(group.waiter().or(pending::<()>()));
    let mut cx = Context::from_waker(&waker);
    assert!(bounded.as_mut().poll(&mut cx).is_pending());
    drop(bounded);
    assert_eq!((hooks.clones(), hooks.drops()), (1, 1));
    assert_eq!(group.workers(), 1);
}
