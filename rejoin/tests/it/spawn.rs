//! A future becomes a task.

use std::collections::HashSet;
use std::sync::mpsc;
use std::thread;

use rejoin::{Builder, Executor, block_on, spawn};

use crate::support::{Count, executor, watched, with_workers};
use crate::watchdog::step;

#[test]
fn a_task_runs_to_its_end_and_gives_its_output() {
    with_workers(|executor| assert_eq!(block_on(executor.spawn(async { 6 * 7 })), 42));
}

#[test]
fn a_free_spawn_outside_means_the_global_executor() {
    watched(|| {
        let handle = spawn(async { thread::current().name().map(String::from) });
        assert!(block_on(handle).unwrap().starts_with("rejoin-"));
    });
}

#[test]
fn a_free_spawn_means_the_executor_of_the_surrounding_task_or_block_on() {
    watched(|| {
        let counted = || {
            let (spawned, builder) = (Count::new(), Executor::builder().threads(2));
            let count = spawned.clone();
            let executor = builder.on_spawn(move |_| count.add()).build().unwrap();
            (executor, spawned)
        };
        let ((outer, by_outer), (inner, by_inner)) = (counted(), counted());
        outer.block_on(async { spawn(async {}).await });
        assert_eq!((by_outer.get(), by_inner.get()), (1, 0));
        let in_task = outer.spawn(async move {
            spawn(async {}).await;
            inner.block_on(async { spawn(async {}).await });
            spawn(async {}).await;
            block_on(async { spawn(async {}).await });
        });
        block_on(in_task);
        assert_eq!((by_outer.get(), by_inner.get()), (5, 1));
    });
}

#[test]
fn spawning_from_many_threads_at_once_loses_no_task() {
    with_workers(|executor| {
        let ran = Count::new();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let ran = ran.clone();
                        executor.spawn(async move { ran.add() }).detach();
                    }
                });
            }
        });
        step("all tasks");
        ran.wait_for(8 * 500);
    });
}

#[test]
fn a_task_that_spawns_more_than_its_ring_holds_loses_none() {
    with_workers(|executor| {
        let ran = Count::new();
        let count = ran.clone();
        let spawner = executor.spawn(async move {
            for _ in 0..5_000 {
                let count = count.clone();
                spawn(async move { count.add() }).detach();
            }
        });
        step("the spawning task");
        block_on(spawner);
        step("all tasks");
        ran.wait_for(5_000);
    });
}

#[test]
fn tasks_that_overflow_while_thieves_steal_run_once_each() {
    with_workers(|executor| {
        let mut sum = 0_u64;
        let parents: Vec<_> = (0..4_u64)
            .map(|parent| {
                executor.spawn(async move {
                    let children: Vec<_> = (0..2_000)
                        .map(|child| spawn(async move { parent * 2_000 + child }))
                        .collect();
                    let mut sum = 0;
                    for child in children {
                        sum += child.await;
                    }
                    sum
                })
            })
            .collect();
        for parent in parents {
            sum += block_on(parent);
        }
        assert_eq!(sum, (0..8_000).sum());
    });
}

#[test]
fn a_tree_of_tasks_comes_back_with_its_sum() {
    fn tree(depth: u32) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            let (left, right) = (spawn(tree(depth - 1)), spawn(tree(depth - 1)));
            left.await + right.await
        })
    }
    with_workers(|executor| assert_eq!(executor.block_on(tree(12)), 1 << 12));
}

#[test]
fn name_tag_id_and_place_of_spawn_are_those_given() {
    watched(|| {
        let executor = executor(1);
        let builder = Builder::new().name("listener").tag(80).on(&executor);
        let line = line!() + 1;
        let mut handle = builder.spawn(async {});
        assert_eq!((handle.name(), handle.tag()), (Some("listener"), 80));
        assert_eq!(
            (handle.location().file(), handle.location().line()),
            (file!(), line)
        );
        let info = handle.info();
        let stop = handle.cancel_handle();
        for info in [info, handle.info(), stop.info()] {
            assert_eq!(
                (info.name(), info.tag(), info.id()),
                (Some("listener"), 80, handle.id())
            );
            assert_eq!(info.location().line(), line);
            assert!(
                info.to_string().contains("\"listener\" spawned at"),
                "{info}"
            );
        }
        assert_eq!(stop.id(), handle.id());
        let plain = executor.spawn(async {});
        assert_eq!((plain.name(), plain.tag()), (None, 0));
    });
}

#[test]
fn every_way_to_spawn_tells_the_callers_place() {
    watched(|| {
        let executor = executor(1);
        let line = line!();
        let places = [
            spawn(async {}).location(),
            executor.spawn(async {}).location(),
            executor.spawner().spawn(async {}).unwrap().location(),
            Builder::new().spawn(async {}).location(),
            Builder::new().spawn_result(async {}).location(),
        ];
        for (place, offset) in places.into_iter().zip(2..) {
            assert_eq!((place.file(), place.line()), (file!(), line + offset));
        }
    });
}

#[test]
fn ids_differ_between_tasks_of_all_threads_and_executors() {
    with_workers(|executor| {
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..4 {
                let tell = tell.clone();
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        tell.send(executor.spawn(async {}).id()).unwrap();
                    }
                });
            }
        });
        drop(tell);
        let ids: HashSet<_> = told.iter().collect();
        assert_eq!(ids.len(), 8_000);
    });
}

#[test]
fn a_future_of_many_kilobytes_runs() {
    with_workers(|executor| {
        let big = [7_u8; 64 * 1024];
        let handle = executor.spawn(async move {
            rejoin::yield_now().await;
            big.iter().map(|&byte| u64::from(byte)).sum::<u64>()
        });
        assert_eq!(block_on(handle), 7 * 64 * 1024);
    });
}

#[test]
fn a_builder_can_be_used_again_and_spawns_where_it_is_told() {
    watched(|| {
        let executor = Executor::builder()
            .threads(1)
            .thread_name(|_| "there".into())
            .build()
            .unwrap();
        let builder = Builder::new().tag(5).on(&executor.spawner());
        for _ in 0..3 {
            let handle = builder
                .clone()
                .spawn(async { thread::current().name().map(String::from) });
            assert_eq!(handle.tag(), 5);
            assert_eq!(block_on(handle).as_deref(), Some("there"));
        }
        drop(executor);
        step("a task of a dead executor");
        let late = builder.spawn(async {});
        assert!(block_on(late.join()).unwrap_err().is_cancelled());
    });
}
