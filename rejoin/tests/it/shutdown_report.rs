//! An executor is shut down with a deadline, and says what became of its tasks.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rejoin::{Builder, Executor, block_on, sim, yield_now};

use crate::jam::{Jam, SOON, names, waiting};
use crate::shutdown::with_own;
use crate::support::{Count, executor, pending_with, spin_until, watched};
use crate::watchdog::step;

#[test]
fn an_executor_without_tasks_ends_and_says_so() {
    watched(|| {
        with_own(|executor| {
            let spawner = executor.spawner();
            let report = executor.shutdown(Duration::MAX);
            assert!(report.is_complete() && report.stuck().is_empty());
            assert_eq!(
                report.to_string(),
                "the executor has ended; 0 tasks finished and 0 were cancelled"
            );
            assert!(!spawner.is_alive());
        });
    });
}

#[test]
fn tasks_that_wait_or_are_queued_are_dropped_and_counted_as_cancelled() {
    watched(|| {
        with_own(|executor| {
            let dropped = Count::new();
            let mut jam = Jam::new();
            let mut handles = waiting(&executor, 200, &dropped);
            let stuck = jam.fill(&executor);
            // Never polled: all workers are stuck.
            handles.extend((0..100).map(|_| executor.spawn(pending_with(dropped.on_drop()))));
            let report = executor.shutdown(Duration::ZERO);
            step("what was cancelled, beside workers that are all stuck");
            dropped.wait_for(300);
            assert_eq!(jam.dropped.get(), 0);
            jam.end();
            step("the end of all");
            let report = report.wait(Duration::MAX);
            assert!(report.is_complete(), "{report}");
            assert_eq!(
                (report.finished(), report.cancelled()),
                (0, 300 + stuck.len())
            );
            assert_eq!(jam.dropped.get(), stuck.len());
            for handle in handles.into_iter().chain(stuck) {
                assert!(block_on(handle.join()).unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn polls_that_end_in_time_count_as_finished_with_an_output_or_a_panic() {
    watched(|| {
        with_own(|executor| {
            let (mut jam, spawner) = (Jam::new(), executor.spawner());
            let tasks = executor.threads();
            let handles: Vec<_> = (0..tasks)
                .map(|n| {
                    let (gate, begun) = (jam.gate(), jam.begun.clone());
                    executor.spawn(async move {
                        begun.add();
                        gate();
                        if n == 0 {
                            std::panic::resume_unwind(Box::new("on purpose"));
                        }
                        n
                    })
                })
                .collect();
            jam.begun.wait_for(tasks);
            let ending = thread::spawn(move || executor.shutdown(Duration::MAX));
            step("the shutdown to begin");
            spin_until(|| !spawner.is_alive());
            jam.end();
            step("the shutdown to end");
            let report = ending.join().unwrap();
            assert!(report.is_complete());
            assert_eq!((report.finished(), report.cancelled()), (tasks, 0));
            for (n, handle) in handles.into_iter().enumerate() {
                let result = block_on(handle.join());
                assert!(if n == 0 {
                    result.unwrap_err().is_panic()
                } else {
                    result.unwrap() == n
                });
            }
        });
    });
}

#[test]
fn who_is_stuck_is_told_with_name_tag_place_and_a_time() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            let line = Location::caller().line();
            let nameless = executor.spawn(jam.stuck()); // one line below
            jam.begun.wait_for(1);
            let more: Vec<_> = (1..executor.threads())
                .map(|n| {
                    let builder = Builder::new().on(&executor).name(format!("stuck {n}"));
                    builder.tag(n as u64).spawn(jam.stuck())
                })
                .collect();
            jam.begun.wait_for(executor.threads());
            let threads = executor.threads();
            let report = executor.shutdown(SOON);
            assert!(!report.is_complete());
            assert_eq!(report.stuck().len(), threads, "{report}");
            for one in report.stuck() {
                assert!(one.lasted() >= SOON / 2 && !one.is_blocking(), "{one}");
                assert_eq!(one.task().location().file(), file!());
                let known = if one.task().id() == nameless.id() {
                    assert_eq!((one.task().name(), one.task().tag()), (None, 0));
                    assert_eq!(one.task().location().line(), line + 1);
                    &nameless
                } else {
                    more.iter()
                        .find(|handle| handle.id() == one.task().id())
                        .unwrap()
                };
                assert_eq!(one.task().name(), known.name());
                assert_eq!(one.task().tag(), known.tag());
                let text = report.to_string();
                assert!(text.contains(&format!("\n  {} has been polled", known.info())));
            }
            jam.end();
            assert!(report.wait(Duration::MAX).is_complete());
        });
    });
}

#[test]
fn a_poll_that_a_worker_has_watched_lasts_since_then() {
    watched(|| {
        for workers in [2, 4] {
            let executor = executor(workers);
            let mut jam = Jam::new();
            let stuck = executor.spawn(jam.stuck());
            jam.begun.wait_for(1);
            let begin = Instant::now();
            spin_until(|| begin.elapsed() > 3 * SOON);
            let report = executor.shutdown(Duration::ZERO);
            let one = report
                .stuck()
                .iter()
                .find(|one| one.task().id() == stuck.id());
            let lasted = one.unwrap().lasted();
            assert!(lasted > SOON, "{lasted:?}");
            jam.end();
        }
    });
}

#[test]
fn threads_that_block_in_block_on_or_in_blocking_work_are_told_as_blocking() {
    watched(|| {
        with_own(|executor| {
            let mut jam = Jam::new();
            let (gate, begun) = (jam.gate(), jam.begun.clone());
            let builder = Builder::new().on(&executor).name("reads");
            let reads = builder.tag(7).spawn_blocking(move || {
                begun.add();
                gate();
            });
            let (open, opened) = oneshot::channel::<()>();
            let begun = jam.begun.clone();
            let builder = Builder::new().on(&executor).name("waits");
            let waits = builder.spawn(async move {
                yield_now().await;
                begun.add();
                let _ = block_on(opened);
            });
            jam.begun.wait_for(2);
            let dropped = Count::new();
            waiting(&executor, 10, &dropped);
            let report = executor.shutdown(SOON);
            assert_eq!(dropped.get(), 10);
            assert_eq!(names(&report), ["reads", "waits"]);
            for one in report.stuck() {
                assert!(one.is_blocking() && one.lasted() >= SOON / 2, "{one}");
                let is_reader = one.task().name() == Some("reads");
                assert_eq!(one.task().tag(), if is_reader { 7 } else { 0 });
            }
            assert!(report.to_string().contains("blocks for at least"));
            jam.end();
            drop(open);
            step("the end of those that blocked");
            let report = report.wait(Duration::MAX);
            assert!(report.is_complete());
            assert_eq!(report.finished(), 2, "both had an output");
            block_on(reads);
            block_on(waits);
        });
    });
}

#[test]
fn again_and_again_it_tells_how_things_stand() {
    watched(|| {
        with_own(|executor| {
            let (mut jam, dropped) = (Jam::new(), Count::new());
            let waiting = waiting(&executor, 20, &dropped);
            let stuck = jam.fill(&executor);
            let first = executor.shutdown(Duration::ZERO);
            dropped.wait_for(20);
            let second = first.wait(SOON);
            assert_eq!(second.cancelled(), 20);
            assert_eq!(names(&second).len(), stuck.len());
            assert!(first.wait(Duration::ZERO).stuck()[0].lasted() < Duration::from_secs(3_600));
            let waits: Vec<_> = (0..2)
                .map(|_| {
                    let report = second.clone();
                    thread::spawn(move || report.wait(Duration::MAX))
                })
                .collect();
            jam.end();
            step("two who wait at the same time");
            for wait in waits {
                let report = wait.join().unwrap();
                assert!(report.is_complete());
                assert_eq!(report.cancelled(), 20 + stuck.len());
            }
            drop(waiting);
        });
    });
}

#[test]
fn the_report_counts_what_the_hooks_hear() {
    watched(|| {
        for workers in [1, 2, 4] {
            let heard = Count::new();
            let count = heard.clone();
            let executor = Executor::builder()
                .threads(workers)
                .on_finish(move |_, _| count.add())
                .build()
                .unwrap();
            block_on(executor.spawn(async {}));
            let dropped = Count::new();
            let handles = waiting(&executor, 30, &dropped);
            spin_until(|| heard.get() == 1);
            let report = executor.shutdown(Duration::MAX);
            assert_eq!(report.finished() + report.cancelled() + 1, heard.get());
            drop(handles);
        }
    });
}

#[test]
fn in_a_simulation_the_deadline_is_virtual_time() {
    let second = Duration::from_secs(1);
    sim::check(0..150, move || async move {
        let executor = Executor::builder().build().unwrap();
        let dropped = Count::new();
        let begun = Count::new();
        let count = begun.clone();
        let builder = Builder::new().on(&executor).name("sleeper");
        let sleeper = builder.spawn(async move {
            count.add();
            block_on(sim::sleep(3 * second));
        });
        let pending = executor.spawn(pending_with(dropped.on_drop()));
        sim::run_until_stalled().await;
        let report = executor.shutdown(second);
        assert_eq!(sim::now(), second);
        assert_eq!((report.cancelled(), dropped.get()), (1, 1));
        assert_eq!(names(&report), ["sleeper"]);
        let lasted = report.stuck()[0].lasted();
        assert_eq!(lasted, second);
        let report = report.wait(10 * second);
        assert!(report.is_complete());
        assert_eq!(report.finished(), 1);
        // It looks at ever longer intervals.
        assert!(sim::now() < 6 * second);
        assert!(sleeper.join().await.is_ok());
        assert!(pending.join().await.is_err());
    });
}
