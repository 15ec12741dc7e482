//! A yield goes to the back.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use rejoin::{block_on, spawn, yield_now};

use crate::support::{Count, OnDrop, on_workers, poll_once, with_workers};

#[test]
fn two_tasks_that_yield_take_turns_on_one_worker() {
    on_workers(1, &|executor: &rejoin::Executor| {
        let turns = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&turns);
        block_on(executor.spawn(async move {
            let player = |name| {
                let turns = Arc::clone(&seen);
                async move {
                    for _ in 0..50 {
                        turns.lock().unwrap().push(name);
                        yield_now().await;
                    }
                }
            };
            let (left, right) = (spawn(player('l')), spawn(player('r')));
            left.await;
            right.await;
        }));
        let turns = turns.lock().unwrap();
        let longest = turns.chunk_by(|a, b| a == b).map(<[char]>::len).max();
        assert!(longest.unwrap() <= 3, "{turns:?}");
    });
}

#[test]
fn a_yield_lets_what_is_queued_run_first() {
    on_workers(1, &|executor: &rejoin::Executor| {
        let ran = Count::new();
        let count = ran.clone();
        let seen = executor.spawn(async move {
            for _ in 0..100 {
                let count = count.clone();
                spawn(async move { count.add() }).detach();
            }
            yield_now().await;
            count.get()
        });
        // All but the one in the slot, which goes behind the ring itself when its like had their turns.
        assert!(block_on(seen) >= 99);
    });
}

#[test]
fn many_tasks_that_yield_many_times_all_end() {
    with_workers(|executor| {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                executor.spawn(async move {
                    for _ in 0..200 {
                        yield_now().await;
                    }
                    n
                })
            })
            .collect();
        assert_eq!(tasks.into_iter().map(block_on).sum::<usize>(), 4950);
    });
}

#[test]
fn a_yield_is_pending_once_wakes_at_once_and_can_be_dropped_half_way() {
    let (mut turn, woken) = (yield_now(), Arc::new(Count::new()));
    let waker = Waker::from(Arc::clone(&woken));
    let polled = Pin::new(&mut turn).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert_eq!(woken.get(), 1);
    assert!(poll_once(&mut turn).is_ready());
    let mut turn = yield_now();
    assert!(poll_once(&mut turn).is_pending());
    drop(turn);
}

#[test]
fn more_tasks_yield_than_a_ring_holds_and_none_is_lost() {
    with_workers(|executor| {
        let dropped = Count::new();
        let count = dropped.clone();
        let all = executor.spawn(async move {
            let tasks: Vec<_> = (0..2_000)
                .map(|_| {
                    let count = count.clone();
                    let guard = OnDrop(move || count.add());
                    spawn(async move {
                        let _guard = guard;
                        for _ in 0..5 {
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await;
            }
        });
        block_on(all);
        assert_eq!(dropped.get(), 2_000);
    });
}
