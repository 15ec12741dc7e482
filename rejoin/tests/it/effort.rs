//! Whatever an executor spends on being quick, nobody waits in vain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use futures::future::{BoxFuture, join};
use rejoin::{Effort, Executor, block_on, sim, spawn, spawn_many, yield_now};

use crate::support::{SIZES, spin_until, watched};
use crate::watchdog::step;

const EFFORTS: [Effort; 3] = [Effort::Thrifty, Effort::Balanced, Effort::Eager];

/// Runs `test` on executors of every size and effort.
fn with_efforts(test: impl Fn(&Executor)) {
    watched(|| {
        for workers in SIZES {
            for effort in EFFORTS {
                let builder = Executor::builder().threads(workers);
                test(&builder.effort(effort).build().unwrap());
            }
        }
    });
}

fn sum(depth: u32) -> BoxFuture<'static, u64> {
    Box::pin(async move {
        if depth == 0 {
            yield_now().await;
            return 1;
        }
        let (left, right) = join(spawn(sum(depth - 1)), spawn(sum(depth - 1))).await;
        left + right
    })
}

#[test]
fn forks_batches_and_tasks_from_outside_come_to_their_ends() {
    with_efforts(|executor| {
        for _ in 0..3 {
            step("a tree from outside");
            assert_eq!(block_on(executor.spawn(sum(8))), 256);
            step("a tree in block_on");
            assert_eq!(executor.block_on(sum(8)), 256);
            step("a batch");
            let batch = executor.spawn_many((0..600_u64).map(|n| async move { n }));
            assert_eq!(batch.into_iter().map(block_on).sum::<u64>(), 179_700);
            step("a batch of a task");
            let inside = executor.spawn(async {
                let mut total = 0;
                for one in spawn_many((0..600_u64).map(|n| async move { n })) {
                    total += one.await;
                }
                total
            });
            assert_eq!(block_on(inside), 179_700);
            step("one after another, to workers that sleep");
            for n in 0..200 {
                assert_eq!(block_on(executor.spawn(async move { n })), n);
            }
        }
        step("nothing to be left");
        block_on(executor.idle());
    });
}

#[test]
fn what_waits_behind_a_slow_poll_begins_elsewhere() {
    with_efforts(|executor| {
        if executor.threads() == 1 {
            return;
        }
        for tasks in [1, 2, 9, 300] {
            let slow = executor.spawn(async move {
                let began: Vec<_> = (0..tasks)
                    .map(|_| {
                        let began = Arc::new(AtomicBool::new(false));
                        let begin = Arc::clone(&began);
                        spawn(async move { begin.store(true, SeqCst) });
                        began
                    })
                    .collect();
                spin_until(|| began.iter().all(|one| one.load(SeqCst)));
            });
            step("tasks behind a poll that waits for them");
            block_on(slow);
        }
    });
}

#[test]
fn under_many_schedules_nobody_waits_in_vain() {
    for effort in EFFORTS {
        sim::check(0..150, move || async move {
            let executor = Executor::builder().threads(2).effort(effort);
            let executor = executor.build().unwrap();
            let behind = executor.spawn(async {
                let began = Arc::new(AtomicBool::new(false));
                let begin = Arc::clone(&began);
                spawn(async move { begin.store(true, SeqCst) });
                while !began.load(SeqCst) {
                    sim::preempt();
                }
            });
            let tree = executor.spawn(sum(3));
            assert_eq!(tree.await, 8);
            behind.await;
        });
    }
}
