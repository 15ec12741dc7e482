//! `consume_budget`: when it gives way, and when it does not.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use rejoin::{LocalExecutor, block_on, consume_budget, spawn, spawn_local, yield_now};

use crate::support::{on_workers, watched, with_workers};

/// How often a future is polled until it is ready.
async fn polls_of<F: Future>(future: F) -> usize {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx).map(|_| polls)
    })
    .await
}

async fn steps(number: usize) {
    for _ in 0..number {
        consume_budget().await;
    }
}

#[test]
fn a_loop_that_never_waits_lets_others_run() {
    on_workers(1, &|executor| {
        let ran = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ran);
        let looping = executor.spawn(async move {
            spawn(async move { ran.store(true, SeqCst) }).detach();
            // One worker: without a turn given away this would never end.
            while !seen.load(SeqCst) {
                consume_budget().await;
            }
        });
        block_on(looping);
    });
}

#[test]
fn it_yields_once_in_so_many_steps_of_one_poll() {
    with_workers(|executor| {
        // The step that gives way has had its turn when it comes back.
        for (number, polls) in [(0, 1), (128, 1), (129, 2), (257, 2), (258, 3)] {
            assert_eq!(block_on(executor.spawn(polls_of(steps(number)))), polls);
        }
    });
}

#[test]
fn a_poll_after_a_wait_has_its_budget_anew() {
    with_workers(|executor| {
        let turns = 50;
        let polls = block_on(executor.spawn(polls_of(async move {
            for _ in 0..turns {
                steps(100).await;
                yield_now().await;
            }
        })));
        assert_eq!(polls, turns + 1);
    });
}

#[test]
fn tasks_that_follow_one_another_on_a_thread_do_not_share_a_budget() {
    on_workers(1, &|executor| {
        let tasks: Vec<_> = (0..20)
            .map(|_| executor.spawn(polls_of(steps(100))))
            .collect();
        assert!(tasks.into_iter().all(|task| block_on(task) == 1));
    });
    watched(|| {
        let local = LocalExecutor::new();
        let tasks: Vec<_> = (0..20).map(|_| local.spawn(polls_of(steps(100)))).collect();
        assert!(tasks.into_iter().all(|task| local.block_on(task) == 1));
    });
}

#[test]
fn in_block_on_and_in_local_tasks_it_counts_as_well() {
    watched(|| {
        assert_eq!(block_on(polls_of(steps(129))), 2);
        let local = LocalExecutor::new();
        local.block_on(async {
            let ran = Rc::new(Cell::new(false));
            let seen = Rc::clone(&ran);
            let looping = spawn_local(async move {
                while !seen.get() {
                    consume_budget().await;
                }
            });
            spawn_local(async move { ran.set(true) }).detach();
            looping.await;
        });
    });
}

#[test]
fn on_another_executor_it_gives_way_no_later() {
    watched(|| {
        let steps_taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&steps_taken);
        let looping = async move {
            for _ in 0..1_000 {
                counted.fetch_add(1, SeqCst);
                consume_budget().await;
            }
        };
        let polls = async_io::block_on(polls_of(looping));
        assert!(polls >= 1_000 / 128, "{polls} polls");
        assert_eq!(steps_taken.load(SeqCst), 1_000);
    });
}

#[test]
fn a_task_that_a_blocked_thread_runs_leaves_the_budget_below_alone() {
    on_workers(1, &|executor| {
        let polls = block_on(executor.spawn(polls_of(async {
            for _ in 0..3 {
                steps(60).await;
                block_on(spawn(steps(60)));
            }
        })));
        assert!(polls <= 3, "{polls} polls");
    });
}
