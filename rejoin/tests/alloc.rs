//! How much a task allocates. One test alone in its process: the counters are global.

#![forbid(unsafe_code)]

use std::alloc::System;
use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;

use rejoin::{Builder, Executor, LocalExecutor, TaskLocal, block_on};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static NUMBER: TaskLocal<u32> = TaskLocal::new();

/// Tasks that are counted together, so that what grows now and then shows as a fraction.
const TASKS: usize = 1_000;

/// The fewest allocations per task over several tries: queues grow in the first.
fn per_task<R>(mut run: impl FnMut() -> R) -> f64 {
    let tries = (0..10).map(|_| {
        let region = Region::new(ALLOCATOR);
        for _ in 0..TASKS {
            black_box(run());
        }
        region.change().allocations
    });
    tries.min().expect("ten tries") as f64 / TASKS as f64
}

fn assert_about(what: &str, got: f64, expected: f64) {
    assert!(
        (got - expected).abs() < 0.02,
        "{what}: {got} allocations, expected {expected}"
    );
}

/// A future of about so many bytes.
async fn of_size<const BYTES: usize>() -> u8 {
    let bytes = black_box([1_u8; BYTES]);
    rejoin::yield_now().await;
    black_box(&bytes)[BYTES - 1]
}

#[test]
fn allocations() {
    let executor = Executor::builder().threads(1).build().unwrap();
    let spawner = executor.spawner();
    let one = |got, what| assert_about(what, got, 1.0);
    one(
        per_task(|| block_on(executor.spawn(async { 7 }))),
        "spawn and join",
    );
    one(
        per_task(|| block_on(executor.spawn(of_size::<1_800>()))),
        "below 2 KiB",
    );
    one(
        per_task(|| block_on(spawner.spawn(async { 7 }).unwrap())),
        "by a spawner",
    );
    one(
        per_task(|| block_on(Builder::new().on(&executor).tag(7).spawn(async {}))),
        "a tag",
    );
    one(
        per_task(|| block_on(executor.spawn(async { 7 }).join()).unwrap()),
        "join",
    );
    let two = |got, what| assert_about(what, got, 2.0);
    two(
        per_task(|| block_on(executor.spawn(of_size::<4_096>()))),
        "above 2 KiB",
    );
    two(
        per_task(|| block_on(Builder::new().on(&executor).name("n").spawn(async {}))),
        "a name",
    );
    let waits = || {
        let mut turns = 10;
        executor.spawn(poll_fn(move |cx| {
            turns -= 1;
            cx.waker().wake_by_ref();
            if turns == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }))
    };
    one(per_task(|| block_on(waits())), "waiting ten times");
    let cancel = per_task(|| block_on(executor.spawn(std::future::pending::<()>()).cancel()));
    assert!(cancel <= 2.02, "cancel: {cancel}");
    one(
        per_task(|| executor.block_on(async { rejoin::spawn(async { 7 }).await })),
        "in a block_on",
    );
    let local = per_task(|| {
        block_on(executor.spawn(async {
            for _ in 0..10 {
                rejoin::spawn(async { 7 }).await;
            }
        }))
    });
    assert_about("eleven on a worker", local, 11.0);
    of_local_tasks_and_values();
    let nothing = per_task(|| block_on(async { rejoin::yield_now().await }));
    assert_about("block_on", nothing, 0.0);
}

fn of_local_tasks_and_values() {
    let not_send = LocalExecutor::new();
    let spawned = per_task(|| not_send.block_on(not_send.spawn(async { 7 })));
    assert_about("a local task", spawned, 1.0);
    let waits = || async { rejoin::spawn_local(rejoin::yield_now()).await };
    let waited = per_task(|| not_send.block_on(waits()));
    assert_about("a local task that waits", waited, 1.0);
    let scope = per_task(|| block_on(NUMBER.scope(7, rejoin::yield_now())));
    assert_about("a value in scope", scope, 2.0);
}
