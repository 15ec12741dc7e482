//! An executor is shut down with a deadline, from anywhere and whatever its tasks do.

use std::cell::RefCell;
use std::future::pending;
use std::sync::mpsc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures::channel::oneshot;
use rejoin::{Builder, Executor, JoinHandle, block_on, spawn, yield_now};

use crate::jam::{Jam, SOON, names, waiting};
use crate::shutdown::with_own;
use crate::support::{Count, OnDrop, executor, pending_with, watched};
use crate::watchdog::step;

#[test]
fn a_stuck_thread_is_left_and_drops_its_future_when_it_returns() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            let (tell, told) = mpsc::channel::<ThreadId>();
            let (gate, begun) = (jam.gate(), jam.begun.clone());
            executor
                .spawn(async move {
                    let _guard = OnDrop(move || tell.send(thread::current().id()).unwrap());
                    begun.add();
                    gate();
                    pending::<()>().await;
                })
                .detach();
            jam.begun.wait_for(1);
            let report = executor.shutdown(Duration::ZERO);
            assert!(!report.is_complete());
            drop(report);
            jam.end();
            step("the drop of the future that was stuck");
            assert_ne!(told.recv().unwrap(), thread::current().id());
        });
    });
}

#[test]
fn destructors_that_get_stuck_on_all_workers_hold_up_nobody_else() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            let (others, entered) = (Count::new(), Count::new());
            let bad = executor.threads() + 2;
            for _ in 0..bad {
                let (gate, entered) = (jam.gate(), entered.clone());
                let stuck = OnDrop(move || {
                    entered.add();
                    gate();
                });
                executor.spawn(pending_with(stuck)).detach();
            }
            let handles = waiting(&executor, 100, &others);
            let ending = thread::spawn(move || executor.shutdown(Duration::MAX));
            step("all of the destructors that get stuck");
            entered.wait_for(1);
            step("the other destructors");
            others.wait_for(100);
            jam.end();
            step("the end");
            let report = ending.join().unwrap();
            assert!(report.is_complete());
            assert_eq!(report.cancelled(), 100 + bad);
            drop(handles);
        });
    });
}

#[test]
fn in_its_own_task_it_waits_for_all_but_that_task() {
    watched(|| {
        with_own(|executor| {
            let (dropped, after) = (Count::new(), Count::new());
            let others = waiting(&executor, 50, &dropped);
            let (give, take) = oneshot::channel::<Executor>();
            let (tell, told) = mpsc::channel();
            let count = after.clone();
            let handle = executor.spawn(async move {
                let report = take.await.unwrap().shutdown(Duration::MAX);
                tell.send(report).unwrap();
                count.add();
                yield_now().await;
                count.add();
            });
            assert!(give.send(executor).is_ok());
            step("a task that shuts its executor down");
            let report = told.recv().unwrap();
            assert!(report.is_complete() && report.stuck().is_empty());
            assert_eq!((report.cancelled(), dropped.get()), (50, 50));
            assert!(block_on(handle.join()).unwrap_err().is_cancelled());
            assert_eq!(after.get(), 1);
            step("the last thread");
            assert_eq!(report.wait(Duration::MAX).cancelled(), 51);
            drop(others);
        });
    });
}

#[test]
fn in_its_own_task_it_tells_who_else_is_stuck_and_not_itself() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            let (give, take) = mpsc::channel::<Executor>();
            let (tell, told) = mpsc::channel();
            let (gate, begun) = (jam.gate(), jam.begun.clone());
            let builder = Builder::new().on(&executor).name("blocks");
            let blocks = builder.spawn_blocking(move || {
                begun.add();
                gate();
            });
            jam.begun.wait_for(1);
            let own = executor.spawn(async move {
                let report = take.recv().unwrap().shutdown(SOON);
                tell.send(report).unwrap();
            });
            assert!(give.send(executor).is_ok());
            step("a task that shuts its executor down");
            let report = told.recv().unwrap();
            assert_eq!(names(&report), ["blocks"]);
            jam.end();
            assert!(report.wait(Duration::MAX).is_complete());
            block_on(own);
            block_on(blocks);
        });
    });
}

#[test]
fn in_a_task_of_another_executor_it_gives_way_to_what_it_waits_for() {
    watched(|| {
        let (outer, inner) = (executor(1), executor(1));
        let (spawner, blocked) = (outer.spawner(), Count::new());
        let (go, wait) = mpsc::channel::<()>();
        let count = blocked.clone();
        let waiting = inner.spawn(async move {
            count.add();
            wait.recv().unwrap();
            block_on(spawner.spawn(async { 7 }).unwrap())
        });
        blocked.wait_for(1);
        let ending = outer.spawn(async move {
            go.send(()).unwrap();
            inner.shutdown(Duration::MAX)
        });
        step("a task that shuts an executor down whose poll waits for a task behind it");
        assert_eq!(block_on(ending).finished(), 1);
        assert_eq!(block_on(waiting), 7);
    });
}

type AtEnd = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static KEPT: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Keeps `job` for the end of the calling thread.
fn at_thread_end(job: impl FnMut() + 'static) {
    KEPT.with_borrow_mut(|kept| *kept = Some(OnDrop(Box::new(job))));
}

