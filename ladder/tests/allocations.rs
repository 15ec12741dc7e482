//! What each step allocates for a task. One test alone in its process: the counters are global.

#![forbid(unsafe_code)]

use std::alloc::System;

use rejoin_ladder::{block_on, v1, v2, v3, v4, v5};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: usize = 1_000;

/// The fewest allocations per task over several tries: queues grow in the first.
fn per_task(mut run: impl FnMut()) -> f64 {
    let tries = (0..10).map(|_| {
        let region = Region::new(ALLOCATOR);
        for _ in 0..TASKS {
            run();
        }
        region.change().allocations
    });
    tries.min().expect("ten tries") as f64 / TASKS as f64
}

#[test]
fn each_step_allocates_what_its_page_says() {
    // The `block_on` of the ladder makes one itself at each call.
    let bare = per_task(|| block_on(async {}));
    let (v1, v2, v3) = (
        v1::Executor::start(1),
        v2::Executor::start(1),
        v3::Executor::start(1),
    );
    let (v4, v5) = (v4::Executor::start(1), v5::Executor::start(1));
    let rejoin = rejoin::Executor::builder().threads(1).build().unwrap();
    let found = [
        ("v1", 3.0, per_task(|| block_on(v1.spawn(async {})))),
        ("v2", 2.0, per_task(|| block_on(v2.spawn(async {})))),
        ("v3", 1.0, per_task(|| block_on(v3.spawn(async {})))),
        ("v4", 1.0, per_task(|| block_on(v4.spawn(async {})))),
        ("v5", 1.0, per_task(|| block_on(v5.spawn(async {})))),
        ("rejoin", 1.0, per_task(|| block_on(rejoin.spawn(async {})))),
    ];
    for (step, expected, found) in found {
        let found = found - bare;
        assert!(
            (found - expected).abs() < 0.05,
            "{step}: {found} allocations"
        );
    }
}
