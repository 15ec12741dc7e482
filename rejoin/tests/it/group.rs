//! A group's tasks give their outputs, in order or as they come, and the first failure comes out.

use std::future::pending;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use futures::channel::oneshot;
use rejoin::{Executor, Finish, GroupHandle, TaskGroup, block_on};

use crate::support::{
    Count, OnDrop, Random, panic_message, poll_once, spin_until, watched, with_workers,
};
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
fn the_first_error_in_time_comes_out_though_it_is_the_last_in_order() {
    with_workers(|executor| {
        let group = TaskGroup::<Result<u32, &str>>::fallible().on(executor);
        let dropped = Count::new();
        for _ in 0..50 {
            let guard = dropped.on_drop();
            group.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
                Err("too late")
            });
        }
        group.spawn(async { Err("the first") });
        step("the cancelled ones");
        assert_eq!(block_on(group.try_join()), Err("the first"));
        assert_eq!(dropped.get(), 50);
    });
}

#[test]
fn the_outcomes_of_the_others_are_to_be_had_after_an_error() {
    with_workers(|executor| {
        let group = TaskGroup::fallible().on(executor);
        let done = Count::new();
        for number in 0..3 {
            let guard = done.on_drop();
            group.spawn(async move {
                drop(guard);
                Ok(number)
            });
        }
        // They have ended when nothing is left unfinished.
        let handle = group.handle();
        spin_until(|| handle.unfinished() == 0);
        group.named("stuck").spawn(pending());
        group.named("bad").spawn(async { Err("bad luck") });
        let outcomes = block_on(group.outcomes());
        let outputs: Vec<_> = outcomes[..3].iter().map(|one| one.output()).collect();
        assert_eq!(outputs, [Some(&Ok(0)), Some(&Ok(1)), Some(&Ok(2))]);
        assert!(outcomes[3].result().unwrap_err().is_cancelled());
        assert_eq!(outcomes[3].task().name(), Some("stuck"));
        assert_eq!(outcomes[4].output(), Some(&Err("bad luck")));
        let firsts = outcomes.iter().map(|one| one.is_first_failure());
        assert_eq!(
            firsts.collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
    });
}

#[test]
fn a_panic_cancels_the_others_before_anybody_joins_and_comes_out_of_the_join() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        let dropped = Count::new();
        for _ in 0..20 {
            let guard = dropped.on_drop();
            group.spawn(crate::support::pending_with(guard));
        }
        group.spawn(async { panic!("on purpose") });
        step("the others, which a panic cancels");
        dropped.wait_for(20);
        assert!(group.is_cancelled());
        assert_eq!(panic_message(|| block_on(group.join())), "on purpose");
    });
}

#[test]
fn a_panic_in_the_drop_of_a_future_is_a_failure_too() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        let outputs = Count::new();
        let output = outputs.on_drop();
        let mut kept = Some(output);
        let thrower = OnDrop(|| panic!("thrown by a drop"));
        group.spawn(std::future::poll_fn(move |_| {
            let _own = &thrower;
            std::task::Poll::Ready(kept.take().unwrap())
        }));
        assert_eq!(panic_message(|| block_on(group.join())), "thrown by a drop");
        step("the output of the task whose future threw");
        outputs.wait_for(1);
    });
}

#[test]
fn a_panic_is_told_to_the_executors_hook_at_once_though_nobody_joins() {
    watched(|| {
        let (tell, told) = mpsc::channel();
        let (finish, finished) = mpsc::channel();
        let executor = Executor::builder()
            .threads(2)
            .on_panic(move |info, payload| {
                let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
                tell.send((info.name().map(String::from), text)).unwrap();
            })
            .on_finish(move |_, how| finish.send(how).unwrap())
            .build()
            .unwrap();
        let group = TaskGroup::<()>::new().on(&executor);
        group.named("bad").spawn(async { panic!("on purpose") });
        step("the hook");
        let expected = (Some(String::from("bad")), Some(String::from("on purpose")));
        assert_eq!(told.recv().unwrap(), expected);
        assert_eq!(finished.recv().unwrap(), Finish::Panicked);
        drop(group);
    });
}

#[test]
fn keep_going_lets_the_others_end_and_join_still_fails() {
    with_workers(|executor| {
        let group = TaskGroup::fallible().on(executor).keep_going();
        let ended = Arc::new(AtomicUsize::new(0));
        for number in 0..100 {
            let ended = Arc::clone(&ended);
            group.spawn(async move {
                rejoin::yield_now().await;
                ended.fetch_add(1, SeqCst);
                if number % 10 == 7 {
                    Err(number)
                } else {
                    Ok(())
                }
            });
        }
        let error = block_on(group.try_join()).unwrap_err();
        assert_eq!((error % 10, ended.load(SeqCst)), (7, 100));
    });
}

#[test]
fn next_passes_a_panic_on_and_goes_on_after_it() {
    with_workers(|executor| {
        let mut group = TaskGroup::new().on(executor).keep_going();
        group.spawn(async { panic!("on purpose") });
        let handle = group.handle();
        spin_until(|| handle.unfinished() == 0);
        group.spawn(async { 7 });
        assert_eq!(panic_message(|| block_on(group.next())), "on purpose");
        assert_eq!(block_on(group.next()), Some(7));
        assert_eq!(block_on(group.next()), None);
    });
}

#[test]
fn a_discarding_group_keeps_the_first_failure_and_nothing_else() {
    with_workers(|executor| {
        let outputs = Count::new();
        let group = TaskGroup::fallible().on(executor).discarding().keep_going();
        for number in 0..100 {
            let output = outputs.on_drop();
            group.spawn(async move {
                if number == 50 {
                    Err("fifty")
                } else {
                    Ok(output)
                }
            });
        }
        let handle = group.handle();
        spin_until(|| handle.unfinished() == 0);
        step("the outputs");
        outputs.wait_for(100);
        let Err(error) = block_on(group.try_join()) else {
            panic!("the failure was lost")
        };
        assert_eq!(error, "fifty");
        let silent = TaskGroup::new().on(executor).discarding();
        silent.spawn(async { 7 });
        assert!(block_on(silent.join()).is_empty());
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
fn an_output_that_panics_when_dropped_harms_nobody() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor);
        for _ in 0..10 {
            group.spawn(async { OnDrop(|| panic!("thrown by an output")) });
        }
        let handle = group.handle();
        spin_until(|| handle.unfinished() == 0);
        drop(group);
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
