//! The simulation: what it covers, that it replays, and what it says when a test cannot go on.

use std::collections::BTreeSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin::sim::{self, Simulation};
use rejoin::{Builder, Executor, WaitGroup, block_on, spawn, yield_now};

use crate::support::{panic_message, watched};

/// A test with some of everything.
async fn mixed() {
    let group = WaitGroup::new();
    let total = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..4)
        .map(|part| {
            let (worker, total) = (group.clone(), Arc::clone(&total));
            spawn(async move {
                for _ in 0..part {
                    yield_now().await;
                }
                total.fetch_add(1, SeqCst);
                drop(worker);
                spawn(async move { part }).await
            })
        })
        .collect();
    group.wait().await;
    assert_eq!(total.load(SeqCst), 4);
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    assert_eq!(sum, 6);
}

#[test]
fn the_same_seed_is_the_same_schedule_and_another_one_is_another() {
    watched(|| {
        let traces: Vec<_> = (0..100)
            .map(|seed| Simulation::new(seed).run(mixed))
            .collect();
        for seed in (0..100).rev() {
            let again = Simulation::new(seed).run(mixed);
            assert_eq!(again, traces[seed as usize], "seed {seed}");
        }
        let distinct: BTreeSet<_> = traces.iter().map(sim::Run::trace).collect();
        assert!(distinct.len() > 85, "{} distinct of 100", distinct.len());
    });
}

/// In which order three tasks can do their two steps each: 6! / (2! 2! 2!).
const ORDERS: usize = 90;

#[test]
fn every_order_of_the_steps_of_three_tasks_is_seen() {
    watched(|| {
        let orders = Arc::new(Mutex::new(BTreeSet::new()));
        for seed in 0..50_000 {
            if orders.lock().unwrap().len() == ORDERS {
                break;
            }
            let orders = Arc::clone(&orders);
            let _ = Simulation::new(seed).run(move || async move {
                let steps = Arc::new(Mutex::new(Vec::new()));
                let tasks: Vec<_> = (0..3)
                    .map(|task| {
                        let steps = Arc::clone(&steps);
                        spawn(async move {
                            steps.lock().unwrap().push(task);
                            yield_now().await;
                            steps.lock().unwrap().push(task);
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await;
                }
                let steps = std::mem::take(&mut *steps.lock().unwrap());
                orders.lock().unwrap().insert(steps);
            });
        }
        assert_eq!(orders.lock().unwrap().len(), ORDERS);
    });
}

#[test]
fn a_deadlock_is_reported_with_the_tasks_that_wait_and_where_they_were_spawned() {
    watched(|| {
        for seed in 0..50 {
            let line = line!() + 3;
            let test = || async {
                let (tell, told) = futures::channel::oneshot::channel::<()>();
                let stuck = Builder::new().name("listener").spawn(async move {
                    let _ = told.await;
                });
                let waiter = Builder::new().name("waiter").spawn(stuck);
                waiter.await;
                drop(tell);
            };
            let message = panic_message(|| Simulation::new(seed).run(test));
            assert!(message.contains("deadlock"), "{message}");
            let listener = format!("task #1 \"listener\" spawned at {}:{line}:", file!());
            assert!(message.contains(&listener), "{message}");
            assert!(message.contains("awaits task #1"), "{message}");
            assert!(
                message.contains("thread main blocks on a future"),
                "{message}"
            );
        }
    });
}

#[test]
fn after_a_deadlock_all_that_waited_is_dropped() {
    watched(|| {
        for seed in 0..50 {
            let dropped = crate::support::Count::new();
            let (task, root) = (dropped.on_drop(), dropped.on_drop());
            let test = move || async move {
                let _root = root;
                let inner = spawn(async move {
                    let _task = task;
                    block_on(pending::<()>());
                });
                inner.await;
            };
            assert!(catch_unwind(AssertUnwindSafe(|| Simulation::new(seed).run(test))).is_err());
            assert_eq!(dropped.get(), 2);
        }
    });
}

#[test]
fn time_jumps_to_the_next_sleeper_and_only_when_all_is_idle() {
    watched(|| {
        sim::check(0..100, || async {
            let order = Arc::new(Mutex::new(Vec::new()));
            for hours in [3, 1, 2] {
                let order = Arc::clone(&order);
                spawn(async move {
                    sim::sleep(Duration::from_secs(3_600 * hours)).await;
                    order.lock().unwrap().push(hours);
                })
                .detach();
            }
            for _ in 0..50 {
                yield_now().await;
            }
            assert_eq!(sim::now(), Duration::ZERO);
            sim::sleep(Duration::from_secs(3_600 * 4)).await;
            assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
            assert_eq!(sim::now(), Duration::from_secs(3_600 * 4));
        });
    });
}

#[test]
fn those_that_sleep_until_the_same_moment_wake_in_any_order() {
    watched(|| {
        let orders = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&orders);
        sim::check(0..200, move || {
            let seen = Arc::clone(&seen);
            async move {
                let order = Arc::new(Mutex::new(Vec::new()));
                let group = WaitGroup::new();
                for task in 0..3 {
                    let (order, worker) = (Arc::clone(&order), group.clone());
                    spawn(async move {
                        sim::sleep(Duration::from_secs(1)).await;
                        order.lock().unwrap().push(task);
                        drop(worker);
                    });
                }
                group.wait().await;
                let order = std::mem::take(&mut *order.lock().unwrap());
                seen.lock().unwrap().insert(order);
            }
        });
        assert_eq!(orders.lock().unwrap().len(), 6);
    });
}

#[test]
fn until_stalled_means_until_nothing_more_can_happen() {
    watched(|| {
        sim::check(0..100, || async {
            let steps = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&steps);
            let task = spawn(async move {
                for _ in 0..20 {
                    counted.fetch_add(1, SeqCst);
                    yield_now().await;
                }
                sim::sleep(Duration::from_secs(1)).await;
                counted.fetch_add(1, SeqCst);
            });
            sim::run_until_stalled().await;
            assert_eq!((steps.load(SeqCst), sim::now()), (20, Duration::ZERO));
            task.await;
            assert_eq!(steps.load(SeqCst), 21);
        });
    });
}

#[test]
fn a_nested_block_on_works_on_every_worker_at_once() {
    watched(|| {
        sim::check(0..100, || async {
            let tasks: Vec<_> = (0..6)
                .map(|n| {
                    spawn(async move {
                        block_on(spawn(async move { block_on(spawn(async move { n })) }))
                    })
                })
                .collect();
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await, n);
            }
        });
    });
}

