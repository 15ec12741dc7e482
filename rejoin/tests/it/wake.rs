//! Wakers: by many, early, late, from drops; and what was written before is seen.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use futures::channel::oneshot;
use rejoin::{block_on, spawn};

use crate::support::{Count, OnDrop, spin_until, with_workers};
use crate::watchdog::step;

#[test]
fn a_wake_inside_the_poll_gives_one_more_poll() {
    with_workers(|executor| {
        let mut polls = 0;
        let polls = executor.spawn(poll_fn(move |cx| {
            polls += 1;
            for _ in 0..10 {
                cx.waker().wake_by_ref();
            }
            let owned = cx.waker().clone();
            owned.wake();
            if polls < 1_000 {
                Poll::Pending
            } else {
                Poll::Ready(polls)
            }
        }));
        assert_eq!(block_on(polls), 1_000);
    });
}

#[test]
fn a_storm_of_wakes_gives_no_more_polls_than_wakes_and_loses_no_value() {
    with_workers(|executor| {
        let (value, polls, wakes) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicUsize::new(0)),
            AtomicUsize::new(0),
        );
        let (tell, told) = mpsc::channel();
        let (seen, counted) = (Arc::clone(&value), Arc::clone(&polls));
        let task = executor.spawn(poll_fn(move |cx| {
            if counted.fetch_add(1, SeqCst) == 0 {
                tell.send(cx.waker().clone()).unwrap();
            }
            if seen.load(Relaxed) == 16 * 2_000 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        let waker = told.recv().unwrap();
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        value.fetch_add(1, Relaxed);
                        wakes.fetch_add(1, SeqCst);
                        waker.wake_by_ref();
                    }
                });
            }
        });
        step("the poll after the last wake");
        block_on(task);
        assert!(polls.load(SeqCst) <= 1 + wakes.load(SeqCst));
    });
}

#[test]
fn what_was_written_before_a_wake_is_seen_by_the_poll() {
    with_workers(|executor| {
        for round in 0..300 {
            let data = Arc::new((AtomicU64::new(0), AtomicBool::new(false)));
            let (tell, told) = mpsc::channel();
            let seen = Arc::clone(&data);
            let mut first = true;
            let task = executor.spawn(poll_fn(move |cx| {
                if std::mem::take(&mut first) {
                    tell.send(cx.waker().clone()).unwrap();
                }
                // Relaxed: only the wake orders the two writes and this read.
                match seen.0.load(Relaxed) {
                    0 => Poll::Pending,
                    value => Poll::Ready(value),
                }
            }));
            let waker: Waker = told.recv().unwrap();
            data.0.store(round + 1, Relaxed);
            waker.wake();
            step("the poll that sees the value");
            assert_eq!(block_on(task), round + 1);
        }
    });
}

