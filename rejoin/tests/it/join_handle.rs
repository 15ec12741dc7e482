//! The handle of a task: awaited, kept, dropped, asked.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::oneshot;
use rejoin::{JoinHandle, block_on, spawn};

use crate::support::{
    Count, executor, panic_message, poll_once, spin_until, watched, with_workers,
};
use crate::watchdog::step;

#[test]
fn dropping_the_handle_lets_the_task_finish() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        drop(executor.spawn(async move {
            wait.await.unwrap();
            tell.send("done").unwrap();
        }));
        go.send(()).unwrap();
        step("the detached task");
        assert_eq!(told.recv(), Ok("done"));
    });
}

#[test]
fn an_output_nobody_asks_for_is_dropped_once() {
    with_workers(|executor| {
        let dropped = Count::new();
        for wait_first in [false, true] {
            let before = dropped.get();
            let output = dropped.on_drop();
            let handle = executor.spawn(async move { output });
            if wait_first {
                spin_until(|| handle.is_finished());
            }
            handle.detach();
            step("the output's drop");
            dropped.wait_for(before + 1);
        }
        assert_eq!(dropped.get(), 2);
    });
}

#[test]
fn a_handle_can_be_awaited_by_reference_and_asked_afterwards() {
    with_workers(|executor| {
        let mut handle = executor.spawn(async { 7 });
        assert_eq!(block_on(&mut handle), 7);
        assert!(handle.is_finished());
        assert!(format!("{handle:?}").contains("output taken"));
    });
}

#[test]
fn awaiting_a_handle_again_says_what_is_wrong() {
    with_workers(|executor| {
        for shared in [false, true] {
            let mut handle = executor.spawn(async { 7 });
            if shared {
                drop(handle.cancel_handle());
            }
            assert_eq!(block_on(&mut handle), 7);
            let message = panic_message(|| block_on(&mut handle));
            assert!(message.contains("await it once"), "{message}");
        }
    });
}

#[test]
fn a_handle_awaited_on_another_executor_gives_the_output() {
    with_workers(|there| {
        let here = executor(2);
        let (go, wait) = oneshot::channel();
        let handle = there.spawn(async move { wait.await.unwrap() });
        let awaiting = here.spawn(handle);
        go.send(7).unwrap();
        assert_eq!(block_on(awaiting), 7);
    });
}

#[test]
fn a_handle_moved_between_awaiters_wakes_the_last_one() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel();
        let mut handle = executor.spawn(async move { wait.await.unwrap() });
        let (first, second) = (Arc::new(Count::new()), Arc::new(Count::new()));
        for count in [&first, &second] {
            let waker = Waker::from(Arc::clone(count));
            assert!(
                Pin::new(&mut handle)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        go.send(()).unwrap();
        step("the second waker");
        second.wait_for(1);
        assert_eq!(first.get(), 0);
        assert!(poll_once(&mut handle).is_ready());
    });
}

#[test]
fn many_handles_are_awaited_in_any_order() {
    with_workers(|executor| {
        executor.block_on(async {
            let mut handles: Vec<_> = (0..500).map(|n| (n, spawn(async move { n }))).collect();
            handles.reverse();
            for (n, handle) in handles {
                assert_eq!(handle.await, n);
            }
        });
    });
}

#[test]
fn the_task_itself_may_drop_its_handle() {
    with_workers(|executor| {
        let (give, take) = oneshot::channel::<JoinHandle<()>>();
        let (tell, told) = mpsc::channel();
        let handle = executor.spawn(async move {
            drop(take.await.unwrap());
            rejoin::yield_now().await;
            tell.send(()).unwrap();
        });
        give.send(handle).unwrap();
        step("the task without a handle");
        assert_eq!(told.recv(), Ok(()));
    });
}

#[test]
fn a_task_that_awaits_itself_is_dropped_at_shutdown() {
    watched(|| {
        for workers in [1, 4] {
            let executor = executor(workers);
            let dropped = Count::new();
            let guard = dropped.on_drop();
            let (give, take) = oneshot::channel::<JoinHandle<()>>();
            let started = Count::new();
            let count = started.clone();
            let handle = executor.spawn(async move {
                let _guard = guard;
                let own = take.await.unwrap();
                count.add();
                own.await;
            });
            give.send(handle).unwrap_or_else(|_| unreachable!());
            step("the task to begin");
            started.wait_for(1);
            step("the shutdown");
            drop(executor);
            assert_eq!(dropped.get(), 1);
        }
    });
}

