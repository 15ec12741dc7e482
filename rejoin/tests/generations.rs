//! Executors come and go in the same place of a table that only grows. One test alone in its process, so that it is the
//! same place each time.

#![forbid(unsafe_code)]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use rejoin::{Builder, Executor, block_on};

use crate::watchdog::{step, watchdog};

/// One after another, in the same place, and more than a number of 16 bits could tell apart: each that has a predecessor
/// so many generations ago is asked whether it takes the task of a builder that was meant for that one. Now and then
/// one leaves a waker behind; all of them are woken at the end, beside the last executor.
#[test]
fn of_seventy_thousand_executors_no_stale_waker_reaches_the_last() {
    let _watchdog = watchdog("seventy thousand executors");
    const EXECUTORS: usize = 70_000;
    const LAP: usize = 1 << 16;
    let (wakers, polled) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(AtomicUsize::new(0)),
    );
    let (mut handles, mut builders) = (Vec::new(), Vec::new());
    let leave = |executor: &Executor| {
        let (wakers, polled) = (Arc::clone(&wakers), Arc::clone(&polled));
        let (tell, told) = mpsc::channel();
        let handle = executor.spawn(poll_fn(move |cx| {
            polled.fetch_add(1, SeqCst);
            wakers.lock().unwrap().push(cx.waker().clone());
            tell.send(()).unwrap();
            Poll::<()>::Pending
        }));
        told.recv().unwrap();
        handle
    };
    for number in 0..EXECUTORS {
        let executor = Executor::builder().threads(1).build().unwrap();
        if number % 1_000 == 0 {
            step("a task that leaves its waker behind");
            handles.push(leave(&executor));
        }
        if number + LAP < EXECUTORS {
            builders.push(Builder::new().on(&executor));
        } else if number >= LAP {
            step("a task that comes 65,536 executors late");
            let late = builders[number - LAP].clone().spawn(async {});
            assert!(block_on(late.join()).unwrap_err().is_cancelled());
        }
        step("the end of an executor");
    }
    let last = Executor::builder().threads(2).build().unwrap();
    let stays = leave(&last);
    let stale = std::mem::take(&mut *wakers.lock().unwrap());
    let polls = polled.load(SeqCst);
    let (stays_waker, stale) = stale.split_last().unwrap();
    for waker in stale {
        waker.wake_by_ref();
    }
    step("those that are gone, and the last one");
    for handle in handles {
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
    }
    assert_eq!(block_on(last.spawn(async { 7 })), 7);
    block_on(async { last.spawn(async {}).await });
    assert_eq!(
        polled.load(SeqCst),
        polls,
        "a stale waker has reached a living task"
    );
    stays_waker.wake_by_ref();
    while polled.load(SeqCst) == polls {
        std::thread::yield_now();
    }
    assert!(!stays.is_finished());
}
