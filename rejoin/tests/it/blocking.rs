//! Work that blocks, in any number: everything else goes on.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use rejoin::{
    Builder, Executor, LocalExecutor, block_in_place, block_on, consume_budget, spawn,
    spawn_blocking, spawn_local, yield_now,
};

use crate::support::{Count, on_workers, panic_message, watched, with_workers};
use crate::watchdog::step;

/// An executor that counts the threads it starts and those that end.
fn counting(workers: usize) -> (Executor, Count, Count) {
    let (started, stopped) = (Count::new(), Count::new());
    let (start, stop) = (started.clone(), stopped.clone());
    let executor = Executor::builder()
        .threads(workers)
        .on_thread_start(move |_| start.add())
        .on_thread_stop(move |_| stop.add())
        .build()
        .unwrap();
    (executor, started, stopped)
}

/// An executor that can start so many threads and no more.
fn with_no_more_threads_than(threads: usize) -> Executor {
    Executor::builder()
        .threads(threads)
        .thread_name(move |index| {
            assert!(index < threads, "no more threads, on purpose");
            format!("one-of-few-{index}")
        })
        .build()
        .unwrap()
}

#[test]
fn a_blocking_call_gives_its_output_its_panic_and_its_name() {
    with_workers(|executor| {
        assert_eq!(block_on(executor.spawn_blocking(|| 7)), 7);
        assert_eq!(
            executor.block_on(async { spawn_blocking(|| 8).await }),
            8,
            "in block_on, where its own thread may run it"
        );
        let inner = executor.spawn(async { spawn_blocking(|| 9).await });
        assert_eq!(block_on(inner), 9);
        let thrown = executor.spawn_blocking(|| -> u8 { panic!("on purpose") });
        assert!(block_on(thrown.join()).unwrap_err().is_panic());
        let named = Builder::new().on(executor).name("reader").tag(3);
        let named = named.spawn_blocking(|| ());
        assert_eq!((named.name(), named.tag()), (Some("reader"), 3));
    });
}

#[test]
fn hundreds_that_wait_for_one_another_and_for_tasks_all_end() {
    with_workers(|executor| {
        let meeting = Arc::new(Barrier::new(200));
        let handles: Vec<_> = (0..200)
            .map(|_| {
                let meeting = Arc::clone(&meeting);
                executor.spawn_blocking(move || {
                    let task = spawn(async { 1 });
                    meeting.wait();
                    block_on(task)
                })
            })
            .collect();
        assert_eq!(handles.into_iter().map(block_on).sum::<i32>(), 200);
    });
}

#[test]
fn calls_that_last_take_no_thread_from_those_that_come_and_go() {
    with_workers(|executor| {
        let lasts = |until: mpsc::Receiver<()>| {
            executor.spawn_blocking(move || {
                until.recv().expect("told before the end");
                assert!(until.recv().is_err());
            })
        };
        for _ in 0..50 {
            let mut last = Vec::new();
            for _ in 0..3 {
                // Threads that are between two calls.
                for _ in 0..2 {
                    block_on(executor.spawn_blocking(|| ()));
                }
                let brief: Vec<_> = (0..2).map(|_| executor.spawn_blocking(|| ())).collect();
                for _ in 0..2 {
                    let (tell, until) = mpsc::channel();
                    last.push((tell, lasts(until)));
                }
                brief.into_iter().for_each(block_on);
            }
            for (tell, _) in &last {
                tell.send(()).expect("it has begun, or will");
            }
            for (tell, call) in last {
                drop(tell);
                block_on(call);
            }
        }
    });
}

#[test]
fn blocking_in_place_on_all_workers_at_once_lets_their_queues_go_on() {
    with_workers(|executor| {
        let tasks = 2 * executor.threads();
        let handles: Vec<_> = (0..tasks)
            .map(|_| {
                executor.spawn(async {
                    let (tell, told) = mpsc::channel();
                    spawn(async move { tell.send(7).unwrap() }).detach();
                    let borrowed = &told;
                    let first = block_in_place(|| borrowed.recv().unwrap());
                    // Once more in the same poll, and nested.
                    let (tell, told) = mpsc::channel();
                    spawn(async move { tell.send(8).unwrap() }).detach();
                    first + block_in_place(|| block_in_place(|| told.recv().unwrap()))
                })
            })
            .collect();
        assert!(handles.into_iter().all(|handle| block_on(handle) == 15));
        assert_eq!(block_in_place(|| 7), 7, "outside it is a plain call");
    });
}

#[test]
fn thousands_in_a_row_take_the_threads_that_are_there() {
    watched(|| {
        for workers in [1, 2, 4] {
            let (executor, started, _) = counting(workers);
            block_on(executor.spawn(async {
                for n in 0..2_000 {
                    assert_eq!(spawn_blocking(move || n).await, n);
                }
            }));
            // One now and then, when all that are there are on their way back. How many are kept for that, exactly: a
            // test beside the crew.
            assert!(started.get() < 400, "{} threads", started.get());
        }
    });
}

