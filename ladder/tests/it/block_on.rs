//! The `block_on` before all steps.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use rejoin_ladder::block_on;

use crate::support::{Probe, yield_now};
use crate::watchdog::watchdog;

#[test]
fn a_wake_before_the_sleep_is_not_lost() {
    let _watchdog = watchdog("a_wake_before_the_sleep_is_not_lost");
    block_on(async {
        for _ in 0..100 {
            yield_now().await;
        }
    });
}

#[test]
fn a_wake_from_another_thread_ends_the_sleep() {
    let _watchdog = watchdog("a_wake_from_another_thread_ends_the_sleep");
    let probe = Probe::ready_after(100);
    let (future, wakers) = probe.future();
    let waker = thread::spawn(move || wakers.into_iter().for_each(|waker| waker.wake()));
    block_on(future);
    waker.join().unwrap();
    assert_eq!(probe.polls(), 100);
}

#[test]
fn a_future_that_parks_the_thread_does_not_swallow_the_wake() {
    let _watchdog = watchdog("a_future_that_parks_the_thread_does_not_swallow_the_wake");
    let mut polls = 0;
    block_on(poll_fn(|cx| {
        polls += 1;
        if polls == 2 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        // Takes the token that the wake has just left, as a lock in here might.
        thread::park();
        Poll::Pending
    }));
}

#[test]
fn an_unpark_that_is_not_ours_polls_nothing() {
    let _watchdog = watchdog("an_unpark_that_is_not_ours_polls_nothing");
    let (tell, told) = mpsc::channel();
    let probe = Probe::ready_after(2);
    let (future, wakers) = probe.future();
    let blocked = thread::spawn(move || {
        let mut future = pin!(future);
        tell.send(thread::current()).unwrap();
        block_on(poll_fn(move |cx| future.as_mut().poll(cx)));
    });
    let thread = told.recv().unwrap();
    let waker = wakers.recv().unwrap();
    for _ in 0..100 {
        thread.unpark();
    }
    waker.wake();
    blocked.join().unwrap();
    assert_eq!(probe.polls(), 2);
}
