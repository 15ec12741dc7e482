//! An executor ends, from wherever, with whatever going on.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use futures::channel::oneshot;
use rejoin::{Builder, Executor, JoinHandle, block_on, spawn};

use crate::support::{Count, OnDrop, SIZES, executor, pending_with, spin_until, watched};
use crate::watchdog::step;

/// Runs `test` with an executor of each size, which it is to drop.
pub(crate) fn with_own(test: impl Fn(Executor)) {
    for workers in SIZES {
        test(executor(workers));
    }
}

#[test]
fn pending_tasks_are_dropped_unpolled_and_their_handles_say_cancelled() {
    watched(|| {
        with_own(|executor| {
            let (polls, dropped) = (Count::new(), Count::new());
            let handles: Vec<_> = (0..300)
                .map(|_| {
                    let (polls, guard) = (polls.clone(), dropped.on_drop());
                    executor.spawn(poll_fn(move |_| {
                        let _guard = &guard;
                        polls.add();
                        Poll::<()>::Pending
                    }))
                })
                .collect();
            polls.wait_for(300);
            drop(executor);
            assert_eq!((polls.get(), dropped.get()), (300, 300));
            for handle in handles {
                assert!(block_on(handle.join()).unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn tasks_that_wake_each_other_by_their_drops_are_dropped_once_after_a_panic() {
    watched(|| {
        with_own(|executor| {
            let (dropped, waiting) = (Count::new(), Count::new());
            let ((wakes_one, one), (wakes_other, other)) = (oneshot::channel(), oneshot::channel());
            for (waits, wakes) in [(one, wakes_other), (other, wakes_one)] {
                let mut wakes: Option<oneshot::Sender<()>> = Some(wakes);
                let wakes = OnDrop(move || {
                    let _ = wakes.take().map(|wakes| wakes.send(()));
                });
                let (count, waiting) = (dropped.on_drop(), waiting.clone());
                executor
                    .spawn(async move {
                        let _both = (wakes, count);
                        waiting.add();
                        waits.await.expect("the other one is still there");
                        pending::<()>().await;
                    })
                    .detach();
            }
            let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                executor.block_on(async {
                    while waiting.get() < 2 {
                        rejoin::yield_now().await;
                    }
                    panic!("on purpose");
                });
            }));
            assert!(thrown.is_err());
            drop(executor);
            assert_eq!(dropped.get(), 2);
        });
    });
}

#[test]
fn queued_tasks_are_dropped_or_run_but_never_lost() {
    watched(|| {
        for _ in 0..10 {
            with_own(|executor| {
                let (ran, dropped) = (Count::new(), Count::new());
                let handles: Vec<_> = (0..1_000)
                    .map(|_| {
                        let (ran, guard) = (ran.clone(), dropped.on_drop());
                        executor.spawn(async move {
                            let _guard = guard;
                            ran.add();
                        })
                    })
                    .collect();
                drop(executor);
                assert_eq!(dropped.get(), 1_000);
                let finished = handles.into_iter().map(|handle| block_on(handle.join()));
                assert_eq!(finished.filter(|result| result.is_ok()).count(), ran.get());
            });
        }
    });
}

#[test]
fn dropping_waits_for_running_polls_to_end() {
    watched(|| {
        with_own(|executor| {
            let (begin, begun) = mpsc::channel();
            let (go, wait) = mpsc::channel::<()>();
            let ended = Arc::new(AtomicBool::new(false));
            let end = Arc::clone(&ended);
            let handle = executor.spawn(async move {
                begin.send(()).unwrap();
                let _ = wait.recv();
                end.store(true, SeqCst);
                7
            });
            begun.recv().unwrap();
            let dropping = thread::spawn(move || drop(executor));
            assert!(!ended.load(SeqCst));
            drop(go);
            step("the drop of the executor");
            dropping.join().unwrap();
            assert!(ended.load(SeqCst));
            assert_eq!(
                block_on(handle.join()).unwrap(),
                7,
                "its last poll was finished"
            );
        });
    });
}

#[test]
fn tasks_woken_all_the_time_while_the_executor_goes_are_dropped_once() {
    watched(|| {
        for round in 0..60 {
            let executor = executor(1 + round % 4);
            let (polls, dropped) = (Count::new(), Count::new());
            let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
            let handles: Vec<_> = (0..20)
                .map(|_| {
                    let (polls, guard, wakers) =
                        (polls.clone(), dropped.on_drop(), Arc::clone(&wakers));
                    let mut first = true;
                    executor.spawn(poll_fn(move |cx| {
                        let _guard = &guard;
                        polls.add();
                        if std::mem::take(&mut first) {
                            wakers.lock().unwrap().push(cx.waker().clone());
                        }
                        Poll::<()>::Pending
                    }))
                })
                .collect();
            polls.wait_for(20);
            let stop = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let wakers = wakers.lock().unwrap().clone();
                    while !stop.load(SeqCst) {
                        wakers.iter().for_each(Waker::wake_by_ref);
                    }
                });
                step("the drop of the executor, with a storm of wakes");
                drop(executor);
                stop.store(true, SeqCst);
            });
            assert_eq!(dropped.get(), 20, "in round {round}");
            step("handles after the drop");
            for handle in handles {
                assert!(block_on(handle.join()).unwrap_err().is_cancelled());
            }
        }
    });
}

