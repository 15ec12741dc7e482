//! A group's tasks give their outputs, in order or as they come.

use std::panic::Location;

use futures::channel::oneshot;
use rejoin::{GroupHandle, TaskGroup, block_on};

use crate::support::{Count, Random, poll_once, with_workers};
use crate::watchdog::step;

#[test]
fn join_gives_the_outputs_in_the_order_of_spawns() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        for number in 0..1_000_u64 {
            group.spawn(async move {
                for _ in 0..number % 3 {
                    rejoin::yield_now().await;
                }
                number
            });
        }
        let outputs = block_on(group.join());
        assert_eq!(outputs, (0..1_000).collect::<Vec<_>>());
    });
}

#[test]
fn next_gives_every_output_once_in_the_order_of_ends() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor);
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..10).map(|_| oneshot::channel::<()>()).unzip();
        for (number, receiver) in receivers.into_iter().enumerate() {
            group.spawn(async move {
                let _ = receiver.await;
                number
            });
        }
        assert!(poll_once(group.next()).is_pending());
        for (number, sender) in senders.into_iter().enumerate().rev() {
            sender.send(()).unwrap();
            step("the one that was told to end");
            assert_eq!(block_on(group.next()), Some(number));
        }
        assert_eq!(block_on(group.next()), None);
        group.spawn(async { 77 });
        assert_eq!(block_on(group.next()), Some(77));
    });
}

#[test]
fn a_next_that_is_dropped_loses_nothing() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor);
        for number in 0..200_usize {
            group.spawn(async move { number });
        }
        let mut seen = vec![0; 200];
        while seen.iter().sum::<usize>() < 200 {
            if let std::task::Poll::Ready(Some(number)) = poll_once(group.next()) {
                seen[number] += 1;
            }
        }
        assert!(seen.iter().all(|&times| times == 1));
    });
}

#[test]
fn what_next_did_not_take_join_gives_in_order() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor);
        for number in 0..100 {
            group.spawn(async move { number });
        }
        let taken: Vec<i32> = (0..40).map(|_| block_on(group.next()).unwrap()).collect();
        // Into the slots of those that were taken.
        for number in 100..140 {
            group.spawn(async move { number });
        }
        let rest = block_on(group.join());
        assert_eq!(rest.len(), 100);
        assert!(rest.is_sorted() && rest.iter().all(|number| !taken.contains(number)));
    });
}

#[allow(
    clippy::manual_async_fn,
    reason = "a task that spawns its own kind is Send only where the signature says so"
)]
fn tree(depth: u32, group: GroupHandle<u32>) -> impl Future<Output = u32> + Send {
    async move {
        if depth > 0 {
            for _ in 0..2 {
                assert!(group.spawn(tree(depth - 1, group.clone())));
            }
        }
        rejoin::yield_now().await;
        depth
    }
}

#[test]
fn tasks_spawn_into_their_own_group_while_it_is_joined() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        group.spawn(tree(9, group.handle()));
        assert_eq!(block_on(group.join()).len(), 1023);
    });
}

#[test]
fn a_group_that_is_over_takes_no_task() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        group.spawn(async { 1 });
        let (handle, dropped) = (group.handle(), Count::new());
        assert_eq!(block_on(group.join()), [1]);
        let guard = dropped.on_drop();
        assert!(!handle.spawn(async move {
            drop(guard);
            2
        }));
        assert_eq!(dropped.get(), 1);
        assert!(!handle.try_spawn(async { 3 }).unwrap_err().would_wait());
        assert!(!block_on(handle.spawn_when_free(async { 4 })));
    });
}

#[test]
fn tasks_know_where_they_were_spawned_and_what_they_are_called() {
    with_workers(|executor| {
        let here = Location::caller();
        let group = TaskGroup::new().on(executor).limit(1);
        group.spawn(async {});
        group.named("second").tag(2).spawn(async {});
        block_on(group.named("third").spawn_when_free(async {}));
        let outcomes = block_on(group.outcomes());
        let lines: Vec<_> = outcomes
            .iter()
            .map(|one| one.task().location().line())
            .collect();
        let first = here.line() + 2;
        assert_eq!(lines, [first, first + 1, first + 2]);
        assert!(
            outcomes
                .iter()
                .all(|one| one.task().location().file() == here.file())
        );
        let names: Vec<_> = outcomes.iter().map(|one| one.task().name()).collect();
        assert_eq!(names, [None, Some("second"), Some("third")]);
        assert_eq!(outcomes[1].task().tag(), 2);
    });
}

#[test]
fn groups_of_random_shape_give_one_outcome_per_task() {
    with_workers(|executor| {
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut group = TaskGroup::fallible().on(executor);
            if random.below(2) == 0 {
                group = group.limit(1 + random.below(4) as usize);
            }
            if random.below(2) == 0 {
                group = group.keep_going();
            }
            let (mut taken, mut told) = (0, 0);
            let futures = Count::new();
            for _ in 0..1 + random.below(60) {
                let (turns, end, guard) = (random.below(4), random.below(40), futures.on_drop());
                taken += usize::from(group.spawn(async move {
                    let _guard = guard;
                    for _ in 0..turns {
                        rejoin::yield_now().await;
                    }
                    match end {
                        0 => panic!("on purpose"),
                        1 => Err(()),
                        _ => Ok(()),
                    }
                }));
                match random.below(30) {
                    0 => group.cancel(),
                    1 => told += usize::from(block_on(group.next_outcome()).is_some()),
                    _ => {}
                }
            }
            step("all outcomes of a random group");
            told += block_on(group.outcomes()).len();
            assert_eq!(taken, told, "seed {seed}");
            assert!(
                futures.get() >= taken,
                "seed {seed}: a future outlived its group"
            );
        }
    });
}
