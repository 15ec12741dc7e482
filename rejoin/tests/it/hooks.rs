//! Hooks: each is called, on the right thread, and may panic.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;

use rejoin::{Builder, Executor, ExecutorBuilder, Finish, block_on, yield_now};

use crate::support::{Count, SIZES, executor, pending_with, watched};
use crate::watchdog::step;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, u64)>>>);

impl Log {
    fn add(&self, what: &'static str, tag: u64) {
        self.0.lock().unwrap().push((what, tag));
    }

    fn of(&self, tag: u64) -> Vec<&'static str> {
        let log = self.0.lock().unwrap();
        log.iter()
            .filter(|entry| entry.1 == tag)
            .map(|entry| entry.0)
            .collect()
    }
}

fn logged(log: &Log) -> ExecutorBuilder {
    let (spawn, begin, end, finish) = (log.clone(), log.clone(), log.clone(), log.clone());
    Executor::builder()
        .on_spawn(move |task| spawn.add("spawn", task.tag()))
        .on_poll_begin(move |task| begin.add("begin", task.tag()))
        .on_poll_end(move |task| end.add("end", task.tag()))
        .on_finish(move |task, how| {
            finish.add(
                if how == Finish::Cancelled {
                    "cancelled"
                } else {
                    "finish"
                },
                task.tag(),
            );
        })
}

#[test]
fn a_task_is_told_of_in_order() {
    watched(|| {
        for workers in SIZES {
            let log = Log::default();
            let executor = logged(&log).threads(workers).build().unwrap();
            let builder = |tag| Builder::new().on(&executor).tag(tag);
            block_on(builder(1).spawn(async { yield_now().await }));
            block_on(builder(2).spawn(std::future::pending::<()>()).cancel());
            builder(3).spawn(std::future::pending::<()>()).detach();
            drop(executor);
            let mut told = log.of(1);
            if workers > 1 {
                // The end of the first poll may be told after the second has begun elsewhere.
                told.sort_unstable();
                assert_eq!(told, ["begin", "begin", "end", "end", "finish", "spawn"]);
            } else {
                assert_eq!(told, ["spawn", "begin", "end", "begin", "finish", "end"]);
            }
            for tag in [2, 3] {
                let told = log.of(tag);
                assert_eq!(
                    told.iter().filter(|&&what| what == "cancelled").count(),
                    1,
                    "{told:?}"
                );
                let begun = told.iter().filter(|&&what| what == "begin").count();
                assert_eq!(begun, told.iter().filter(|&&what| what == "end").count());
            }
        }
    });
}

#[test]
fn hooks_of_one_executor_hear_nothing_of_another_one() {
    watched(|| {
        let log = Log::default();
        let hooked = logged(&log).threads(1).build().unwrap();
        let plain = executor(1);
        let there = Builder::new().on(&plain).tag(9);
        block_on(hooked.spawn(async move { there.spawn(async {}).await }));
        drop(hooked);
        // The next executor may live in the same place.
        let next = executor(1);
        block_on(Builder::new().on(&next).tag(9).spawn(async {}));
        assert!(log.of(9).is_empty());
    });
}

#[test]
fn thread_hooks_run_on_each_thread_first_and_last() {
    watched(|| {
        for workers in SIZES {
            let seen = Arc::new(Mutex::new((HashSet::new(), HashSet::new())));
            let (start, stop) = (Arc::clone(&seen), Arc::clone(&seen));
            let entry = |index| (index, thread::current().id());
            let executor = Executor::builder()
                .threads(workers)
                .on_thread_start(move |index| assert!(start.lock().unwrap().0.insert(entry(index))))
                .on_thread_stop(move |index| assert!(stop.lock().unwrap().1.insert(entry(index))))
                .build()
                .unwrap();
            block_on(executor.spawn(async {}));
            drop(executor);
            let seen = seen.lock().unwrap();
            assert_eq!(seen.0.len(), workers);
            assert_eq!(seen.0, seen.1);
        }
    });
}