#[test]
fn in_a_destructor_of_a_thread_local_it_works_as_anywhere() {
    watched(|| {
        with_own(|own| {
            let outer = executor(own.threads());
            let (tell, told) = mpsc::channel();
            let (dropped, mut jam) = (Count::new(), Jam::new());
            let make = |executor: Executor, deadline| {
                let (mut executor, tell) = (Some(executor), tell.clone());
                move || {
                    let report = executor.take().unwrap().shutdown(deadline);
                    tell.send(report).unwrap();
                }
            };
            step("a plain thread's destructor");
            waiting(&own, 10, &dropped);
            let job = make(own, Duration::MAX);
            thread::scope(|scope| scope.spawn(|| at_thread_end(job)).join().unwrap());
            assert!(told.recv().unwrap().is_complete());
            step("a worker's destructor, with an executor that is stuck");
            let inner = executor(outer.threads());
            let stuck = jam.fill(&inner).len();
            let job = make(inner, SOON);
            block_on(outer.spawn(async move { at_thread_end(job) }));
            drop(outer);
            let report = told.recv().unwrap();
            assert_eq!(report.stuck().len(), stuck);
            jam.end();
            assert!(report.wait(Duration::MAX).is_complete());
        });
    });
}

#[test]
fn threads_that_spawn_meanwhile_lose_nothing_and_are_told() {
    watched(|| {
        for round in 0..20 {
            let executor = executor(1 + round % 4);
            let dropped = Count::new();
            let spawning: Vec<_> = (0..3)
                .map(|_| {
                    let (builder, dropped) = (Builder::new().on(&executor), dropped.clone());
                    let spawner = executor.spawner();
                    thread::spawn(move || {
                        let mut handles = Vec::new();
                        while spawner.is_alive() || handles.len() < 200 {
                            let guard = dropped.on_drop();
                            let task = async move { drop(guard) };
                            handles.push(builder.clone().spawn(task));
                        }
                        handles
                    })
                })
                .collect();
            dropped.wait_for(100);
            step("the shutdown");
            let report = executor.shutdown(Duration::MAX);
            assert!(report.is_complete());
            step("the spawning threads");
            let mut spawned = 0;
            for thread in spawning {
                for handle in thread.join().unwrap() {
                    spawned += 1;
                    assert!(block_on(handle.join()).map_or_else(|no| no.is_cancelled(), |()| true));
                }
            }
            dropped.wait_for(spawned);
            assert_eq!(dropped.get(), spawned, "in round {round}");
            assert!(report.finished() + report.cancelled() <= spawned);
        }
    });
}

#[test]
fn what_comes_late_is_cancelled() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            jam.fill(&executor);
            let (builder, spawner) = (Builder::new().on(&executor), executor.spawner());
            let report = executor.shutdown(Duration::ZERO);
            assert!(spawner.spawn(async {}).is_err());
            let late = builder.clone().spawn(async {});
            step("a late task, beside workers that are all stuck");
            assert!(block_on(late.join()).unwrap_err().is_cancelled());
            jam.end();
            assert!(report.wait(Duration::MAX).is_complete());
            assert!(
                block_on(builder.spawn(async {}).join())
                    .unwrap_err()
                    .is_cancelled()
            );
        });
    });
}

#[test]
fn a_poll_left_behind_still_gets_what_it_waits_for() {
    watched(|| {
        with_own(|executor| {
            let (jam, ended) = (Jam::new(), Count::new());
            let (go, wait) = mpsc::channel::<()>();
            let (begun, end) = (jam.begun.clone(), ended.clone());
            executor
                .spawn(async move {
                    begun.add();
                    let _ = wait.recv();
                    // Into its own slot; dropped by somebody else, or never.
                    let dropped = Count::new();
                    let late = spawn(pending_with(dropped.on_drop()));
                    dropped.wait_for(1);
                    assert!(block_on(late.join()).unwrap_err().is_cancelled());
                    end.add();
                })
                .detach();
            jam.begun.wait_for(1);
            let report = executor.shutdown(SOON);
            assert_eq!(report.stuck().len(), 1);
            drop(go);
            step("a poll that waits for the drop of what it spawned");
            ended.wait_for(1);
            assert!(report.wait(Duration::MAX).is_complete());
        });
    });
}

#[test]
fn where_no_thread_can_be_started_it_still_returns_and_the_rest_is_dropped_later() {
    watched(|| {
        for threads in [1, 2, 4] {
            let executor = Executor::builder()
                .threads(threads)
                .thread_name(move |index| {
                    if index >= threads {
                        std::panic::resume_unwind(Box::new("no more threads, on purpose"));
                    }
                    format!("one-of-few-{index}")
                })
                .build()
                .unwrap();
            let (mut jam, dropped) = (Jam::new(), Count::new());
            let waiting = waiting(&executor, 10, &dropped);
            jam.fill(&executor);
            let report = executor.shutdown(SOON);
            assert_eq!((report.cancelled(), dropped.get()), (0, 0));
            assert_eq!(report.stuck().len(), threads);
            jam.end();
            step("the rest, by those that were stuck");
            let report = report.wait(Duration::MAX);
            assert!(report.is_complete());
            assert_eq!((report.cancelled(), dropped.get()), (10 + threads, 10));
            drop(waiting);
        }
    });
}

#[test]
fn a_million_futures_that_own_the_next_handle_are_dropped_on_workers_in_a_bounded_stack() {
    const LENGTH: usize = 1_000_000;
    watched(|| {
        let executor = executor(2);
        let (dropped, elsewhere) = (Count::new(), Count::new());
        let caller = thread::current().id();
        let mut last: Option<JoinHandle<()>> = None;
        for _ in 0..LENGTH {
            let (next, count, here) = (last.take(), dropped.clone(), elsewhere.clone());
            let guard = OnDrop(move || {
                count.add();
                if thread::current().id() == caller {
                    here.add();
                }
            });
            last = Some(executor.spawn(pending_with((guard, next))));
        }
        step("the shutdown");
        let report = executor.shutdown(Duration::MAX);
        assert!(report.is_complete());
        assert_eq!((report.cancelled(), dropped.get()), (LENGTH, LENGTH));
        assert_eq!(elsewhere.get(), 0, "dropped on the calling thread");
    });
}
