//! Local tasks that are cancelled, by whom and when.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::thread;

use futures::channel::oneshot;
use rejoin::{LocalExecutor, yield_now};

use crate::support::{Count, OnDrop, poll_once, watched};

#[test]
fn cancelling_gives_what_had_come_of_the_task() {
    watched(|| {
        let local = LocalExecutor::new();
        let dropped = Count::new();
        let mut done = local.spawn(async { 7 });
        let mut kept = local.spawn(async { 8 });
        local.block_on(&mut done);
        local.block_on(yield_now());
        assert!(kept.is_finished() && poll_once(&mut kept).is_ready());
        let guard = dropped.on_drop();
        let stuck = local.spawn(async move {
            pending::<()>().await;
            drop(guard);
        });
        local.block_on(yield_now());
        let cancel = stuck.cancel();
        assert_eq!(dropped.get(), 0);
        assert_eq!(local.block_on(cancel), None);
        assert_eq!(dropped.get(), 1);
        let finished = local.spawn(async { 9 });
        local.block_on(yield_now());
        assert_eq!(local.block_on(finished.cancel()), Some(9));
    });
}

#[test]
fn a_task_may_cancel_itself_and_is_dropped_after_that_poll() {
    watched(|| {
        let local = LocalExecutor::new();
        let after = Rc::new(Cell::new(0));
        let (give, take) = oneshot::channel();
        let counted = Rc::clone(&after);
        let handle = local.spawn(async move {
            let stop: rejoin::CancelHandle = take.await.unwrap();
            stop.cancel();
            counted.set(1);
            yield_now().await;
            counted.set(2);
        });
        give.send(handle.cancel_handle()).unwrap();
        assert!(local.block_on(handle.join()).unwrap_err().is_cancelled());
        assert_eq!(after.get(), 1);
    });
}

#[test]
fn a_task_cancelled_by_another_thread_is_not_polled_again() {
    watched(|| {
        let local = LocalExecutor::new();
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let home = thread::current().id();
        let dropped = Count::new();
        let count = dropped.clone();
        let guard = OnDrop(move || {
            assert_eq!(thread::current().id(), home);
            count.add();
        });
        let handle = local.spawn(async move {
            let _guard = guard;
            poll_fn::<(), _>(|cx| {
                counted.set(counted.get() + 1);
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        });
        local.block_on(yield_now());
        let stop = handle.cancel_handle();
        thread::spawn(move || stop.cancel()).join().unwrap();
        assert!(handle.is_finished());
        let before = polls.get();
        assert!(before > 0);
        assert!(local.block_on(handle.join()).unwrap_err().is_cancelled());
        assert_eq!((polls.get(), dropped.get()), (before, 1));
    });
}

#[test]
fn a_task_cancelled_by_another_thread_while_it_stands_next_in_line_is_not_polled() {
    watched(|| {
        let local = LocalExecutor::new();
        let (give, take) = oneshot::channel::<rejoin::CancelHandle>();
        let first = local.spawn(async move {
            let stop = take.await.unwrap();
            yield_now().await;
            // The other one is ready, and comes right after this poll.
            thread::spawn(move || stop.cancel()).join().unwrap();
        });
        let polled_late = Rc::new(Cell::new(false));
        let late = Rc::clone(&polled_late);
        let mut polls = 0;
        let next = local.spawn(poll_fn(move |cx| {
            polls += 1;
            late.set(polls > 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        give.send(next.cancel_handle()).unwrap();
        local.block_on(first);
        assert!(local.block_on(next.join()).unwrap_err().is_cancelled());
        assert!(!polled_late.get());
    });
}
