//! A ready task never waits behind a foreign slow poll while another worker is idle.
//!
//! In every test the slow poll ends only when the other task has begun: without help it never does,
//! and the watchdog is the only bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use futures::channel::oneshot;
use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, on_workers, spin_until};
use crate::watchdog::step;

/// More than one worker, so that there is one to help.
fn with_helpers<T: Fn(&Executor)>(test: T) {
    for workers in [2, 4, 16] {
        on_workers(workers, &test);
    }
}

/// A flag, and a future that raises it.
fn beginner() -> (Arc<AtomicBool>, impl Future<Output = ()> + Send + 'static) {
    let begun = Arc::new(AtomicBool::new(false));
    let raise = Arc::clone(&begun);
    (begun, async move { raise.store(true, SeqCst) })
}

#[test]
fn a_task_spawned_by_a_poll_that_computes_on_begins_elsewhere() {
    with_helpers(|executor| {
        for _ in 0..100 {
            let slow = executor.spawn(async {
                let (begun, task) = beginner();
                spawn(task).detach();
                spin_until(|| begun.load(SeqCst));
            });
            step("the spawned task, which sits in the slot");
            block_on(slow);
        }
    });
}

#[test]
fn a_task_woken_by_a_poll_that_computes_on_begins_elsewhere() {
    with_helpers(|executor| {
        for _ in 0..100 {
            let (wake, woken) = oneshot::channel();
            let (begun, task) = beginner();
            let sleeper = executor.spawn(async move {
                woken.await.unwrap();
                task.await;
            });
            let slow = executor.spawn(async move {
                wake.send(()).unwrap();
                spin_until(|| begun.load(SeqCst));
            });
            step("the woken task");
            block_on(slow);
            block_on(sleeper);
        }
    });
}

#[test]
fn a_task_woken_late_in_a_slow_poll_after_all_others_parked_begins_elsewhere() {
    with_helpers(|executor| {
        for _ in 0..10 {
            let (begun, task) = beginner();
            let slow = executor.spawn(async move {
                // Long enough for the others to park, and for the watcher to find this poll slow.
                thread::sleep(std::time::Duration::from_millis(5));
                spawn(task).detach();
                spin_until(|| begun.load(SeqCst));
            });
            step("a task spawned when all others slept");
            block_on(slow);
        }
    });
}

#[test]
fn one_pause_of_every_length_in_the_slow_poll_leaves_no_gap() {
    with_helpers(|executor| {
        for micros in (0..1_500).step_by(30) {
            let (begun, task) = beginner();
            let slow = executor.spawn(async move {
                let until = std::time::Instant::now() + std::time::Duration::from_micros(micros);
                spin_until(|| std::time::Instant::now() >= until);
                spawn(task).detach();
                spin_until(|| begun.load(SeqCst));
            });
            step("a task spawned after a pause");
            block_on(slow);
        }
    });
}

#[test]
fn what_lies_in_the_ring_and_in_the_slot_behind_a_slow_poll_all_runs() {
    with_helpers(|executor| {
        for tasks in [1, 2, 3, 300, 1_000] {
            let slow = executor.spawn(async move {
                let begun = Count::new();
                for _ in 0..tasks {
                    let begun = begun.clone();
                    spawn(async move { begun.add() }).detach();
                }
                spin_until(|| begun.get() == tasks);
            });
            step("all tasks behind the slow poll");
            block_on(slow);
        }
    });
}

#[test]
fn two_tasks_in_one_slow_poll_one_after_the_other_both_begin_elsewhere() {
    with_helpers(|executor| {
        for _ in 0..50 {
            let slow = executor.spawn(async {
                for _ in 0..3 {
                    let (begun, task) = beginner();
                    spawn(task).detach();
                    spin_until(|| begun.load(SeqCst));
                }
            });
            step("the next task of the same slow poll");
            block_on(slow);
        }
    });
}

#[test]
fn all_workers_but_one_in_slow_polls_leave_the_last_to_help() {
    with_helpers(|executor| {
        for _ in 0..20 {
            let inside = Count::new();
            let slow: Vec<_> = (1..executor.threads())
                .map(|_| {
                    let inside = inside.clone();
                    let others = executor.threads() - 1;
                    executor.spawn(async move {
                        inside.add();
                        spin_until(|| inside.get() >= others);
                        let (begun, task) = beginner();
                        spawn(task).detach();
                        spin_until(|| begun.load(SeqCst));
                    })
                })
                .collect();
            step("the one free worker");
            slow.into_iter().for_each(block_on);
        }
    });
}

#[test]
fn a_short_task_before_the_slow_one_does_not_hide_it() {
    with_helpers(|executor| {
        for turns in 0..60 {
            let slow = executor.spawn(async move {
                for _ in 0..turns {
                    yield_now().await;
                    spawn(async {}).await;
                }
                let (begun, task) = beginner();
                spawn(task).detach();
                spin_until(|| begun.load(SeqCst));
            });
            step("a task behind a poll that became slow");
            block_on(slow);
        }
    });
}

#[test]
fn a_task_injected_while_all_but_one_compute_begins_on_that_one() {
    with_helpers(|executor| {
        for _ in 0..20 {
            let (go, inside) = (Arc::new(AtomicBool::new(false)), Count::new());
            let slow: Vec<_> = (1..executor.threads())
                .map(|_| {
                    let (go, inside) = (Arc::clone(&go), inside.clone());
                    executor.spawn(async move {
                        inside.add();
                        spin_until(|| go.load(SeqCst));
                    })
                })
                .collect();
            inside.wait_for(executor.threads() - 1);
            step("the injected task");
            block_on(executor.spawn(async {}));
            go.store(true, SeqCst);
            slow.into_iter().for_each(block_on);
        }
    });
}

#[test]
fn a_slow_poll_while_its_executor_is_dropped_does_not_hold_up_the_others() {
    for workers in [2, 4, 16] {
        let executor = crate::support::executor(workers);
        let dropped = Count::new();
        let _watchdog = crate::watchdog::watchdog("a slow poll at shutdown");
        let (guard, inside, count) = (dropped.on_drop(), Count::new(), dropped.clone());
        let entered = inside.clone();
        let slow = executor.spawn(async move {
            spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            })
            .detach();
            entered.add();
            spin_until(|| count.get() == 1);
        });
        inside.wait_for(1);
        step("the drop of a task that lay behind the slow poll, or waited");
        drop(executor);
        assert!(block_on(slow.join()).is_ok());
    }
}

#[test]
fn two_tasks_from_outside_that_meet_in_their_polls_do_so_after_fine_work_too() {
    with_helpers(|executor| {
        for _ in 0..10 {
            step("work that is too fine to share");
            executor.block_on(async {
                for handle in (0..20_000).map(|_| spawn(async {})).collect::<Vec<_>>() {
                    handle.await;
                }
            });
            step("two that meet");
            let met = Count::new();
            let meet = || {
                let met = met.clone();
                executor.spawn(async move {
                    met.add();
                    met.wait_for(2);
                })
            };
            let (first, second) = (meet(), meet());
            block_on(first);
            block_on(second);
        }
    });
}
