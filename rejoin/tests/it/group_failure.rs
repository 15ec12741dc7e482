//! A group's task fails: what comes out, what becomes of the others, who hears of it.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

use rejoin::{Executor, Finish, TaskGroup, block_on};

use crate::support::{Count, OnDrop, panic_message, spin_until, watched, with_workers};
use crate::watchdog::step;

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
fn outputs_that_panic_when_dropped_do_not_hide_why_they_are() {
    with_workers(|executor| {
        let bad = || OnDrop(|| panic!("thrown by an output"));
        let dropped = Count::new();
        let group = TaskGroup::new().on(executor);
        for _ in 0..3 {
            group.spawn(async move { Ok(bad()) });
        }
        let error = dropped.on_drop();
        group.spawn(async move { Err(error) });
        let error = block_on(group.try_join()).map(drop).unwrap_err();
        assert_eq!(dropped.get(), 0);
        drop(error);
        assert_eq!(dropped.get(), 1);

        let group = TaskGroup::new().on(executor).keep_going();
        for _ in 0..3 {
            group.spawn(async move { bad() });
        }
        group.spawn(async { panic!("the culprit") });
        assert_eq!(panic_message(|| block_on(group.join())), "the culprit");

        let group = TaskGroup::new().on(executor).keep_going();
        for _ in 0..3 {
            group.spawn(async move { Ok::<_, ()>(bad()) });
        }
        group.spawn(async { panic!("the culprit") });
        assert_eq!(panic_message(|| block_on(group.try_join())), "the culprit");
    });
}
