//! What a group allocates, and that it forgets what is over. One test alone in its process: the counters are
//! global.

#![forbid(unsafe_code)]

use std::alloc::System;

use rejoin::{Executor, TaskGroup, block_on};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are in use now and were not before.
fn growth(region: &Region<'_, System>) -> isize {
    let change = region.change();
    change.bytes_allocated as isize - change.bytes_deallocated as isize
}

/// What grows by this much after so many tasks has kept nothing of each.
const FLAT: isize = 16 << 10;

const TASKS: u32 = 50_000;

fn a_discarding_group_is_flat(executor: &Executor) {
    let group = TaskGroup::new().on(executor).limit(8).discarding();
    // A task that stays, so that nothing is empty in between.
    group.spawn(std::future::pending());
    let spawn = |count: u32| {
        block_on(async {
            for number in 0..count {
                assert!(
                    group
                        .spawn_when_free(async move { drop(vec![number]) })
                        .await
                );
            }
        });
        while group.unfinished() > 1 {
            std::thread::yield_now();
        }
    };
    spawn(10_000);
    let region = Region::new(ALLOCATOR);
    spawn(TASKS);
    let grown = growth(&region);
    assert!(
        grown < FLAT,
        "discarding: {grown} bytes after {TASKS} tasks"
    );
}

fn a_group_whose_outputs_are_taken_is_flat(executor: &Executor) {
    let mut group = TaskGroup::new().on(executor);
    group.spawn(std::future::pending());
    let mut take = |count: u32| {
        for number in 0..count {
            group.spawn(async move { vec![number] });
            assert_eq!(block_on(group.next()), Some(vec![number]));
        }
    };
    take(1_000);
    let region = Region::new(ALLOCATOR);
    take(TASKS);
    let grown = growth(&region);
    assert!(grown < FLAT, "taken: {grown} bytes after {TASKS} tasks");
}

fn groups_below_leave_nothing(executor: &Executor) {
    let top = TaskGroup::<()>::new().on(executor);
    let come_and_go = |count: u32| {
        for number in 0..count {
            let below = TaskGroup::new().on(executor).within(&top.handle());
            below.spawn(async move { number });
            assert_eq!(block_on(below.join()), [number]);
        }
    };
    come_and_go(1_000);
    let region = Region::new(ALLOCATOR);
    come_and_go(TASKS / 10);
    let grown = growth(&region);
    assert!(
        grown < FLAT,
        "below: {grown} bytes after {} groups",
        TASKS / 10
    );
}

fn a_task_is_one_allocation(executor: &Executor) {
    let tasks = 10_000;
    let mut least = usize::MAX;
    for _ in 0..5 {
        let group = TaskGroup::new().on(executor);
        let region = Region::new(ALLOCATOR);
        for number in 0..tasks {
            group.spawn(async move { number });
        }
        assert_eq!(block_on(group.join()).len(), tasks);
        least = least.min(region.change().allocations);
    }
    // The rest is what the tables take while they double.
    assert!((tasks..tasks + 200).contains(&least), "{least} for {tasks}");
}

#[test]
fn memory() {
    for threads in [1, 4] {
        let executor = Executor::builder().threads(threads).build().unwrap();
        a_discarding_group_is_flat(&executor);
        a_group_whose_outputs_are_taken_is_flat(&executor);
        groups_below_leave_nothing(&executor);
        a_task_is_one_allocation(&executor);
    }
}