#[test]
fn hooks_that_panic_change_nothing_for_the_tasks() {
    watched(|| {
        for workers in SIZES {
            let executor = Executor::builder()
                .threads(workers)
                .on_spawn(|_| panic!("on_spawn"))
                .on_poll_begin(|_| panic!("on_poll_begin"))
                .on_poll_end(|_| panic!("on_poll_end"))
                .on_finish(|_, _| panic!("on_finish"))
                .on_panic(|_, _| panic!("on_panic"))
                .on_thread_start(|_| panic!("on_thread_start"))
                .on_thread_stop(|_| panic!("on_thread_stop"))
                .build()
                .unwrap();
            for n in 0..10 {
                let handle = executor.spawn(async move {
                    yield_now().await;
                    n
                });
                assert_eq!(block_on(handle), n);
            }
            assert!(
                block_on(executor.spawn(async { panic!("task") }).join())
                    .is_err_and(|e| e.is_panic())
            );
            let dropped = Count::new();
            executor.spawn(pending_with(dropped.on_drop())).detach();
            step("the executor's end");
            drop(executor);
            assert_eq!(dropped.get(), 1);
        }
    });
}

#[test]
fn hooks_may_spawn_and_block() {
    watched(|| {
        for workers in SIZES {
            let other = Arc::new(executor(1));
            let helper = Arc::clone(&other);
            let executor = Executor::builder()
                .threads(workers)
                .on_poll_begin(move |_| assert_eq!(block_on(helper.spawn(async { 7 })), 7))
                .build()
                .unwrap();
            step("a task behind a hook that blocks");
            assert_eq!(block_on(executor.spawn(async { 8 })), 8);
        }
    });
}

#[test]
fn what_hooks_own_is_dropped_with_the_executor() {
    watched(|| {
        for workers in SIZES {
            let gone = Count::new();
            let kept = Mutex::new(gone.on_drop());
            let builder = Executor::builder().threads(workers);
            let executor = builder
                .on_finish(move |_, _| drop(kept.lock()))
                .build()
                .unwrap();
            let late = executor.spawn(std::future::pending::<()>());
            block_on(executor.spawn(async {}));
            drop(executor);
            step("what the hook owned");
            gone.wait_for(1);
            drop(late);
        }
    });
}

async fn thrice() {
    for _ in 0..3 {
        yield_now().await;
    }
}

#[test]
fn every_hook_hears_of_the_id_and_the_place_of_the_spawn() {
    watched(|| {
        for workers in SIZES {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let note = |what: &'static str| {
                let seen = Arc::clone(&seen);
                move |task: &rejoin::TaskInfo| {
                    let place = task.location();
                    let entry = (what, task.id(), place.file(), place.line());
                    seen.lock().unwrap().push(entry);
                }
            };
            let finish = note("finish");
            let executor = Executor::builder()
                .threads(workers)
                .on_spawn(note("spawn"))
                .on_poll_begin(note("begin"))
                .on_poll_end(note("end"))
                .on_finish(move |task, _| finish(task))
                .build()
                .unwrap();
            let (by_executor, line) = (executor.spawn(thrice()), line!());
            let first = (by_executor.id(), line);
            let second = executor.block_on(async {
                let (free, line) = (rejoin::spawn(thrice()), line!());
                let id = free.id();
                free.await;
                (id, line)
            });
            block_on(by_executor);
            drop(executor);
            let seen = seen.lock().unwrap();
            for (id, line) in [first, second] {
                for (what, times) in [("spawn", 1), ("begin", 4), ("end", 4), ("finish", 1)] {
                    let told = seen.iter().filter(|entry| (entry.0, entry.1) == (what, id));
                    let there = told.filter(|entry| (entry.2, entry.3) == (file!(), line));
                    assert_eq!(there.count(), times, "{what}");
                }
            }
            assert_eq!(seen.len(), 20);
        }
    });
}
