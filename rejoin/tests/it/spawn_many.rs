//! Many tasks in one go: all run, whoever spawns them and however the iterator ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use rejoin::{Builder, Executor, block_on, spawn, spawn_many, yield_now};

use crate::support::{Count, executor, spin_until, watched, with_workers};
use crate::watchdog::step;

/// Around the sizes of a ring and of a chunk from outside.
const NUMBERS: [usize; 9] = [0, 1, 2, 127, 255, 256, 257, 513, 3_000];

/// Runs `test` in a task, in a `block_on`, and on a thread that the executor does not know.
fn everywhere<F>(executor: &Executor, test: impl Fn() -> F + Clone + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send,
{
    step("spawning in a task");
    let in_task = test.clone();
    block_on(executor.spawn(async move { in_task().await }));
    step("spawning in block_on");
    executor.block_on(test());
}

#[test]
fn all_of_them_run_and_their_handles_come_in_order() {
    with_workers(|executor| {
        for number in NUMBERS {
            everywhere(executor, move || async move {
                let handles = spawn_many((0..number).map(|n| async move { n }));
                assert_eq!(handles.len(), number);
                for (n, handle) in handles.into_iter().enumerate() {
                    assert_eq!(handle.await, n);
                }
            });
            step("spawning from outside");
            let handles = executor.spawn_many((0..number).map(|n| async move { n }));
            let outputs: Vec<_> = handles.into_iter().map(block_on).collect();
            assert!(outputs.into_iter().eq(0..number));
        }
    });
}

#[test]
fn an_iterator_that_panics_half_way_loses_nothing() {
    with_workers(|executor| {
        for number in NUMBERS {
            let ran = Count::new();
            let count = ran.clone();
            let half = move || {
                let count = count.clone();
                (0..).map(move |n| {
                    assert!(n < number, "thrown on purpose");
                    let count = count.clone();
                    async move { count.add() }
                })
            };
            let inside = half.clone();
            everywhere(executor, move || {
                let half = inside.clone();
                async move {
                    let thrown = catch_unwind(AssertUnwindSafe(|| drop(spawn_many(half()))));
                    assert!(thrown.is_err());
                }
            });
            let thrown = catch_unwind(AssertUnwindSafe(|| drop(executor.spawn_many(half()))));
            assert!(thrown.is_err());
            let detached = Builder::new().on(executor);
            let thrown = catch_unwind(AssertUnwindSafe(|| detached.detach_many(half())));
            assert!(thrown.is_err());
            step("what was produced before the panics");
            ran.wait_for(4 * number);
            assert_eq!(ran.get(), 4 * number);
        }
    });
}

#[test]
fn as_many_workers_wake_as_there_is_work_for() {
    with_workers(|executor| {
        let workers = executor.threads();
        for _ in 0..20 {
            // Each waits in its poll for all the others: it takes as many workers.
            let met = Count::new();
            let meet = |all: usize| {
                let met = met.clone();
                move |_| {
                    let met = met.clone();
                    async move {
                        met.add();
                        met.wait_for(all);
                    }
                }
            };
            step("a meeting called from outside");
            let handles = executor.spawn_many((0..workers).map(meet(workers)));
            handles.into_iter().for_each(block_on);
            step("a meeting called by a task that waits for it in its poll");
            let (guests, caller) = (meet(2 * workers - 1), met.clone());
            block_on(executor.spawn(async move {
                let handles = spawn_many((1..workers).map(guests));
                caller.wait_for(2 * workers - 1);
                for handle in handles {
                    handle.await;
                }
            }));
        }
    });
}

#[test]
fn what_a_slow_iterator_on_a_worker_produced_begins_meanwhile() {
    watched(|| {
        for workers in [2, 4] {
            let executor = executor(workers);
            let test = || async {
                let mut last: Option<Arc<AtomicBool>> = None;
                let slow = (0..20).map(|_| {
                    if let Some(last) = last.take() {
                        spin_until(|| last.load(SeqCst));
                    }
                    let mine = Arc::new(AtomicBool::new(false));
                    last = Some(Arc::clone(&mine));
                    async move { mine.store(true, SeqCst) }
                });
                for handle in spawn_many(slow) {
                    handle.await;
                }
            };
            step("a slow iterator in a task");
            block_on(executor.spawn(async move { test().await }));
            step("a slow iterator in block_on");
            executor.block_on(test());
        }
    });
}

#[test]
fn a_long_iterator_outside_the_workers_does_not_keep_all_back_until_its_end() {
    with_workers(|executor| {
        let ran = Count::new();
        step("the first 256 of 600 tasks");
        let long = (0..600).map(|n| {
            if n == 300 {
                ran.wait_for(256);
            }
            let ran = ran.clone();
            async move { ran.add() }
        });
        executor.spawn_many(long).into_iter().for_each(block_on);
        assert_eq!(ran.get(), 600);
    });
}

#[test]
fn an_iterator_that_blocks_and_spawns_loses_nothing() {
    with_workers(|executor| {
        everywhere(executor, || async {
            let futures = (0..600).map(|n| {
                if n % 50 == 0 {
                    block_on(spawn(yield_now()));
                    spawn(yield_now()).detach();
                }
                async move { n }
            });
            for (n, handle) in spawn_many(futures).into_iter().enumerate() {
                assert_eq!(handle.await, n);
            }
        });
    });
}

#[test]
fn for_an_executor_that_is_gone_they_are_refused_or_cancelled() {
    watched(|| {
        let executor = executor(2);
        let (spawner, builder) = (executor.spawner(), Builder::new().on(&executor));
        drop(executor);
        let produced = Count::new();
        let futures = || {
            let produced = produced.clone();
            (0..300).map(move |_| {
                produced.add();
                async {}
            })
        };
        assert!(spawner.spawn_many(futures()).is_err());
        assert_eq!(produced.get(), 0);
        for handle in builder.spawn_many(futures()) {
            assert!(block_on(handle.join()).unwrap_err().is_cancelled());
        }
        assert_eq!(produced.get(), 300);
    });
}

#[test]
fn batches_from_many_threads_while_the_executor_goes_are_run_or_dropped_once() {
    watched(|| {
        for round in 0..40 {
            let executor = executor(1 + round % 4);
            let dropped = Count::new();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (builder, dropped) = (Builder::new().on(&executor), dropped.clone());
                    thread::spawn(move || {
                        let futures = (0..1_000).map(|_| {
                            let guard = dropped.on_drop();
                            async move { drop(guard) }
                        });
                        builder.detach_many(futures)
                    })
                })
                .collect();
            step("the executor's end");
            drop(executor);
            step("the spawning threads");
            for thread in threads {
                assert_eq!(thread.join().unwrap(), 1_000);
            }
            assert_eq!(dropped.get(), 3_000, "in round {round}");
        }
    });
}
