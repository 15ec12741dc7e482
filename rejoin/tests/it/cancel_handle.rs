//! A handle that cancels from anywhere, kept by anyone, for any time.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;

use rejoin::{block_on, yield_now};

use crate::support::{Count, pending_with, poll_once, spin_until, with_workers};
use crate::watchdog::step;

#[test]
fn it_cancels_from_another_thread_and_the_join_says_so() {
    with_workers(|executor| {
        let dropped = Count::new();
        let mut handle = executor.spawn(pending_with(dropped.on_drop()));
        let stop = handle.cancel_handle();
        let thread = thread::spawn(move || stop.cancel());
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
        assert_eq!(dropped.get(), 1);
        thread.join().unwrap();
    });
}

#[test]
fn awaiting_a_task_that_was_cancelled_by_it_panics_with_the_way_out() {
    with_workers(|executor| {
        let mut handle = executor.spawn(pending::<()>());
        handle.cancel_handle().cancel();
        let message = crate::support::panic_message(|| block_on(handle));
        assert!(message.contains("use JoinHandle::join"), "{message}");
    });
}

#[test]
fn it_wakes_an_awaiter_that_waits_already() {
    with_workers(|executor| {
        let mut handle = executor.spawn(pending::<()>());
        let stop = handle.cancel_handle();
        let count = Arc::new(Count::new());
        let waker = Waker::from(Arc::clone(&count));
        let mut join = handle.join();
        let cx = &mut Context::from_waker(&waker);
        assert!(std::pin::Pin::new(&mut join).poll(cx).is_pending());
        stop.cancel();
        step("the awaiter");
        count.wait_for(1);
        assert!(block_on(join).unwrap_err().is_cancelled());
    });
}

#[test]
fn it_outlives_the_join_handle_and_cancels_a_detached_task() {
    with_workers(|executor| {
        let dropped = Count::new();
        let mut handle = executor.spawn(pending_with(dropped.on_drop()));
        let stop = handle.cancel_handle();
        drop(handle);
        assert!(!stop.is_finished());
        stop.cancel();
        assert!(stop.is_finished());
        step("the drop of the future");
        dropped.wait_for(1);
    });
}

#[test]
fn it_keeps_neither_future_nor_output_of_a_detached_task_alive() {
    with_workers(|executor| {
        let (futures, outputs) = (Count::new(), Count::new());
        let (go, wait) = futures::channel::oneshot::channel::<()>();
        let (guard, output) = (futures.on_drop(), outputs.on_drop());
        let mut handle = executor.spawn(async move {
            let _guard = guard;
            wait.await.unwrap();
            output
        });
        let stop = handle.cancel_handle();
        drop(handle);
        go.send(()).unwrap();
        step("future and output of the detached task");
        futures.wait_for(1);
        outputs.wait_for(1);
        assert!(stop.is_finished());
    });
}

#[test]
fn dropping_all_of_them_leaves_the_task_alone() {
    with_workers(|executor| {
        let (go, wait) = futures::channel::oneshot::channel::<u32>();
        let mut handle = executor.spawn(async move { wait.await.unwrap() });
        let stops: Vec<_> = (0..10).map(|_| handle.cancel_handle()).collect();
        drop(stops.clone());
        drop(stops);
        go.send(7).unwrap();
        assert_eq!(block_on(handle), 7);
    });
}

#[test]
fn many_threads_cancel_while_others_await_and_the_future_is_dropped_once() {
    with_workers(|executor| {
        for round in 0..100 {
            let (dropped, outputs) = (Count::new(), Count::new());
            let (guard, output) = (dropped.on_drop(), outputs.on_drop());
            let mut handle = executor.spawn(async move {
                let _guard = guard;
                for _ in 0..round % 20 {
                    yield_now().await;
                }
                output
            });
            let stop = handle.cancel_handle();
            let barrier = Barrier::new(4);
            step("the join, in a race with three cancels");
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        barrier.wait();
                        stop.clone().cancel();
                        assert!(stop.is_finished());
                    });
                }
                barrier.wait();
                let result = block_on(handle.join());
                assert!(result.is_ok() || result.is_err_and(|error| error.is_cancelled()));
            });
            step("the drops");
            outputs.wait_for(1);
            assert_eq!((dropped.get(), outputs.get()), (1, 1));
        }
    });
}

#[test]
fn a_task_may_cancel_itself_by_it() {
    with_workers(|executor| {
        let (give, take) = futures::channel::oneshot::channel::<rejoin::CancelHandle>();
        let after = Count::new();
        let count = after.clone();
        let mut handle = executor.spawn(async move {
            take.await.unwrap().cancel();
            yield_now().await;
            count.add();
        });
        give.send(handle.cancel_handle()).unwrap();
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
        assert_eq!(after.get(), 0);
    });
}

#[test]
fn cancelling_by_it_and_then_by_the_join_handle_gives_what_had_come() {
    with_workers(|executor| {
        let mut handle = executor.spawn(pending::<u32>());
        handle.cancel_handle().cancel();
        assert_eq!(block_on(handle.cancel()), None);
        let mut handle = executor.spawn(async { 7 });
        spin_until(|| handle.is_finished());
        handle.cancel_handle().cancel();
        assert_eq!(block_on(handle.cancel()), Some(7));
    });
}

#[test]
fn once_finished_it_never_says_unfinished_again() {
    with_workers(|executor| {
        for _ in 0..300 {
            let mut handle = executor.spawn(async { 7 });
            let stop = handle.cancel_handle();
            let barrier = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    spin_until(|| stop.is_finished());
                    for _ in 0..200 {
                        assert!(stop.is_finished());
                    }
                });
                barrier.wait();
                while poll_once(&mut handle).is_pending() {}
            });
        }
    });
}

#[test]
fn cancelling_in_the_wake_of_its_own_awaiter_is_harmless() {
    with_workers(|executor| {
        let mut inner = executor.spawn(async { yield_now().await });
        let stop = inner.cancel_handle();
        let outer = executor.spawn(poll_fn(move |cx| {
            stop.cancel();
            let polled = std::pin::Pin::new(&mut inner).poll(cx);
            stop.cancel();
            polled
        }));
        let result = block_on(outer.join());
        assert!(result.is_ok() || result.is_err_and(|error| error.is_panic()));
        assert!(matches!(poll_once(async { 1 }), Poll::Ready(1)));
    });
}

/// Cancels the task when the last of its wakers is dropped.
struct CancelsInDrop(rejoin::CancelHandle);

impl std::task::Wake for CancelsInDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for CancelsInDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[test]
fn a_cancel_from_within_a_poll_of_the_join_handle_is_not_forgotten() {
    with_workers(|executor| {
        let dropped = Count::new();
        let mut handle = executor.spawn(pending_with(dropped.on_drop()));
        let waker = Waker::from(Arc::new(CancelsInDrop(handle.cancel_handle())));
        let polled = std::pin::Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // Now the task has the only one, and drops it when it is given another.
        drop(waker);
        assert_eq!(dropped.get(), 0);
        let second = poll_once(&mut handle);
        assert!(second.is_pending());
        step("the future of the cancelled task");
        dropped.wait_for(1);
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
    });
}
