//! `block_on` anywhere: never a deadlock.

use std::future::{pending, poll_fn, ready};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::channel::oneshot;
use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, executor, panic_message, watched, with_workers};
use crate::watchdog::step;

#[test]
fn a_ready_future_is_ready_on_any_thread() {
    watched(|| {
        assert_eq!(block_on(ready(7)), 7);
        assert_eq!(thread::spawn(|| block_on(async { 7 })).join().unwrap(), 7);
    });
}

#[test]
fn it_sleeps_until_another_thread_wakes_it() {
    watched(|| {
        for round in 0..300 {
            let (send, receive) = oneshot::channel();
            let sender = thread::spawn(move || send.send(round).unwrap());
            assert_eq!(block_on(receive), Ok(round));
            sender.join().unwrap();
        }
    });
}

#[test]
fn it_polls_once_for_each_wake_up() {
    const WAKES: usize = 200;
    watched(|| {
        let (polls, (send, sent)) = (Count::new(), mpsc::channel::<Waker>());
        let counted = polls.clone();
        let wakes = thread::spawn(move || {
            let waker = sent.recv().unwrap();
            for wakes in 1..=WAKES {
                counted.wait_for(wakes);
                assert_eq!(counted.get(), wakes);
                waker.wake_by_ref();
            }
        });
        let mut send = Some(send);
        block_on(poll_fn(|cx| {
            polls.add();
            if let Some(send) = send.take() {
                send.send(cx.waker().clone()).unwrap();
            }
            let enough = polls.get() > WAKES;
            if enough {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        wakes.join().unwrap();
        assert_eq!(polls.get(), WAKES + 1);
    });
}

#[test]
fn it_runs_a_future_that_is_neither_send_nor_static() {
    watched(|| {
        let local = std::rc::Rc::new(std::cell::Cell::new(1));
        let borrowed = &local;
        block_on(async {
            yield_now().await;
            borrowed.set(borrowed.get() + spawn(async { 6 }).await);
        });
        assert_eq!(local.get(), 7);
    });
}

#[test]
fn after_many_blocked_at_once_the_surplus_threads_are_gone() {
    watched(|| {
        let (started, stopped) = (Count::new(), Count::new());
        let (start, stop) = (started.clone(), stopped.clone());
        let executor = Executor::builder()
            .threads(2)
            .on_thread_start(move |_| start.add())
            .on_thread_stop(move |_| stop.add())
            .build()
            .unwrap();
        let (go, wait) = async_channel::bounded::<()>(1);
        let inside = Count::new();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (wait, inside) = (wait.clone(), inside.clone());
                executor.spawn(async move {
                    inside.add();
                    block_on(wait.recv()).unwrap_err();
                })
            })
            .collect();
        step("fifty blocked tasks");
        inside.wait_for(50);
        drop(go);
        tasks.into_iter().for_each(block_on);
        // Two work and two may wait for a seat.
        step("the surplus threads");
        stopped.wait_for(started.get() - 8);
        assert!(started.get() <= 52, "{} threads", started.get());
        drop(executor);
        assert_eq!(started.get(), stopped.get());
    });
}

#[test]
fn thousands_in_a_row_in_tasks_start_few_threads() {
    watched(|| {
        let started = Count::new();
        let start = started.clone();
        let builder = Executor::builder().threads(2);
        let executor = builder
            .on_thread_start(move |_| start.add())
            .build()
            .unwrap();
        let (there, back) = (async_channel::bounded(1), async_channel::bounded(1));
        let echo = {
            let (there, back) = (there.1, back.0);
            executor.spawn(async move {
                while let Ok(number) = there.recv().await {
                    back.send(number).await.unwrap();
                }
            })
        };
        let (to, from) = (there.0, back.1);
        let caller = executor.spawn(async move {
            for number in 0..3_000 {
                let answer = block_on(async {
                    to.send(number).await.unwrap();
                    from.recv().await.unwrap()
                });
                assert_eq!(answer, number);
                yield_now().await;
            }
        });
        block_on(caller);
        block_on(echo);
        // Threads that come and go in races are few; one for each call would be thousands.
        assert!(started.get() <= 300, "{} threads", started.get());
    });
}

#[test]
fn tasks_behind_a_blocked_poll_go_on_meanwhile() {
    with_workers(|executor| {
        let ran = Count::new();
        let (go, wait) = oneshot::channel::<()>();
        let count = ran.clone();
        let blocked = executor.spawn(async move {
            for _ in 0..600 {
                let count = count.clone();
                spawn(async move { count.add() }).detach();
            }
            block_on(wait).unwrap();
        });
        step("what lay in the queue of the blocked worker");
        ran.wait_for(600);
        go.send(()).unwrap();
        block_on(blocked);
    });
}

#[test]
fn a_thread_that_cannot_start_is_a_clear_panic_and_the_executor_goes_on() {
    watched(|| {
        let executor = Executor::builder()
            .threads(1)
            .thread_name(|index| {
                if index == 0 {
                    "only".into()
                } else {
                    "zero\0".into()
                }
            })
            .build()
            .unwrap();
        for _ in 0..20 {
            let blocked = executor.spawn(async { block_on(pending::<()>()) });
            step("the task that cannot block");
            let error = block_on(blocked.join()).unwrap_err().to_string();
            assert!(error.contains("block_on could not start thread"), "{error}");
            assert!(
                error.contains("start the executor with more threads"),
                "{error}"
            );
            assert_eq!(block_on(executor.spawn(async { 7 })), 7);
        }
    });
}

#[test]
fn a_panic_inside_leaves_the_thread_usable() {
    watched(|| {
        for _ in 0..3 {
            let message = panic_message(|| {
                block_on(async {
                    yield_now().await;
                    panic!("inside")
                })
            });
            assert_eq!(message, "inside");
        }
        let executor = executor(1);
        let _ = panic_message(|| executor.block_on(async { panic!("inside") }));
        let name = block_on(spawn(async { thread::current().name().map(String::from) }));
        assert!(name.unwrap().starts_with("rejoin-"));
        assert_eq!(block_on(spawn(async { 7 })), 7);
    });
}

#[test]
fn user_code_that_parks_and_unparks_the_thread_neither_ends_nor_loses_a_sleep() {
    watched(|| {
        for _ in 0..200 {
            let (send, receive) = oneshot::channel();
            let sleeper = thread::current();
            let sender = thread::spawn(move || {
                for _ in 0..10 {
                    sleeper.unpark();
                }
                send.send(7).unwrap();
            });
            let mut receive = receive;
            let output = block_on(std::future::poll_fn(|cx: &mut Context<'_>| {
                thread::park_timeout(std::time::Duration::ZERO);
                thread::current().unpark();
                std::pin::Pin::new(&mut receive).poll(cx)
            }));
            assert_eq!(output, Ok(7));
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_waker_kept_from_an_earlier_block_on_is_harmless() {
    watched(|| {
        let mut kept: Option<Waker> = None;
        block_on(std::future::poll_fn(|cx| {
            kept = Some(cx.waker().clone());
            Poll::Ready(())
        }));
        let stale = kept.unwrap();
        let (send, receive) = mpsc::channel();
        let storm = thread::spawn(move || {
            while receive.try_recv() == Err(mpsc::TryRecvError::Empty) {
                stale.wake_by_ref();
            }
        });
        for n in 0..200 {
            assert_eq!(block_on(spawn(async move { n })), n);
        }
        send.send(()).unwrap();
        storm.join().unwrap();
    });
}
