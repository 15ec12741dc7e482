//! How much is allocated, and when. One test alone in its process: the counters are global.

use std::alloc::System;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rejoin_wait_group::{Wait, WaitGroup};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What `f` allocates. The least of several tries: the test harness has threads of its own.
fn allocated<R>(mut f: impl FnMut() -> R) -> Stats {
    let tries = (0..5).map(|_| {
        let region = Region::new(ALLOCATOR);
        let result = f();
        let change = region.change();
        drop(result);
        change
    });
    tries
        .min_by_key(|stats| stats.allocations)
        .expect("five tries")
}

fn poll(wait: &mut Wait) -> Poll<()> {
    Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn allocations() {
    a_group_is_two();
    #[cfg(not(feature = "trace"))]
    handles_and_the_first_waiter_are_none();
    a_drop_is_none();
    waiters_that_come_and_go_take_bounded_memory();
    a_table_that_empties_is_given_back();
}

fn a_group_is_two() {
    let stats = allocated(WaitGroup::new);
    if cfg!(feature = "trace") {
        assert_eq!(stats.allocations, 3);
    } else {
        assert_eq!(stats.allocations, 2);
        assert!(
            stats.bytes_allocated <= 256,
            "{} bytes",
            stats.bytes_allocated
        );
    }
}

#[cfg(not(feature = "trace"))]
fn handles_and_the_first_waiter_are_none() {
    let group = WaitGroup::new();
    let stats = allocated(|| {
        let worker = group.clone();
        let mut wait = worker.wait();
        assert!(poll(&mut wait).is_pending());
        assert!(poll(&mut wait).is_pending());
        let again = wait.try_join();
        (wait.clone(), again)
    });
    assert_eq!((stats.allocations, stats.reallocations), (0, 0));
}

fn a_drop_is_none() {
    let tries = (0..5).map(|_| {
        let group = WaitGroup::new().child().child();
        let mut waiters = vec![group.waiter(); 100];
        for wait in &mut waiters {
            assert!(poll(wait).is_pending());
        }
        let region = Region::new(ALLOCATOR);
        waiters.truncate(50);
        drop(group);
        let stats = region.change();
        assert!(waiters[0].is_done());
        stats.allocations + stats.reallocations
    });
    assert_eq!(tries.min(), Some(0));
}

fn waiters_that_come_and_go_take_bounded_memory() {
    const ROUNDS: usize = 1_000_000;

    let group = WaitGroup::new();
    // One in the inline place and one in the table, which therefore never empties.
    let mut staying = [group.waiter(), group.waiter()];
    for wait in &mut staying {
        assert!(poll(wait).is_pending());
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..ROUNDS {
        let mut wait = group.waiter();
        assert!(poll(&mut wait).is_pending());
    }
    // The table's first slots, once, and whatever the harness does.
    let stats = region.change();
    assert!(stats.allocations < 100, "{} allocations", stats.allocations);
    assert!(
        stats.bytes_allocated < 100_000,
        "{} bytes",
        stats.bytes_allocated
    );
}

fn a_table_that_empties_is_given_back() {
    let group = WaitGroup::new();
    let region = Region::new(ALLOCATOR);
    let mut waiters = vec![group.waiter(); 10_000];
    for wait in &mut waiters {
        assert!(poll(wait).is_pending());
    }
    let full = region.change();
    drop(waiters);
    let empty = region.change();
    let (full, empty) = (
        full.bytes_allocated - full.bytes_deallocated,
        empty.bytes_allocated - empty.bytes_deallocated,
    );
    assert!(
        full > 300_000 && empty < 10_000,
        "{full} bytes, then {empty}"
    );
}
