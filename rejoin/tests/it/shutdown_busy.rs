//! An executor ends while its tasks never cease, block, spawn and wake; and what outputs and handles are left.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use rejoin::{Builder, block_in_place, block_on, spawn, yield_now};

use crate::shutdown::with_own;
use crate::support::{Count, OnDrop, executor, pending_with, spin_until, watched};
use crate::watchdog::step;

/// Each of these tasks spawns the next one, which owns `kept` then.
#[expect(
    clippy::only_used_in_recursion,
    reason = "it is handed on and dropped with the last of them"
)]
fn spawn_the_next<T: Send + 'static>(kept: T, spawned: Count) {
    let task = async move {
        spawned.add();
        spawn_the_next(kept, spawned);
    };
    spawn(task).detach();
}

#[test]
fn tasks_that_spawn_the_next_or_yield_for_ever_let_others_run_and_end_with_it() {
    watched(|| {
        with_own(|executor| {
            let (dropped, spawned, yielded) = (Count::new(), Count::new(), Count::new());
            for _ in 0..=executor.threads() {
                let (guard, count) = (dropped.on_drop(), spawned.clone());
                executor
                    .spawn(async move { spawn_the_next(guard, count) })
                    .detach();
                let (guard, count) = (dropped.on_drop(), yielded.clone());
                executor
                    .spawn(async move {
                        let _guard = guard;
                        loop {
                            count.add();
                            yield_now().await;
                        }
                    })
                    .detach();
            }
            step("all of them, and tasks from outside beside");
            spawned.wait_for(1_000);
            yielded.wait_for(1_000);
            for n in 0..10 {
                assert_eq!(block_on(executor.spawn(async move { n })), n);
            }
            let all = 2 * (executor.threads() + 1);
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), all);
        });
    });
}

#[test]
fn calls_in_place_get_what_the_drop_of_other_tasks_gives() {
    watched(|| {
        with_own(|executor| {
            let begun = Count::new();
            let calls = executor.threads() + 1;
            let handles: Vec<_> = (0..calls)
                .map(|_| {
                    let (give, take) = mpsc::channel::<()>();
                    executor.spawn(pending_with(give)).detach();
                    let begun = begun.clone();
                    executor.spawn(async move {
                        begun.add();
                        block_in_place(|| take.recv().is_err())
                    })
                })
                .collect();
            begun.wait_for(calls);
            step("the executor's end");
            drop(executor);
            for handle in handles {
                assert!(block_on(handle.join()).unwrap());
            }
        });
    });
}

#[test]
fn calls_in_place_that_begin_meanwhile_lose_nothing_of_their_workers_queues() {
    watched(|| {
        for round in 0..100 {
            let executor = executor(1 + round % 3);
            let (dropped, ended) = (Count::new(), Count::new());
            let handles: Vec<_> = (0..20)
                .map(|n| {
                    let (guard, inner, ended) =
                        (dropped.on_drop(), dropped.on_drop(), ended.clone());
                    executor.spawn(async move {
                        let _guard = guard;
                        spawn(async move { drop(inner) }).detach();
                        block_in_place(thread::yield_now);
                        if n % 2 == 0 {
                            yield_now().await;
                        }
                        ended.add();
                    })
                })
                .collect();
            if round % 2 == 0 {
                ended.wait_for(1);
            }
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), 40, "in round {round}");
            let results = handles.into_iter().map(|handle| block_on(handle.join()));
            assert_eq!(results.filter(Result::is_ok).count(), ended.get());
        }
    });
}

#[test]
fn blocking_calls_that_have_begun_end_and_those_that_come_late_do_not_begin() {
    watched(|| {
        with_own(|executor| {
            let (begin, begun) = mpsc::channel();
            let (go, wait) = mpsc::channel::<()>();
            let call = executor.spawn_blocking(move || {
                begin.send(()).unwrap();
                assert!(wait.recv().is_err());
                42
            });
            begun.recv().unwrap();
            let builder = Builder::new().on(&executor);
            let spawning = thread::spawn({
                let (builder, spawner) = (builder.clone(), executor.spawner());
                move || {
                    let mut handles = Vec::new();
                    let ran = Count::new();
                    while spawner.is_alive() {
                        let count = ran.clone();
                        handles.push(builder.clone().spawn_blocking(move || count.add()));
                        thread::yield_now();
                    }
                    (handles, ran)
                }
            });
            let dropping = thread::spawn(move || drop(executor));
            step("a late call");
            let (handles, ran) = spawning.join().unwrap();
            drop(go);
            step("the executor's end");
            dropping.join().unwrap();
            assert_eq!(block_on(call.join()).unwrap(), 42);
            let results = handles.into_iter().map(|handle| block_on(handle.join()));
            let ended = results.filter(|result| match result {
                Ok(()) => true,
                Err(error) => !error.is_cancelled(),
            });
            assert_eq!(ended.count(), ran.get());
            let late = builder.spawn_blocking(|| unreachable!("its executor is gone"));
            let late: Result<(), _> = block_on(late.join());
            assert!(late.unwrap_err().is_cancelled());
        });
    });
}

