//! Busy workers: what comes from outside, and what many tasks do to each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use futures::future::BoxFuture;
use rejoin::{TaskGroup, block_on, spawn, spawn_many, yield_now};

use crate::Stage;
use crate::support::Count;
use crate::watchdog::step;

/// Threads spawn and await beside tasks that yield for ever, on few workers or on all.
pub(crate) fn outside(stage: &mut Stage) {
    let executor = stage.executor();
    let ends = Arc::new(AtomicBool::new(false));
    let yielding: Vec<_> = (0..stage.below(2 * executor.threads() + 1))
        .map(|_| {
            let ends = Arc::clone(&ends);
            executor.spawn(async move {
                while !ends.load(SeqCst) {
                    yield_now().await;
                }
            })
        })
        .collect();
    step("spawns from outside");
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let executor = &executor;
            scope.spawn(move || {
                for n in 0..20 {
                    let handle = executor.spawn(async move { n + thread });
                    assert_eq!(block_on(handle), n + thread);
                }
            });
        }
    });
    ends.store(true, SeqCst);
    step("tasks that yielded until then");
    yielding.into_iter().for_each(block_on);
}

/// A tree of tasks, each of which awaits its children, in order or the youngest first.
fn grow(depth: usize, width: usize) -> BoxFuture<'static, usize> {
    Box::pin(async move {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..width).map(|_| spawn(grow(depth - 1, width))).collect();
        let mut sum = 1;
        for child in children {
            sum += child.await;
        }
        sum
    })
}

/// Trees of tasks, from outside and from within, and a group.
pub(crate) fn joins(stage: &mut Stage) {
    let executor = stage.executor();
    let (width, within) = (2 + stage.below(3), stage.one_in(2));
    let all = (width.pow(5) - 1) / (width - 1);
    step("a tree of tasks that await each other");
    let trees: Vec<_> = (0..2).map(|_| executor.spawn(grow(4, width))).collect();
    if within {
        assert_eq!(executor.block_on(grow(4, width)), all);
    }
    assert!(trees.into_iter().map(block_on).all(|sum| sum == all));
    step("a group with a limit");
    let joined = executor.block_on(async {
        let group = TaskGroup::new().limit(3);
        for n in 0..40_usize {
            group.spawn(async move {
                yield_now().await;
                n
            });
        }
        group.join().await
    });
    assert!(joined.into_iter().eq(0..40));
}

/// Tasks in one go, from a task, from `block_on`, and from outside.
pub(crate) fn many(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..3 {
        let number = [1, 2, 9, 130, 700][stage.below(5)];
        let futures = move || (0..number).map(|n| async move { n });
        step("tasks that were spawned in one go");
        let handles = match stage.below(3) {
            0 => executor.spawn_many(futures()),
            1 => executor.block_on(async move { spawn_many(futures()) }),
            _ => block_on(executor.spawn(async move { spawn_many(futures()) })),
        };
        let outputs: Vec<_> = handles.into_iter().map(block_on).collect();
        assert!(outputs.into_iter().eq(0..number));
    }
}

/// Producers and consumers on channels of one place: everybody waits and is woken all the time.
pub(crate) fn channels(stage: &mut Stage) {
    let executor = stage.executor();
    let (pairs, room) = (1 + stage.below(8), 1 + stage.below(3));
    let total = Count::new();
    let mut tasks = Vec::new();
    for _ in 0..pairs {
        let (send, receive) = async_channel::bounded(room);
        tasks.push(executor.spawn(async move {
            for n in 0..60 {
                send.send(n).await.expect("somebody receives");
            }
        }));
        let total = total.clone();
        tasks.push(executor.spawn(async move {
            let mut next = 0;
            while let Ok(n) = receive.recv().await {
                assert_eq!(n, next);
                next += 1;
                total.add();
            }
        }));
    }
    step("tasks that send to each other");
    tasks.into_iter().for_each(block_on);
    assert_eq!(total.get(), pairs * 60);
}
