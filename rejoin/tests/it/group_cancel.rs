//! A group is stopped: by its owner, by a task, by a deadline, by a drop, by the end of its executor.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;

use futures::channel::oneshot;
use rejoin::{Executor, TaskGroup, block_on};

use crate::support::{
    Count, OnDrop, executor, panic_message, pending_with, poll_once, spin_until, watched,
    with_workers,
};
use crate::watchdog::step;

#[test]
fn dropping_the_group_drops_its_futures_and_a_waiter_says_when() {
    with_workers(|executor| {
        let dropped = Count::new();
        let group = TaskGroup::new().on(executor);
        for _ in 0..100 {
            group.spawn(pending_with(dropped.on_drop()));
        }
        let gone = group.waiter();
        drop(group);
        step("the futures of a group that was dropped");
        gone.wait_blocking();
        assert_eq!(dropped.get(), 100);
    });
}

#[test]
fn no_task_is_polled_again_once_the_drop_of_its_group_has_returned() {
    with_workers(|executor| {
        let group = TaskGroup::<()>::new().on(executor);
        let over = Arc::new(AtomicBool::new(false));
        let late = Count::new();
        for _ in 0..8 {
            let (over, late) = (Arc::clone(&over), late.clone());
            group.spawn(poll_fn(move |cx| {
                if over.load(SeqCst) {
                    late.add();
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
        }
        let gone = group.waiter();
        drop(group);
        // A poll that runs may read the flag once more: one per worker at most.
        over.store(true, SeqCst);
        gone.wait_blocking();
        assert!(late.get() <= executor.threads());
    });
}

#[test]
fn dropping_the_join_cancels_the_group() {
    with_workers(|executor| {
        let dropped = Count::new();
        let group = TaskGroup::new().on(executor);
        group.spawn(pending_with(dropped.on_drop()));
        let mut join = Box::pin(group.join());
        assert!(poll_once(join.as_mut()).is_pending());
        drop(join);
        step("the task of a group whose join was dropped");
        dropped.wait_for(1);
    });
}

#[test]
fn a_task_cancels_its_own_group_and_ends_at_its_next_await() {
    with_workers(|executor| {
        // Often, because now and then the task runs before its spawner has the handle.
        for _ in 0..100 {
            let group = TaskGroup::new().on(executor);
            let (handle, after, beyond) = (group.handle(), Count::new(), Count::new());
            let (said, never) = (after.clone(), beyond.clone());
            group.spawn(async move {
                handle.cancel();
                said.add();
                rejoin::yield_now().await;
                never.add();
            });
            group.spawn(pending());
            let outcomes = block_on(group.outcomes());
            assert!(outcomes.iter().all(|one| one.result().is_err()));
            assert_eq!((after.get(), beyond.get()), (1, 0));
        }
    });
}

#[test]
fn joining_a_cancelled_group_panics_with_the_way_out_but_not_if_all_had_ended() {
    with_workers(|executor| {
        let group = TaskGroup::<()>::new().on(executor);
        group.spawn(pending());
        group.cancel();
        let message = panic_message(|| block_on(group.join()));
        assert!(message.contains("TaskGroup::outcomes"), "{message}");
        let group = TaskGroup::new().on(executor);
        group.spawn(async { 7 });
        spin_until(|| group.unfinished() == 0);
        group.cancel();
        assert_eq!(block_on(group.join()), [7]);
    });
}

#[test]
fn a_cancelled_group_gives_by_next_what_had_ended() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor);
        group.spawn(async { 1 });
        spin_until(|| group.unfinished() == 0);
        group.spawn(pending());
        group.cancel();
        assert_eq!(block_on(group.next()), Some(1));
        step("the end of the cancelled one");
        assert_eq!(block_on(group.next()), None);
    });
}

#[test]
fn cancelling_races_with_ends_and_spawns_and_every_task_is_told_of_once() {
    with_workers(|executor| {
        for round in 0..200 {
            let group = TaskGroup::new().on(executor);
            let (futures, begin) = (Count::new(), Arc::new(Barrier::new(2)));
            let (handle, wait, drops) = (group.handle(), Arc::clone(&begin), futures.clone());
            let spawner = std::thread::spawn(move || {
                let mut taken = 0;
                wait.wait();
                for turns in 0..20 {
                    let guard = drops.on_drop();
                    taken += usize::from(handle.spawn(async move {
                        let _guard = guard;
                        for _ in 0..turns % 3 {
                            rejoin::yield_now().await;
                        }
                    }));
                }
                taken
            });
            begin.wait();
            for _ in 0..round {
                std::hint::spin_loop();
            }
            group.cancel();
            let taken = spawner.join().unwrap();
            step("the outcomes of a group that was cancelled while it was filled");
            assert_eq!(block_on(group.outcomes()).len(), taken);
            assert_eq!(futures.get(), 20);
        }
    });
}

#[test]
fn dropping_races_with_ends_and_no_output_is_lost_or_dropped_twice() {
    with_workers(|executor| {
        for round in 0..200 {
            let (futures, outputs) = (Count::new(), Count::new());
            let group = TaskGroup::new().on(executor);
            for _ in 0..10 {
                let (guard, output) = (futures.on_drop(), outputs.on_drop());
                group.spawn(async move {
                    let _guard = guard;
                    rejoin::yield_now().await;
                    output
                });
            }
            let gone = group.waiter();
            for _ in 0..round * 5 {
                std::hint::spin_loop();
            }
            drop(group);
            gone.wait_blocking();
            assert_eq!(futures.get(), 10);
            step("the outputs of a group that was dropped");
            outputs.wait_for(10);
            assert_eq!(outputs.get(), 10);
        }
    });
}

