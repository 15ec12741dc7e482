//! What a step changes that is neither a promise nor a panic.

use std::future::pending;
use std::sync::mpsc;

use rejoin_ladder::block_on;

use crate::support::{Counts, OnDrop, Step};

/// Detaches a task that waits for nothing, and says whether its future was dropped when all else was
/// over: by itself, or because its executor ended, where one does.
fn is_dropped<S: Step>() -> bool {
    let executor = S::start(1);
    let (tell, told) = mpsc::channel();
    let guard = OnDrop(tell);
    drop(executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    }));
    // The one worker comes to this when it is done with the other.
    block_on(executor.spawn(async {}));
    drop(executor);
    told.try_recv().is_ok()
}

pub(crate) fn a_future_that_nobody_can_wake_is_not_lost<S: Step>() {
    assert!(is_dropped::<S>());
}

pub(crate) fn a_future_that_nobody_can_wake_is_forgotten<S: Step>() {
    assert!(!is_dropped::<S>());
}

const CHILDREN: u64 = 100;

/// How many spawns and wakes went through the shared queue when a task spawned and awaited others.
fn shared_pushes<S: Counts>() -> u64 {
    let executor = S::start(2);
    let inner = executor.clone();
    block_on(executor.spawn(async move {
        for child in 0..CHILDREN {
            assert_eq!(inner.spawn(async move { child }).await, child);
        }
    }));
    executor.shared_pushes()
}

pub(crate) fn every_spawn_and_wake_goes_through_one_queue<S: Counts>() {
    assert!(shared_pushes::<S>() > CHILDREN);
}

pub(crate) fn what_a_task_spawns_stays_on_its_worker<S: Counts>() {
    // The first task came from outside.
    assert_eq!(shared_pushes::<S>(), 1);
}
