//! Nobody starves, however busy the others are.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::Poll;

use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, on_workers, with_workers};
use crate::watchdog::step;

/// Two tasks per worker that wake each other through channels until `stop`.
fn ping_pong(executor: &Executor, stop: &Arc<AtomicBool>, pairs: usize) {
    for _ in 0..pairs {
        let (to_left, left) = async_channel::bounded::<()>(1);
        let (to_right, right) = async_channel::bounded::<()>(1);
        let stop = Arc::clone(stop);
        let begun = to_right.clone();
        executor
            .spawn(async move {
                while !stop.load(SeqCst) && left.recv().await.is_ok() {
                    if to_right.send(()).await.is_err() {
                        break;
                    }
                }
            })
            .detach();
        executor
            .spawn(async move { while right.recv().await.is_ok() && to_left.send(()).await.is_ok() {} })
            .detach();
        begun.send_blocking(()).unwrap();
    }
}

/// Tasks that wake themselves in each poll until `stop`.
fn self_waking(executor: &Executor, stop: &Arc<AtomicBool>, tasks: usize) -> Arc<AtomicUsize> {
    let polls = Arc::new(AtomicUsize::new(0));
    for _ in 0..tasks {
        let (stop, polls) = (Arc::clone(stop), Arc::clone(&polls));
        executor
            .spawn(poll_fn(move |cx| {
                polls.fetch_add(1, SeqCst);
                cx.waker().wake_by_ref();
                if stop.load(SeqCst) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }))
            .detach();
    }
    polls
}

#[test]
fn two_tasks_that_wake_each_other_for_ever_do_not_starve_a_third() {
    with_workers(|executor| {
        let stop = Arc::new(AtomicBool::new(false));
        ping_pong(executor, &stop, executor.threads());
        step("a task from outside");
        block_on(executor.spawn(async {}));
        step("a task that lies in the ring behind the two");
        block_on(executor.spawn(async {
            for _ in 0..100 {
                yield_now().await;
                spawn(async { yield_now().await }).await;
            }
        }));
        stop.store(true, SeqCst);
    });
}

#[test]
fn a_ping_pong_started_by_a_task_lets_its_older_siblings_run() {
    with_workers(|executor| {
        let stop = Arc::new(AtomicBool::new(false));
        let ran = Count::new();
        let (flag, count) = (Arc::clone(&stop), ran.clone());
        let spawner = executor.spawner();
        let both = executor.spawn(async move {
            for _ in 0..50 {
                let count = count.clone();
                spawn(async move { count.add() }).detach();
            }
            let (to_left, left) = async_channel::bounded::<()>(1);
            let (to_right, right) = async_channel::bounded::<()>(1);
            to_left.try_send(()).unwrap();
            let ponging = spawner.spawn(async move {
                while right.recv().await.is_ok() && to_left.send(()).await.is_ok() {}
            });
            while !flag.load(SeqCst) {
                left.recv().await.unwrap();
                to_right.send(()).await.unwrap();
            }
            drop(ponging);
        });
        step("the siblings");
        ran.wait_for(50);
        stop.store(true, SeqCst);
        block_on(both);
    });
}

#[test]
fn a_self_waking_task_lets_injected_tasks_and_timers_through() {
    with_workers(|executor| {
        let stop = Arc::new(AtomicBool::new(false));
        let polls = self_waking(executor, &stop, executor.threads());
        step("an injected task");
        for _ in 0..50 {
            block_on(executor.spawn(async {}));
        }
        step("a timer");
        block_on(executor.spawn(async {
            async_io::Timer::after(std::time::Duration::from_millis(1)).await;
        }));
        assert!(polls.load(SeqCst) > 0);
        stop.store(true, SeqCst);
    });
}

#[test]
fn an_injected_task_waits_few_polls_under_steady_load() {
    on_workers(1, &|executor: &Executor| {
        let stop = Arc::new(AtomicBool::new(false));
        let polls = self_waking(executor, &stop, 10);
        let mut most = 0;
        for _ in 0..50 {
            let count = Arc::clone(&polls);
            let (started, injected) = (
                polls.load(SeqCst),
                executor.spawn(async move { count.load(SeqCst) }),
            );
            most = most.max(block_on(injected) - started);
        }
        stop.store(true, SeqCst);
        // The interval of the policy is 61; the calling thread may be preempted for long in between,
        // so only the order of magnitude is certain: without the rule the load never ends.
        assert!(most < 50_000_000, "{most} polls");
    });
}

#[test]
fn a_task_that_spawns_for_ever_lets_others_through() {
    with_workers(|executor| {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let chain = executor.spawn(async move {
            while !flag.load(SeqCst) {
                spawn(async {}).await;
            }
        });
        step("an injected task");
        for _ in 0..50 {
            block_on(executor.spawn(async {}));
        }
        stop.store(true, SeqCst);
        block_on(chain);
    });
}

#[test]
fn tasks_that_yield_let_those_through_that_wait_outside() {
    on_workers(1, &|executor: &Executor| {
        let (ran, (open, gate)) = (Count::new(), mpsc::channel());
        let count = ran.clone();
        let turns = executor.spawn(async move {
            gate.recv().unwrap();
            let mut turns = 0;
            while count.get() < 2_000 {
                turns += 1;
                yield_now().await;
            }
            turns
        });
        for _ in 0..2_000 {
            let count = ran.clone();
            executor.spawn(async move { count.add() }).detach();
        }
        open.send(()).unwrap();
        // One with which all began, one before the first batch was taken, one more before the worker saw how many
        // wait. With a turn for each batch it had 17.
        assert!(block_on(turns) <= 4);
    });
}

#[test]
fn what_overflowed_from_a_ring_has_its_turn_beside_a_task_that_never_ceases() {
    on_workers(1, &|executor: &Executor| {
        let ran = Count::new();
        let turns = executor.spawn(async move {
            for _ in 0..5_000 {
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
            }
            let mut turns = 0;
            // Its own ring is never empty, so nothing else leads to the rest.
            while ran.get() < 5_000 {
                turns += 1;
                yield_now().await;
            }
            turns
        });
        step("five thousand tasks that did not fit a ring");
        let turns = block_on(turns);
        // A batch in 61 polls at the latest.
        assert!(turns <= 61 * 5_000 / 128, "{turns} turns");
    });
}
