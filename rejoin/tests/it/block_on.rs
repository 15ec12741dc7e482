//! `block_on` anywhere: never a deadlock.

use std::future::{pending, ready};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::channel::oneshot;
use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, OnDrop, executor, panic_message, pending_with, watched, with_workers};
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
fn nested_in_a_task_it_waits_for_a_task_of_the_same_executor() {
    with_workers(|executor| {
        let outer = executor.spawn(async {
            let inner = spawn(async {
                yield_now().await;
                7
            });
            block_on(inner)
        });
        assert_eq!(block_on(outer), 7);
    });
}

#[test]
fn nested_twenty_deep_in_tasks_and_in_itself_it_comes_back() {
    fn deep(levels: u32) -> u32 {
        if levels == 0 {
            return 0;
        }
        let in_itself = block_on(async { block_on(async { yield_now().await }) });
        block_on(async move {
            let () = in_itself;
            spawn(async move { deep(levels - 1) }).await + 1
        })
    }
    with_workers(|executor| assert_eq!(block_on(executor.spawn(async { deep(20) })), 20));
}

#[test]
fn on_all_workers_at_once_it_does_not_deadlock() {
    with_workers(|executor| {
        let workers = executor.threads();
        let all_in = Arc::new(Barrier::new(workers));
        let (go, wait) = async_channel::bounded::<()>(1);
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let (all_in, wait) = (Arc::clone(&all_in), wait.clone());
                executor.spawn(async move {
                    all_in.wait();
                    let other = spawn(async move { wait.recv().await.is_err() });
                    block_on(other)
                })
            })
            .collect();
        step("a task that runs while all workers block");
        let releasing = executor.spawn(async move { drop(go) });
        block_on(releasing);
        step("the blocked tasks");
        assert!(tasks.into_iter().all(block_on));
    });
}

#[test]
fn hundreds_of_tasks_blocking_for_one_another_in_a_chain_all_end() {
    with_workers(|executor| {
        let mut last = executor.spawn(async { 0 });
        for _ in 0..200 {
            let before = last;
            last = executor.spawn(async move { block_on(before) + 1 });
        }
        assert_eq!(block_on(last), 200);
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
        stopped.wait_for(started.get() - 4);
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
fn in_the_drop_of_a_future_an_output_and_a_payload_it_waits() {
    with_workers(|executor| {
        let done = Count::new();
        let blocks = || {
            let done = done.clone();
            OnDrop(move || {
                assert_eq!(
                    block_on(spawn(async {
                        yield_now().await;
                        7
                    })),
                    7
                );
                done.add();
            })
        };
        drop(executor.spawn(pending_with(blocks())).cancel());
        let output = blocks();
        executor.spawn(async move { output }).detach();
        let payload = blocks();
        executor
            .spawn(async move { std::panic::panic_any(payload) })
            .detach();
        step("the drops");
        done.wait_for(3);
    });
}

#[test]
fn in_the_drop_of_an_output_it_may_wait_for_a_task_of_a_dead_executor() {
    watched(|| {
        let dead = executor(1);
        let builder = rejoin::Builder::new().on(&dead);
        drop(dead);
        let alive = executor(2);
        let done = Count::new();
        let count = done.clone();
        let output = OnDrop(move || {
            let late = builder.clone().spawn(pending::<()>());
            assert!(block_on(late.join()).unwrap_err().is_cancelled());
            count.add();
        });
        let handle = alive.spawn(async move { output });
        crate::support::spin_until(|| handle.is_finished());
        step("a block_on in the drop of an output, here");
        drop(handle);
        assert_eq!(done.get(), 1);
    });
}

#[test]
fn of_another_executor_it_works_in_a_task_in_both_directions() {
    with_workers(|left| {
        let right = Arc::new(executor(left.threads()));
        let (there, back) = (Arc::clone(&right), left.spawner());
        let handle = left.spawn(async move {
            there.block_on(async move {
                let on_right = spawn(async move { block_on(back.spawn(async { 7 }).unwrap()) });
                on_right.await
            })
        });
        assert_eq!(block_on(handle), 7);
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