#[test]
fn executors_come_and_go_inside_of_a_simulation() {
    watched(|| {
        sim::check(0..100, || async {
            let dropped = crate::support::Count::new();
            let executor = Executor::new().unwrap();
            let mut handles = Vec::new();
            for _ in 0..4 {
                let kept = dropped.on_drop();
                handles.push(executor.spawn(async move {
                    let _kept = kept;
                    yield_now().await;
                    pending::<()>().await;
                }));
            }
            yield_now().await;
            drop(executor);
            assert_eq!(dropped.get(), 4);
            for handle in handles {
                assert!(handle.join().await.unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn threads_of_a_simulation_wake_and_spawn_from_outside() {
    watched(|| {
        sim::check(0..100, || async {
            let (tell, told) = futures::channel::oneshot::channel();
            let waiter = spawn(async move { told.await.unwrap() });
            let thread = sim::thread(move || {
                let sent = block_on(spawn(async { 7 }));
                tell.send(sent).unwrap();
                panic!("on purpose");
            });
            assert_eq!(waiter.await, 7);
            let thrown: Result<(), _> = thread.join();
            assert_eq!(thrown.unwrap_err().downcast_ref(), Some(&"on purpose"));
        });
    });
}

#[test]
fn a_panic_of_the_test_comes_out_as_it_was() {
    watched(|| {
        let message = panic_message(|| {
            sim::check(0..3, || async {
                spawn(async { panic!("seven of nine") }).await
            })
        });
        assert_eq!(message, "seven of nine");
    });
}

#[test]
fn a_test_that_does_not_end_is_said_not_to() {
    watched(|| {
        let endless = || async {
            spawn(async {
                loop {
                    yield_now().await;
                }
            })
            .await
        };
        let message = panic_message(|| Simulation::new(1).most_steps(2_000).run(endless));
        assert!(message.contains("did not come to an end"), "{message}");
    });
}

/// A task gives its thread's seat up by dropping an executor, in a poll within `block_on`, and then waits. If its own
/// executor closed meanwhile, it has to be cancelled by a thread that was about to leave.
#[test]
fn what_is_woken_late_by_a_thread_without_a_seat_is_cancelled_all_the_same() {
    watched(|| {
        for seed in 0..400 {
            let dropped = crate::support::Count::new();
            let kept = dropped.on_drop();
            let _ = Simulation::new(seed).workers(1).run(move || async move {
                let inner = async move {
                    let _kept = kept;
                    drop(Executor::new().unwrap());
                    pending::<()>().await;
                };
                spawn(async move { drop(block_on(spawn(inner).join())) }).detach();
                yield_now().await;
                drop(sim::thread(|| ()).join());
            });
            assert_eq!(dropped.get(), 1, "seed {seed}");
        }
    });
}