#[test]
fn two_failures_at_once_cancel_once_and_one_of_them_is_the_first() {
    with_workers(|executor| {
        for _ in 0..100 {
            let group = TaskGroup::<Result<(), usize>>::fallible().on(executor);
            for number in 0..4 {
                group.spawn(async move { Err(number) });
            }
            let outcomes = block_on(group.outcomes());
            let firsts = outcomes.iter().filter(|one| one.is_first_failure()).count();
            assert_eq!(firsts, 1);
        }
    });
}

#[test]
fn a_cancelled_future_whose_drop_panics_or_spawns_harms_nobody() {
    with_workers(|executor| {
        let group = TaskGroup::<()>::new().on(executor);
        let refused = Count::new();
        for _ in 0..10 {
            let (handle, refused) = (group.handle(), refused.clone());
            group.spawn(pending_then(OnDrop(move || {
                if !handle.spawn(async {}) {
                    refused.add();
                }
                panic!("thrown by a future's drop");
            })));
        }
        group.cancel();
        let outcomes = block_on(group.outcomes());
        assert_eq!(outcomes.len(), 10);
        assert!(
            outcomes
                .iter()
                .all(|one| one.result().unwrap_err().is_cancelled())
        );
        assert_eq!(refused.get(), 10);
    });
}

async fn pending_then<T>(kept: T) {
    pending::<()>().await;
    drop(kept);
}

#[test]
fn a_task_owns_and_drops_its_own_group() {
    with_workers(|executor| {
        let group = TaskGroup::<()>::new().on(executor);
        let (give, take) = oneshot::channel::<TaskGroup<()>>();
        let (gone, dropped) = (group.waiter(), Count::new());
        let guard = dropped.on_drop();
        group.spawn(async move {
            let _guard = guard;
            drop(take.await);
            pending::<()>().await;
        });
        let _ = give.send(group);
        step("the group that was dropped by its own task");
        gone.wait_blocking();
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_deadline_names_who_was_late_and_keeps_what_was_in_time() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor).limit(2);
        group.named("quick").spawn(async { 1 });
        spin_until(|| group.unfinished() == 0);
        let line = line!() + 1;
        group.named("slow").spawn(pending());
        group.named("slower").spawn(pending());
        group.named("never begun").spawn(pending());
        step("the deadline");
        let late = block_on(group.deadline(async {})).unwrap_err();
        let mut names: Vec<_> = late
            .tasks()
            .iter()
            .map(|task| task.name().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["never begun", "slow", "slower"]);
        let slow = late
            .tasks()
            .iter()
            .find(|task| task.name() == Some("slow"))
            .unwrap();
        assert_eq!(slow.location().line(), line);
        assert!(late.to_string().starts_with("3 tasks are late: task "));
        assert_eq!(block_on(group.next()), Some(1));
        assert_eq!(block_on(group.next()), None);
    });
}

#[test]
fn a_deadline_that_is_kept_reports_nothing() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor);
        group.spawn(async { 7 });
        step("the group");
        assert!(block_on(group.deadline(pending::<()>())).is_ok());
        assert_eq!(block_on(group.join()), [7]);
    });
}

#[test]
fn a_task_that_was_cancelled_and_blocks_in_its_poll_is_late_too() {
    with_workers(|executor| {
        let mut group = TaskGroup::<()>::new().on(executor);
        let (begin, begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        group.named("blocks").spawn(async move {
            begin.send(()).unwrap();
            let _ = released.recv();
        });
        begun.recv().unwrap();
        group.cancel();
        let late = block_on(group.deadline(async {})).unwrap_err();
        assert_eq!(late.tasks().len(), 1);
        assert_eq!(late.tasks()[0].name(), Some("blocks"));
        drop(release);
        step("the poll that blocked");
        block_on(group.waiter());
    });
}

#[test]
fn the_end_of_the_executor_ends_the_group() {
    watched(|| {
        for workers in [1, 2, 4] {
            let executor = executor(workers);
            let group = TaskGroup::<()>::new().on(&executor).limit(2);
            for _ in 0..10 {
                group.spawn(pending());
            }
            step("the drop of the executor");
            drop(executor);
            step("the outcomes of a group whose executor is gone");
            let outcomes = block_on(group.outcomes());
            assert_eq!(outcomes.len(), 10);
            assert!(
                outcomes
                    .iter()
                    .all(|one| one.result().unwrap_err().is_cancelled())
            );
        }
    });
}

#[test]
fn a_group_of_a_dead_executor_cancels_what_it_is_given() {
    watched(|| {
        let spawner = Executor::new().unwrap().spawner();
        let group = TaskGroup::<()>::new().on(&spawner).limit(1);
        for _ in 0..100_000 {
            group.spawn(pending());
        }
        step("tasks for an executor that is gone");
        assert_eq!(block_on(group.outcomes()).len(), 100_000);
    });
}
