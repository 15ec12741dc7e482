//! `block_on` inside of something of ours: a task, itself, a drop.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, OnDrop, executor, pending_with, watched, with_workers};
use crate::watchdog::step;

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
        block_on(async { block_on(async { yield_now().await }) });
        block_on(async move { spawn(async move { deep(levels - 1) }).await + 1 })
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
fn a_block_on_in_a_task_that_yields_until_what_it_spawned_has_run_does_not_keep_it() {
    with_workers(|executor| {
        let handle = executor.spawn(async {
            block_on(async {
                let ran = Count::new();
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
                step("a task behind a block_on that yields until it has run");
                while ran.get() == 0 {
                    rejoin::yield_now().await;
                }
            });
        });
        block_on(handle);
    });
}

/// The seat of a thread that cannot be replaced stays where it is; what lies there is then taken by others, as from
/// behind any slow poll.
#[test]
fn what_lies_behind_a_block_on_that_finds_no_thread_to_take_its_place_begins_elsewhere() {
    let _watchdog = crate::watchdog::watchdog("a nested block_on without a thread to spare");
    for _ in 0..20 {
        let executor = Executor::builder()
            .threads(2)
            .thread_name(|index| {
                if index > 1 {
                    std::panic::resume_unwind(Box::new("no more threads"));
                }
                format!("{index}")
            })
            .build()
            .unwrap();
        let slow = executor.spawn(async {
            let begun = Arc::new(AtomicBool::new(false));
            let raise = Arc::clone(&begun);
            spawn(async move { raise.store(true, SeqCst) }).detach();
            block_on(async {
                // Woken before it could sleep, again and again.
                while !begun.load(SeqCst) {
                    yield_now().await;
                }
            });
        });
        step("the task behind");
        block_on(slow);
    }
}
