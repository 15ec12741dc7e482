//! `track`: the worker is the future.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use rejoin_wait_group::{Wait, WaitGroup};

use crate::support::{Bell, panic_of};

/// Notes at its drop whether the group was done by then.
struct Witness(Wait, std::sync::Arc<Bell>);

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.0.is_done() {
            self.1.waker().wake();
        }
    }
}

/// Takes a tracked future to `end` and demands that its group was done after its drop, not before.
fn is_done_after_the_future(
    end: impl FnOnce(std::pin::Pin<&mut dyn Future<Output = u32>>),
    ready: bool,
) {
    let group = WaitGroup::new();
    let in_time = Bell::new();
    let witness = Witness(group.waiter(), in_time.clone());
    let mut polled = false;
    let future = poll_fn(move |_| {
        let _witness = &witness;
        if ready || std::mem::replace(&mut polled, true) {
            return Poll::Ready(7);
        }
        Poll::Pending
    });
    {
        let tracked = group.track(future);
        let wait = group.wait();
        assert_eq!(wait.workers(), 1);
        let mut tracked = Box::pin(tracked);
        end(tracked.as_mut());
        drop(tracked);
        assert!(wait.is_done());
    }
    assert_eq!(
        in_time.rung(),
        1,
        "the future was dropped before its worker was done"
    );
}

#[test]
fn a_future_that_ends_is_dropped_before_its_worker_is_done() {
    let end = |future: std::pin::Pin<&mut dyn Future<Output = u32>>| {
        let output = future.poll(&mut Context::from_waker(&Bell::new().waker()));
        assert_eq!(output, Poll::Ready(7));
    };
    is_done_after_the_future(end, true);
}

#[test]
fn a_future_that_is_cancelled_is_dropped_before_its_worker_is_done() {
    let end = |future: std::pin::Pin<&mut dyn Future<Output = u32>>| {
        assert!(
            future
                .poll(&mut Context::from_waker(&Bell::new().waker()))
                .is_pending()
        );
    };
    is_done_after_the_future(end, false);
}

#[test]
fn a_future_that_is_never_polled_is_dropped_before_its_worker_is_done() {
    is_done_after_the_future(|_| (), false);
}

#[test]
fn a_worker_is_done_as_soon_as_its_future_is_ready() {
    let group = WaitGroup::new();
    let mut tracked = pin!(group.track(async { 1 }));
    let wait = group.wait();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(tracked.as_mut().poll(&mut cx).is_ready());
    assert!(wait.is_done(), "although the tracked future is still there");
}

#[test]
fn a_future_that_panics_is_done() {
    let group = WaitGroup::new();
    let mut tracked = Box::pin(group.track(async { std::panic::resume_unwind(Box::new("work")) }));
    let wait = group.wait();
    let panic = panic_of(|| {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _: Poll<()> = tracked.as_mut().poll(&mut cx);
    });
    assert_eq!(panic.as_deref(), Some("work"));
    assert!(wait.is_done());
}

#[test]
fn a_tracked_future_outlives_the_handle_it_came_from() {
    let tracked = {
        let group = WaitGroup::new();
        group.track(pending::<()>())
    };
    drop(tracked);
}