/// One of two that share a lock: each takes it in its drop, and one wakes the other with it held.
struct Partner {
    shared: Arc<Mutex<Option<Waker>>>,
    waits: bool,
    polled: Count,
    dropped: Count,
}

impl Future for Partner {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waits {
            *self.shared.lock().unwrap() = Some(cx.waker().clone());
        }
        self.polled.add();
        Poll::Pending
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        let mut waker = self.shared.lock().unwrap();
        if !self.waits {
            waker.take().into_iter().for_each(Waker::wake);
        }
        self.dropped.add();
    }
}

#[test]
fn a_drop_that_wakes_another_task_with_a_lock_held_which_that_ones_drop_takes_is_harmless() {
    watched(|| {
        for _ in 0..10 {
            with_own(|executor| {
                let (polled, dropped) = (Count::new(), Count::new());
                for pair in 0..20 {
                    let shared = Arc::default();
                    // Now the one first, now the other.
                    for waits in [pair % 2 == 0, pair % 2 == 1] {
                        let partner = Partner {
                            shared: Arc::clone(&shared),
                            waits,
                            polled: polled.clone(),
                            dropped: dropped.clone(),
                        };
                        executor.spawn(partner).detach();
                    }
                }
                polled.wait_for(40);
                step("the executor's end");
                drop(executor);
                assert_eq!((dropped.get(), polled.get()), (40, 40));
            });
        }
    });
}

#[test]
fn in_a_drop_a_free_spawn_means_the_executor_that_ends() {
    watched(|| {
        with_own(|executor| {
            let (tell, told) = mpsc::channel();
            let (ran, waits) = (Count::new(), Count::new());
            let asks = || {
                let (tell, ran) = (tell.clone(), ran.clone());
                OnDrop(move || {
                    let ran = ran.clone();
                    let late = spawn(async move { ran.add() });
                    tell.send((late.is_finished(), late)).unwrap();
                })
            };
            for _ in 0..10 {
                let (guard, waits) = (asks(), waits.clone());
                executor
                    .spawn(async move {
                        waits.add();
                        pending_with(guard).await;
                    })
                    .detach();
            }
            waits.wait_for(10);
            // These may wait in a queue.
            for _ in 0..10 {
                executor.spawn(pending_with(asks())).detach();
            }
            drop(executor);
            drop(tell);
            let mut all = 0;
            for (_, late) in told {
                all += 1;
                assert!(block_on(late.join()).unwrap_err().is_cancelled());
            }
            assert_eq!((all, ran.get()), (20, 0));
        });
    });
}

#[test]
fn an_output_outlives_it_in_its_handle_and_is_dropped_with_that_or_comes_out() {
    watched(|| {
        with_own(|executor| {
            let dropped = Count::new();
            let handles = [(); 3].map(|()| {
                let output = dropped.on_drop();
                executor.spawn(async move { output })
            });
            let before = {
                let output = dropped.on_drop();
                executor.spawn(async move { output })
            };
            spin_until(|| handles.iter().all(|handle| handle.is_finished()));
            spin_until(|| before.is_finished());
            drop(before);
            assert_eq!(dropped.get(), 1);
            drop(executor);
            assert_eq!(dropped.get(), 1);
            let [dropping, awaited, cancelled] = handles;
            drop(dropping);
            assert_eq!(dropped.get(), 2);
            let output = block_on(awaited);
            assert_eq!(dropped.get(), 2);
            drop(output);
            drop(block_on(cancelled.cancel()).expect("it had ended"));
            assert_eq!(dropped.get(), 4);
        });
    });
}

#[test]
fn awaiting_a_task_that_it_cancelled_panics_with_the_way_out() {
    watched(|| {
        with_own(|executor| {
            let dropped = Count::new();
            let handle = executor.spawn(pending_with(dropped.on_drop()));
            let never = executor.spawn(pending::<()>());
            drop(executor);
            for handle in [handle, never] {
                let message = crate::support::panic_message(|| block_on(handle));
                assert!(message.contains("use JoinHandle::join"), "{message}");
            }
            assert_eq!(dropped.get(), 1);
        });
    });
}