#[test]
fn a_wake_after_the_end_is_harmless() {
    with_workers(|executor| {
        let (tell, told) = mpsc::channel();
        let polls = Count::new();
        let count = polls.clone();
        let mut first = true;
        let handle = executor.spawn(poll_fn(move |cx| {
            count.add();
            if std::mem::take(&mut first) {
                tell.send(cx.waker().clone()).unwrap();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(7)
        }));
        let waker: Waker = told.recv().unwrap();
        spin_until(|| handle.is_finished());
        for _ in 0..100 {
            waker.wake_by_ref();
            drop(waker.clone());
        }
        assert_eq!(block_on(handle), 7);
        waker.wake();
        block_on(executor.spawn(async {}));
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn a_wake_in_the_drop_of_a_cancelled_future_reaches_the_other_task() {
    with_workers(|executor| {
        for _ in 0..100 {
            let (sender, receiver) = async_channel::bounded::<()>(1);
            let waiting = executor.spawn(async move { receiver.recv().await });
            let guard = OnDrop(move || sender.try_send(()).unwrap());
            drop(executor.spawn(crate::support::pending_with(guard)).cancel());
            step("the task woken by a drop");
            assert_eq!(block_on(waiting), Ok(()));
        }
    });
}

#[test]
fn dropping_the_last_waker_of_a_detached_task_leaves_it_to_the_shutdown() {
    for workers in crate::support::SIZES {
        let _watchdog = crate::watchdog::watchdog("the last waker of a detached task");
        let executor = crate::support::executor(workers);
        let dropped = Count::new();
        for _ in 0..50 {
            let (tell, told) = mpsc::channel();
            let guard = dropped.on_drop();
            let task = poll_fn(move |cx| {
                let _guard = &guard;
                tell.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            });
            executor.spawn(task).detach();
            drop(told.recv().unwrap());
        }
        drop(executor);
        assert_eq!(dropped.get(), 50);
    }
}

#[test]
fn a_waker_of_one_executor_used_on_a_worker_of_another_wakes_its_own_task() {
    with_workers(|left| {
        let right = crate::support::executor(left.threads());
        let (to_left, left_box) = async_channel::bounded::<u32>(1);
        let (to_right, right_box) = async_channel::bounded::<u32>(1);
        let home = |name: Option<String>| name.unwrap();
        let here = left.spawn(async move {
            for n in 0..500 {
                to_right.send(n).await.unwrap();
                assert_eq!(left_box.recv().await, Ok(n + 1));
            }
            home(thread::current().name().map(String::from))
        });
        let there = right.spawn(async move {
            while let Ok(n) = right_box.recv().await {
                to_left.send(n + 1).await.unwrap();
            }
        });
        step("the two executors' tasks");
        assert!(block_on(here).starts_with("rejoin-"));
        block_on(there);
    });
}

#[test]
fn hundreds_that_wait_are_woken_in_turn_by_another_thread_and_all_answer() {
    async fn ask(number: usize) {
        let (give, answers) = async_channel::unbounded();
        let senders: Vec<_> = (0..number)
            .map(|n| {
                let ((tell, told), give) = (oneshot::channel(), give.clone());
                spawn(async move {
                    assert_eq!(told.await, Ok(n));
                    give.send(n).await.unwrap();
                })
                .detach();
                tell
            })
            .collect();
        drop(give);
        let other = thread::spawn(move || {
            for (n, tell) in senders.into_iter().enumerate() {
                tell.send(n).unwrap();
            }
        });
        let mut seen = vec![false; number];
        while let Ok(n) = answers.recv().await {
            assert!(!std::mem::replace(&mut seen[n], true), "twice");
        }
        assert!(seen.into_iter().all(|seen| seen));
        other.join().unwrap();
    }
    with_workers(|executor| {
        for _ in 0..5 {
            step("answers to a block_on");
            executor.block_on(ask(300));
            step("answers to a task");
            block_on(executor.spawn(ask(300)));
        }
    });
}

/// How the poll ends during which a task is woken and cancelled.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Pending,
    Ready,
    Panic,
}

#[test]
fn a_wake_and_a_cancel_during_a_poll_in_either_order_give_no_other_poll() {
    with_workers(|executor| {
        for ending in [Ending::Pending, Ending::Ready, Ending::Panic] {
            for (wakes, cancels, first) in [
                (true, false, true),
                (false, true, true),
                (true, true, true),
                (true, true, false),
            ] {
                let (tell, told) = mpsc::channel::<Waker>();
                let (polls, dropped, go) = (Count::new(), Count::new(), Arc::new(Barrier::new(2)));
                let (count, guard, wait) = (polls.clone(), dropped.on_drop(), Arc::clone(&go));
                let mut handle = executor.spawn(poll_fn(move |cx| {
                    let _guard = &guard;
                    count.add();
                    if count.get() == 1 {
                        tell.send(cx.waker().clone()).unwrap();
                        wait.wait();
                    }
                    match ending {
                        Ending::Pending => Poll::Pending,
                        Ending::Ready => Poll::Ready(()),
                        Ending::Panic => std::panic::resume_unwind(Box::new("on purpose")),
                    }
                }));
                let (cancel, waker) = (handle.cancel_handle(), told.recv().unwrap());
                if wakes && first {
                    waker.wake_by_ref();
                }
                if cancels {
                    cancel.cancel();
                }
                if wakes && !first {
                    waker.wake_by_ref();
                }
                go.wait();
                let again = usize::from(matches!(ending, Ending::Pending) && !cancels);
                step("one poll more, or the end");
                polls.wait_for(1 + again);
                if matches!(ending, Ending::Pending) && !cancels {
                    cancel.cancel();
                }
                dropped.wait_for(1);
                let result = block_on(handle.join());
                // What is ready at that moment may be given or not.
                match ending {
                    Ending::Pending => assert!(result.unwrap_err().is_cancelled()),
                    Ending::Ready => {
                        assert!(result.map_or_else(|no| cancels && no.is_cancelled(), |()| true));
                    }
                    Ending::Panic => {
                        let error = result.unwrap_err();
                        assert!(error.is_panic() || cancels);
                    }
                }
                // Late ones do nothing.
                waker.wake();
                block_on(executor.spawn(async {}));
                assert_eq!((polls.get(), dropped.get()), (1 + again, 1), "{ending:?}");
            }
        }
    });
}