#[test]
fn futures_that_spawn_in_their_drop_during_shutdown_lose_nothing() {
    watched(|| {
        with_own(|executor| {
            let (dropped, ran) = (Count::new(), Count::new());
            let builder = Builder::new().on(&executor);
            for _ in 0..100 {
                let (count, ran, builder) = (dropped.clone(), ran.clone(), builder.clone());
                let guard = OnDrop(move || {
                    let (inner, ran) = (count.on_drop(), ran.clone());
                    builder.clone().spawn(async move {
                        let _inner = inner;
                        ran.add();
                    });
                    let inner = count.on_drop();
                    drop(spawn(pending_with(inner)).cancel());
                    count.add();
                });
                executor.spawn(pending_with(guard)).detach();
            }
            step("the executor's end");
            drop(executor);
            step("everything that was spawned");
            dropped.wait_for(300);
            assert_eq!((dropped.get(), ran.get()), (300, 0));
        });
    });
}

#[test]
fn futures_that_block_on_what_they_spawn_in_their_drop_during_shutdown_end() {
    watched(|| {
        with_own(|executor| {
            let ended = Count::new();
            let builder = Builder::new().on(&executor);
            for _ in 0..10 {
                let (ended, builder) = (ended.clone(), builder.clone());
                let guard = OnDrop(move || {
                    let late = builder.clone().spawn(pending::<()>());
                    assert!(block_on(late.join()).unwrap_err().is_cancelled());
                    ended.add();
                });
                executor.spawn(pending_with(guard)).detach();
            }
            step("the executor's end");
            drop(executor);
            assert_eq!(ended.get(), 10);
        });
    });
}

#[test]
fn futures_that_wake_other_dead_tasks_in_their_drop_are_dropped_once() {
    watched(|| {
        with_own(|executor| {
            let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
            let (dropped, polled) = (Count::new(), Count::new());
            for _ in 0..50 {
                let (count, polled) = (dropped.clone(), polled.clone());
                let (enter, wake) = (Arc::clone(&wakers), Arc::clone(&wakers));
                let guard = OnDrop(move || {
                    let wakers = wake.lock().unwrap().clone();
                    wakers.iter().for_each(Waker::wake_by_ref);
                    count.add();
                });
                let mut entered = false;
                let future = poll_fn(move |cx| {
                    let _guard = &guard;
                    if !std::mem::replace(&mut entered, true) {
                        enter.lock().unwrap().push(cx.waker().clone());
                    }
                    polled.add();
                    Poll::<()>::Pending
                });
                executor.spawn(future).detach();
            }
            polled.wait_for(50);
            step("the executor's end");
            drop(executor);
            assert_eq!((dropped.get(), polled.get()), (50, 50));
        });
    });
}

#[test]
fn reference_cycles_are_freed_at_shutdown() {
    watched(|| {
        with_own(|executor| {
            let (dropped, ready) = (Count::new(), Count::new());
            // A task that holds its own waker.
            let (guard, count) = (dropped.on_drop(), ready.clone());
            let mut own: Vec<Waker> = Vec::new();
            executor
                .spawn(poll_fn(move |cx| {
                    let _guard = &guard;
                    own.push(cx.waker().clone());
                    count.add();
                    Poll::<()>::Pending
                }))
                .detach();
            // Two tasks that hold each other's handle.
            let (give, take) = oneshot::channel::<JoinHandle<()>>();
            let (guard, count) = (dropped.on_drop(), ready.clone());
            let first = executor.spawn(async move {
                let _guard = guard;
                let second = take.await.unwrap();
                count.add();
                second.await;
            });
            let (guard, count) = (dropped.on_drop(), ready.clone());
            let second = executor.spawn(async move {
                let _guard = guard;
                count.add();
                first.await;
            });
            give.send(second).unwrap();
            ready.wait_for(3);
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), 3);
        });
    });
}

#[test]
fn a_detached_task_that_keeps_no_waker_is_dropped_at_shutdown() {
    watched(|| {
        with_own(|executor| {
            let (dropped, polled) = (Count::new(), Count::new());
            for _ in 0..100 {
                let (guard, polled) = (dropped.on_drop(), polled.clone());
                executor
                    .spawn(async move {
                        let _guard = guard;
                        polled.add();
                        pending::<()>().await;
                    })
                    .detach();
            }
            polled.wait_for(100);
            assert_eq!(dropped.get(), 0);
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), 100);
        });
    });
}

#[test]
fn what_outlives_the_executor_is_harmless_on_any_thread() {
    watched(|| {
        with_own(|executor| {
            let (tell, told) = mpsc::channel();
            let mut handle = executor.spawn(poll_fn(move |cx| {
                tell.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            }));
            let stop = handle.cancel_handle();
            let waker = told.recv().unwrap();
            let done = executor.spawn(async { 7 });
            spin_until(|| done.is_finished());
            drop(executor);
            let late = thread::spawn(move || {
                waker.wake_by_ref();
                stop.cancel();
                assert!(stop.is_finished() && handle.is_finished());
                let waker_2 = waker.clone();
                waker.wake();
                drop(stop);
                assert!(block_on(handle.join()).unwrap_err().is_cancelled());
                drop(waker_2);
                block_on(done)
            });
            step("the thread with the late ones");
            assert_eq!(late.join().unwrap(), 7);
        });
    });
}