#[test]
fn threads_that_are_needed_no_longer_end() {
    watched(|| {
        for workers in [1, 2, 4] {
            let (executor, started, stopped) = counting(workers);
            let (meeting, calls) = (Arc::new(Barrier::new(50)), 50);
            let handles: Vec<_> = (0..calls)
                .map(|_| {
                    let meeting = Arc::clone(&meeting);
                    executor.spawn_blocking(move || {
                        meeting.wait();
                    })
                })
                .collect();
            handles.into_iter().for_each(block_on);
            step("the end of surplus threads");
            // Workers stay, and as many may wait, and four.
            stopped.wait_for(started.get() - 2 * workers - 4);
        }
    });
}

#[test]
fn a_call_that_is_cancelled_before_it_begins_does_not_begin() {
    on_workers(1, &|executor: &Executor| {
        let (go, wait) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let busy = executor.spawn(async move {
            begin.send(thread::current().id()).unwrap();
            let _ = wait.recv();
        });
        begun.recv().unwrap();
        let ran = Count::new();
        let count = ran.clone();
        let cancelled = executor.spawn_blocking(move || count.add()).cancel();
        drop(go);
        assert_eq!(block_on(cancelled), None);
        block_on(busy);
        assert_eq!(ran.get(), 0);
    });
}

#[test]
fn where_no_thread_can_be_started_the_call_runs_and_block_on_says_why_it_cannot() {
    watched(|| {
        for threads in [1, 2, 4] {
            let executor = with_no_more_threads_than(threads);
            let handles: Vec<_> = (0..20)
                .map(|n| executor.spawn_blocking(move || n))
                .collect();
            assert_eq!(handles.into_iter().map(block_on).sum::<i32>(), 190);
            let stuck = executor.spawn(async {
                let pending = spawn(std::future::pending::<()>());
                panic_message(|| block_on(pending))
            });
            let message = block_on(stuck);
            assert!(
                message.starts_with("block_on could not start thread"),
                "{message}"
            );
        }
    });
}

#[test]
fn in_block_on_what_was_spawned_there_goes_on_beside_a_call_in_place() {
    with_workers(|executor| {
        for tasks in [1, 2, 300] {
            executor.block_on(async {
                let ran = Count::new();
                for _ in 0..tasks {
                    let ran = ran.clone();
                    spawn(async move { ran.add() }).detach();
                }
                step("what was spawned before the call");
                block_in_place(|| ran.wait_for(tasks));
                step("a task spawned after it");
                assert_eq!(spawn(async { 7 }).await, 7);
            });
        }
    });
}

#[test]
fn in_place_one_may_block_on_what_yields_blocks_in_place_and_is_driven_by_others() {
    with_workers(|executor| {
        for _ in 0..50 {
            let task = executor.spawn(async {
                block_in_place(|| {
                    block_on(async {
                        block_in_place(|| ());
                        yield_now().await;
                        assert_eq!(spawn(async { 7 }).await, 7);
                        block_in_place(|| ());
                    });
                });
                block_in_place(|| {
                    async_io::block_on(async {
                        yield_now().await;
                        for _ in 0..300 {
                            consume_budget().await;
                        }
                    });
                });
                block_in_place(|| {
                    let local = LocalExecutor::new();
                    local.block_on(async { spawn_local(yield_now()).await });
                });
                yield_now().await;
                spawn(async { 8 }).await
            });
            step("a task that blocks in place again and again");
            assert_eq!(block_on(task), 8);
        }
    });
}

#[test]
fn a_blocking_call_may_spawn_start_another_and_block_in_place() {
    with_workers(|executor| {
        let call = executor.spawn_blocking(|| {
            let inner = spawn_blocking(|| block_in_place(|| spawn(async { 7 })));
            (inner, block_in_place(|| block_on(spawn(async { 8 }))))
        });
        let (inner, eight) = block_on(call);
        assert_eq!((block_on(block_on(inner)), eight), (7, 8));
    });
}

#[test]
fn in_local_tasks_both_ways_to_block_work() {
    fn blocks() -> i32 {
        let local = LocalExecutor::new();
        local.block_on(async {
            let here = std::rc::Rc::new(1);
            let task = spawn_local(async move {
                let (tell, told) = mpsc::channel();
                spawn(async move { tell.send(2).unwrap() }).detach();
                let in_place = block_in_place(|| told.recv().unwrap());
                spawn_blocking(move || in_place + 4).await + *here
            });
            let beside = spawn_local(async { 8 });
            task.await + beside.await
        })
    }
    with_workers(|executor| {
        step("local tasks in a task");
        assert_eq!(block_on(executor.spawn(async { blocks() })), 15);
        step("local tasks in block_on");
        assert_eq!(executor.block_on(async { blocks() }), 15);
    });
}