#[test]
fn join_gives_the_output_or_the_reason() {
    with_workers(|executor| {
        assert_eq!(block_on(executor.spawn(async { 7 }).join()).unwrap(), 7);
        let error = block_on(executor.spawn(async { panic!("gone {}", 1) }).join()).unwrap_err();
        assert!(error.is_panic() && !error.is_cancelled());
        assert_eq!(error.to_string(), "the task panicked: gone 1");
        let mut stuck = executor.spawn(pending::<()>());
        stuck.cancel_handle().cancel();
        let error = block_on(stuck.join()).unwrap_err();
        assert!(error.is_cancelled() && !error.is_panic());
        assert!(error.into_panic().is_none());
    });
}

#[test]
fn dropping_a_join_detaches() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel::<()>();
        let done = Count::new();
        let count = done.clone();
        let mut join = executor
            .spawn(async move {
                wait.await.unwrap();
                count.add();
            })
            .join();
        assert!(poll_once(&mut join).is_pending());
        drop(join);
        go.send(()).unwrap();
        step("the detached task");
        done.wait_for(1);
    });
}

#[test]
fn an_awaiter_that_panics_when_polled_leaves_the_task_alone() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel::<()>();
        let mut handle = executor.spawn(async move { wait.await.unwrap() });
        let awaiting = executor.spawn(async move {
            assert!(poll_once(&mut handle).is_pending());
            if true {
                panic!("on purpose");
            }
            handle.await;
        });
        assert!(block_on(awaiting.join()).unwrap_err().is_panic());
        assert!(go.send(()).is_ok(), "the task is still there");
    });
}

/// Drops the handle of the task that it is the awaiter of.
struct DropsHandle(std::sync::Mutex<Option<JoinHandle<()>>>, AtomicUsize);

impl Wake for DropsHandle {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
        self.1.fetch_add(1, SeqCst);
    }
}

#[test]
fn an_awaiter_that_drops_the_handle_in_its_wake_is_harmless() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel::<()>();
        let mut handle = executor.spawn(async move { wait.await.unwrap() });
        let awaiter = Arc::new(DropsHandle(
            std::sync::Mutex::new(None),
            AtomicUsize::new(0),
        ));
        let waker = Waker::from(Arc::clone(&awaiter));
        let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
        *awaiter.0.lock().unwrap() = Some(handle);
        go.send(()).unwrap();
        step("the awaiter");
        spin_until(|| awaiter.1.load(SeqCst) == 1);
    });
}

#[test]
fn the_waker_of_an_awaiter_that_went_away_is_gone_when_its_task_has_ended() {
    with_workers(|executor| {
        for round in 0..100 {
            let (go, wait) = oneshot::channel::<()>();
            let mut handle = executor.spawn(async move { wait.await.unwrap() });
            // It keeps the task, and is not to keep the waker.
            let stop = (round % 2 == 0).then(|| handle.cancel_handle());
            let awaiter = Arc::new(Count::new());
            let waker = Waker::from(Arc::clone(&awaiter));
            let polled = Pin::new(&mut handle).poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            drop(waker);
            std::thread::scope(|scope| {
                scope.spawn(|| go.send(()).unwrap());
                drop(handle);
            });
            step("the drop of a waker that nobody needs");
            spin_until(|| Arc::strong_count(&awaiter) == 1);
            drop(stop);
        }
    });
}

#[test]
fn the_text_of_a_panic_is_told_if_it_is_text() {
    with_workers(|executor| {
        let told = |handle: JoinHandle<()>| block_on(handle.join()).unwrap_err().to_string();
        let fixed = executor.spawn(async { panic!("fixed") });
        assert_eq!(told(fixed), "the task panicked: fixed");
        let (one, put_together) = (1, executor.spawn(async { panic!("put {}", "together") }));
        assert_eq!(told(put_together), "the task panicked: put together");
        let no_text = executor.spawn(async move { std::panic::panic_any(one) });
        assert_eq!(told(no_text), "the task panicked");
    });
}
