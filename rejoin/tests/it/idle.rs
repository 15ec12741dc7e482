//! Workers fall asleep, and nobody is forgotten meanwhile.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, OnDrop, on_workers, spin_until, with_workers};
use crate::watchdog::step;

/// Waits a little, by different lengths, without giving the processor up.
fn dawdle(turns: usize) {
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}

#[test]
fn a_push_from_outside_races_with_the_last_workers_sleep() {
    with_workers(|executor| {
        let ran = Count::new();
        step("one injected task of many rounds");
        for round in 0..5_000 {
            let count = ran.clone();
            executor.spawn(async move { count.add() }).detach();
            ran.wait_for(round + 1);
            // By now the worker searches, lies down or sleeps, depending on the round.
            dawdle(round % 400);
        }
    });
}

#[test]
fn pushes_by_many_threads_race_with_the_sleep_of_all_workers() {
    with_workers(|executor| {
        let barrier = Barrier::new(4);
        thread::scope(|scope| {
            for thread in 0..4 {
                let barrier = &barrier;
                scope.spawn(move || {
                    for round in 0..500 {
                        barrier.wait();
                        dawdle(round * (thread + 1) % 300);
                        let (tell, told) = mpsc::channel();
                        executor
                            .spawn(async move { tell.send(()).unwrap() })
                            .detach();
                        told.recv().unwrap();
                    }
                });
            }
            step("one of four injected tasks per round");
        });
    });
}

#[test]
fn a_wake_from_outside_races_with_the_sleep() {
    with_workers(|executor| {
        let (there, back) = (async_channel::bounded(1), async_channel::bounded(1));
        let (receive, answer) = (there.1, back.0);
        let echo = executor.spawn(async move {
            while let Ok(number) = receive.recv().await {
                answer.send(number).await.unwrap();
            }
        });
        step("an answer");
        for round in 0..3_000_usize {
            there.0.send_blocking(round).unwrap();
            assert_eq!(back.1.recv_blocking(), Ok(round));
            dawdle(round % 300);
        }
        drop(there.0);
        block_on(echo);
    });
}

#[test]
fn a_wake_in_the_drop_of_the_last_task_races_with_the_sleep() {
    with_workers(|executor| {
        let (tell, told) = mpsc::channel();
        let (sender, receiver) = async_channel::unbounded::<()>();
        let listener = executor.spawn(async move {
            while receiver.recv().await.is_ok() {
                tell.send(()).unwrap();
            }
        });
        step("the task that a drop woke");
        for _ in 0..1_000 {
            let sender = sender.clone();
            let guard = OnDrop(move || sender.try_send(()).unwrap());
            executor.spawn(async move { drop(guard) }).detach();
            told.recv().unwrap();
        }
        drop(sender);
        block_on(listener);
    });
}

#[test]
fn bursts_after_a_pause_wake_more_than_one_worker() {
    for workers in [2, 4, 16] {
        on_workers(workers, &|executor: &Executor| {
            for _ in 0..20 {
                // Two must run at the same time to get past the barrier; both come from one burst.
                let barrier = Arc::new(Barrier::new(2));
                let count = Count::new();
                for _ in 0..2 {
                    let (barrier, count) = (Arc::clone(&barrier), count.clone());
                    let meet = async move {
                        barrier.wait();
                        count.add();
                    };
                    executor.spawn(meet).detach();
                }
                for _ in 0..1_000 {
                    let count = count.clone();
                    executor.spawn(async move { count.add() }).detach();
                }
                step("a burst with two that meet");
                count.wait_for(1_002);
            }
        });
    }
}

#[test]
fn a_burst_wakes_all_workers_if_there_is_work_for_all() {
    with_workers(|executor| {
        for _ in 0..20 {
            let barrier = Arc::new(Barrier::new(executor.threads() + 1));
            for _ in 0..executor.threads() {
                let barrier = Arc::clone(&barrier);
                executor
                    .spawn(async move {
                        barrier.wait();
                    })
                    .detach();
            }
            step("a task on each worker");
            barrier.wait();
        }
    });
}

