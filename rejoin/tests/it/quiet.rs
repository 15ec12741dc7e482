//! Waiting until nothing is left: not before, and then for certain.

use std::future::pending;
use std::sync::mpsc;
use std::thread;

use futures::channel::oneshot;
use futures::future::{BoxFuture, join};
use rejoin::{Builder, Executor, block_in_place, block_on, idle, spawn, spawn_blocking, yield_now};

use crate::support::{Count, executor, poll_once, watched, with_workers};
use crate::watchdog::step;

/// A tree of tasks that no one awaits: each spawns two, yields and counts.
fn grow(depth: usize, count: Count) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        for _ in 0..2 {
            if depth > 0 {
                spawn(grow(depth - 1, count.clone())).detach();
                yield_now().await;
            }
        }
        count.add();
    })
}

#[test]
fn an_executor_without_tasks_is_idle() {
    with_workers(|executor| {
        block_on(executor.idle());
        executor.block_on(idle());
        block_on(executor.spawn(idle()));
        block_on(executor.spawner().idle());
    });
}

#[test]
fn it_waits_for_tasks_that_tasks_have_spawned_wherever_it_is_called() {
    with_workers(|executor| {
        for round in 1..6 {
            let count = Count::new();
            let all = (1 << (round + 1)) - 1;
            let start = || executor.spawn(grow(round, count.clone())).detach();
            start();
            step("idle, from outside");
            block_on(executor.idle());
            assert_eq!(count.get(), all);
            start();
            step("idle, in block_on of the executor, with tasks of its own");
            executor.block_on(async {
                spawn(grow(round, count.clone())).detach();
                idle().await;
            });
            assert_eq!(count.get(), 3 * all);
            start();
            step("idle, in a task");
            block_on(executor.spawn(idle()));
            assert_eq!(count.get(), 4 * all);
            start();
            step("idle, in block_on in a task");
            block_on(executor.spawn(async { block_on(idle()) }));
            assert_eq!(count.get(), 5 * all);
            start();
            step("idle, in block_on in a task that has waited before");
            block_on(executor.spawn(async {
                yield_now().await;
                block_on(idle());
                yield_now().await;
                block_on(idle());
            }));
            assert_eq!(count.get(), 6 * all);
        }
    });
}

#[test]
fn it_does_not_end_while_a_task_waits_computes_or_blocks() {
    with_workers(|executor| {
        for how in 0..4 {
            let ended = Count::new();
            let (go, wait) = oneshot::channel::<()>();
            let (stop, stopped) = mpsc::channel::<()>();
            let count = ended.clone();
            match how {
                0 => executor.spawn(async move {
                    let _ = wait.await;
                    count.add();
                }),
                1 => executor.spawn(async move {
                    let _ = stopped.recv();
                    count.add();
                }),
                2 => executor.spawn(async move {
                    let _ = block_on(wait);
                    count.add();
                }),
                _ => executor.spawn_blocking(move || {
                    let _ = stopped.recv();
                    count.add();
                }),
            }
            .detach();
            let mut idle = executor.idle();
            for _ in 0..50 {
                assert!(poll_once(&mut idle).is_pending());
                thread::yield_now();
            }
            assert_eq!(ended.get(), 0);
            drop((go, stop));
            step("idle, now that the last task goes on");
            block_on(idle);
            assert_eq!(ended.get(), 1);
        }
    });
}

#[test]
fn many_may_wait_and_none_is_counted() {
    with_workers(|executor| {
        let count = Count::new();
        executor.spawn(grow(6, count.clone())).detach();
        let waiting: Vec<_> = (0..20)
            .map(|n| match n % 4 {
                0 => executor.spawn(idle()),
                1 => executor.spawn(async { join(idle(), idle()).await.0 }),
                2 => executor.spawn(async { block_on(idle()) }),
                _ => executor.spawn(async {
                    yield_now().await;
                    block_in_place(|| block_on(idle()));
                }),
            })
            .collect();
        step("those that wait");
        waiting.into_iter().for_each(block_on);
        assert_eq!(count.get(), 127);
    });
}

#[test]
fn a_task_that_gave_up_waiting_is_counted_again() {
    with_workers(|executor| {
        let (go, wait) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        executor
            .spawn(async move {
                let mut given_up = idle();
                assert!(poll_once(&mut given_up).is_pending());
                drop(given_up);
                tell.send(()).unwrap();
                let _ = wait.await;
            })
            .detach();
        told.recv().unwrap();
        let mut idle = executor.idle();
        for _ in 0..50 {
            assert!(poll_once(&mut idle).is_pending());
            thread::yield_now();
        }
        drop(go);
        block_on(idle);
    });
}

#[test]
fn spawns_and_wakes_from_outside_race_with_it() {
    with_workers(|executor| {
        for _ in 0..100 {
            let count = Count::new();
            let builder = Builder::new().on(executor);
            let (spawned, tasks) = (count.clone(), 20);
            let spawning = thread::spawn(move || {
                for n in 0..tasks {
                    let count = spawned.clone();
                    let (go, wait) = oneshot::channel::<()>();
                    let task = async move {
                        let _ = wait.await;
                        count.add();
                    };
                    builder.clone().spawn(task).detach();
                    if n % 2 == 0 {
                        thread::yield_now();
                    }
                    drop(go);
                }
            });
            block_on(executor.idle());
            step("the spawning thread");
            spawning.join().unwrap();
            step("idle, after the last spawn");
            block_on(executor.idle());
            assert_eq!(count.get(), tasks);
        }
    });
}

#[test]
fn when_the_executor_goes_all_who_wait_for_it_are_told() {
    watched(|| {
        for workers in [1, 2, 4] {
            let executor = executor(workers);
            let spawner = executor.spawner();
            executor.spawn(pending::<()>()).detach();
            let waiting = thread::spawn({
                let idle = executor.idle();
                move || block_on(idle)
            });
            let mut late = executor.idle();
            assert!(poll_once(&mut late).is_pending());
            step("the executor's end");
            drop(executor);
            step("who waits outside");
            waiting.join().unwrap();
            block_on(late);
            block_on(spawner.idle());
            let next = Executor::builder().threads(workers).build().unwrap();
            next.spawn(spawn_blocking(|| ())).detach();
            step("idle, of the executor in the same place");
            block_on(next.idle());
            block_on(spawner.idle());
        }
    });
}
