//! Groups within groups: cancelling goes down, ends go up.

use std::future::pending;

use futures::channel::oneshot;
use rejoin::{Executor, TaskGroup, block_on};

use crate::support::{Count, pending_with, spin_until, watched, with_workers};
use crate::watchdog::step;

#[test]
fn cancelling_goes_down_to_every_group_below() {
    with_workers(|executor| {
        let top = TaskGroup::<()>::new().on(executor);
        let dropped = Count::new();
        let mut below = vec![TaskGroup::new().on(executor).within(&top.handle())];
        for _ in 0..20 {
            let above = below.last().unwrap().handle();
            below.push(TaskGroup::new().on(executor).within(&above));
        }
        for group in &below {
            group.spawn(pending_with(dropped.on_drop()));
        }
        top.cancel();
        step("the tasks of 21 groups");
        dropped.wait_for(21);
        assert!(below.iter().all(|group| group.is_cancelled()));
    });
}

#[test]
fn cancelling_does_not_go_up_or_sideways() {
    with_workers(|executor| {
        let top = TaskGroup::<()>::new().on(executor);
        let left = TaskGroup::<()>::new().on(executor).within(&top.handle());
        let right = TaskGroup::new().on(executor).within(&top.handle());
        left.spawn(pending());
        right.spawn(async { 7 });
        left.cancel();
        assert!(!top.is_cancelled() && !right.is_cancelled());
        assert_eq!(block_on(right.join()), [7]);
        drop(left);
        block_on(top.join());
    });
}

#[test]
fn a_group_is_not_over_before_the_ones_below_it_are() {
    with_workers(|executor| {
        let top = TaskGroup::<()>::new().on(executor);
        let below = TaskGroup::new().on(executor).within(&top.handle());
        let (open, door) = oneshot::channel::<()>();
        let dropped = Count::new();
        let guard = dropped.on_drop();
        below.spawn(async move {
            let _ = door.await;
            drop(guard);
        });
        let over = top.waiter();
        let joined = std::thread::spawn(move || block_on(top.join()));
        assert!(!over.is_done());
        open.send(()).unwrap();
        block_on(below.join());
        step("the group above");
        joined.join().unwrap();
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_failure_below_reaches_the_group_above_by_the_task_that_joins() {
    with_workers(|executor| {
        let top = TaskGroup::<Result<Vec<u8>, String>>::fallible().on(executor);
        let handle = top.handle();
        top.named("stuck").spawn(pending());
        top.named("request").spawn(async move {
            let parts = TaskGroup::fallible().within(&handle);
            parts.spawn(async { Ok(1) });
            parts.spawn(async { Err(String::from("no such part")) });
            parts.try_join().await
        });
        step("a failure on its way up");
        assert_eq!(block_on(top.try_join()), Err(String::from("no such part")));
    });
}

#[test]
fn a_task_that_joins_a_group_below_ends_quietly_when_the_group_above_is_cancelled() {
    watched(|| {
        for workers in [1, 2, 4, 16] {
            let panics = Count::new();
            let told = panics.clone();
            let executor = Executor::builder()
                .threads(workers)
                .on_panic(move |_, _| told.add())
                .build()
                .unwrap();
            for round in 0..100 {
                let top = TaskGroup::<()>::new().on(&executor);
                for _ in 0..4 {
                    let handle = top.handle();
                    top.spawn(async move {
                        let below = TaskGroup::<()>::new().within(&handle);
                        below.spawn(pending());
                        below.join().await;
                    });
                }
                for _ in 0..round * 20 {
                    std::hint::spin_loop();
                }
                top.cancel();
                step("a group whose tasks join groups below");
                for outcome in block_on(top.outcomes()) {
                    assert!(outcome.result().unwrap_err().is_cancelled());
                }
            }
            assert_eq!(panics.get(), 0);
        }
    });
}

#[test]
fn a_deadline_above_names_who_is_late_below() {
    with_workers(|executor| {
        let mut top = TaskGroup::<()>::new().on(executor);
        let below = TaskGroup::<u8>::new().on(executor).within(&top.handle());
        below.named("deep down").spawn(pending());
        let late = block_on(top.deadline(async {})).unwrap_err();
        assert_eq!(late.tasks().len(), 1);
        assert_eq!(late.tasks()[0].name(), Some("deep down"));
        block_on(below.outcomes());
    });
}

#[test]
fn a_group_within_one_that_is_cancelled_or_over_is_cancelled() {
    with_workers(|executor| {
        let top = TaskGroup::<()>::new().on(executor);
        let handle = top.handle();
        top.cancel();
        let below = TaskGroup::<()>::new().on(executor).within(&handle);
        assert!(below.is_cancelled() && !below.spawn(async {}));
        block_on(top.outcomes());
        assert!(TaskGroup::<()>::new().within(&handle).is_cancelled());
        block_on(below.join());
    });
}

#[test]
fn groups_that_come_and_go_below_a_long_lived_one_leave_it_as_it_was() {
    with_workers(|executor| {
        let top = TaskGroup::<()>::new().on(executor);
        for number in 0..1_000 {
            let below = TaskGroup::new().on(executor).within(&top.handle());
            below.spawn(async move { number });
            if number % 2 == 0 {
                assert_eq!(block_on(below.join()), [number]);
            }
        }
        let idle = top.handle();
        spin_until(|| idle.unfinished() == 0);
        step("a group below which a thousand have been");
        block_on(top.join());
    });
}