/// One poll spawns a task for each worker but its own, and all of them meet.
fn meet(executor: &Executor) {
    let workers = executor.threads();
    let barrier = Arc::new(Barrier::new(workers));
    let producer = executor.spawn(async move {
        for _ in 1..workers {
            let barrier = Arc::clone(&barrier);
            spawn(async move {
                barrier.wait();
            })
            .detach();
        }
        barrier.wait();
    });
    step("a task on each worker, all from one poll");
    block_on(producer);
}

#[test]
fn a_burst_spawned_by_one_task_that_does_not_end_wakes_all_others() {
    with_workers(|executor| {
        if executor.threads() == 1 {
            return;
        }
        for _ in 0..20 {
            meet(executor);
        }
    });
}

#[test]
fn bursts_of_young_executors_whose_workers_still_fall_asleep_wake_all_others() {
    // Most likely to go wrong in the first rounds: a watcher that gave its role up is called before it has looked
    // once more.
    for _ in 0..200 {
        on_workers(16, &|executor: &Executor| {
            for _ in 0..3 {
                meet(executor);
            }
        });
    }
}

#[test]
fn the_last_searcher_hands_its_role_on() {
    on_workers(3, &|executor: &Executor| {
        for _ in 0..300 {
            // The producer spins until both have begun, and the first of them until the second has.
            let begun = Count::new();
            let producer = executor.spawn(async move {
                for _ in 0..2 {
                    let begun = begun.clone();
                    spawn(async move {
                        begun.add();
                        spin_until(|| begun.get() == 2);
                    })
                    .detach();
                }
                spin_until(|| begun.get() == 2);
            });
            step("the third worker");
            block_on(producer);
        }
    });
}

#[test]
fn different_workers_run_what_one_task_spawned() {
    on_workers(4, &|executor: &Executor| {
        let threads = executor.spawn(async {
            let mut seen = HashSet::new();
            // As long as it takes: the watchdog bounds it.
            while seen.len() < 2 {
                let tasks: Vec<_> = (0..100)
                    .map(|_| spawn(async { thread::current().id() }))
                    .collect();
                for task in tasks {
                    seen.insert(task.await);
                }
                yield_now().await;
            }
        });
        step("a second worker to help");
        block_on(threads);
    });
}

#[test]
fn user_code_that_parks_and_unparks_the_workers_thread_loses_no_task() {
    with_workers(|executor| {
        let ran = Count::new();
        for round in 0..500 {
            let count = ran.clone();
            let meddler = executor.spawn(async move {
                thread::current().unpark();
                thread::park();
                let own = thread::current();
                thread::current().unpark();
                thread::park_timeout(Duration::ZERO);
                count.add();
                own
            });
            let worker = block_on(meddler);
            // The token of a thread that may sleep by now.
            worker.unpark();
            thread::park_timeout(Duration::ZERO);
            let count = ran.clone();
            executor.spawn(async move { count.add() }).detach();
            step("a task after its worker's thread was unparked by somebody else");
            ran.wait_for(2 * (round + 1));
        }
    });
}

#[test]
fn a_vain_unpark_storm_on_sleeping_workers_changes_nothing() {
    with_workers(|executor| {
        let workers: Vec<_> = (0..executor.threads() * 4)
            .map(|_| block_on(executor.spawn(async { thread::current() })))
            .collect();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    workers.iter().for_each(thread::Thread::unpark);
                }
            });
            step("tasks during the storm");
            for n in 0..500 {
                assert_eq!(block_on(executor.spawn(async move { n })), n);
            }
            stop.store(true, SeqCst);
        });
    });
}

#[test]
fn a_task_injected_into_a_sleeping_executor_begins_soon() {
    // Time itself is tested here, with a bound that only a missed wake-up would break.
    with_workers(|executor| {
        for _ in 0..100 {
            block_on(executor.spawn(async {}));
            thread::sleep(Duration::from_micros(200));
            let injected = Instant::now();
            let begun = block_on(executor.spawn(async { Instant::now() }));
            assert!(begun - injected < Duration::from_secs(5));
        }
    });
}
