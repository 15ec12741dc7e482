//! Executors of one's own: built, refused, asked, outlived by a spawner.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use rejoin::{Builder, Executor, block_on, spawn};

use crate::support::{Count, executor, watched, with_workers};
use crate::watchdog::step;

/// A stack that no machine has.
pub(crate) const ABSURD: usize = 1 << 60;

#[test]
fn zero_threads_are_refused() {
    watched(|| {
        let error = Executor::builder().threads(0).build().unwrap_err();
        assert_eq!(error.to_string(), "an executor needs at least one thread");
        assert!(error.source().is_none() && !error.is_already_started());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn threads_that_cannot_start_are_named_with_the_reason() {
    watched(|| {
        let builder = Executor::builder().threads(3).stack_size(ABSURD);
        let error = builder.build().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("could not start thread 0 of 3: "),
            "{error}"
        );
        assert!(error.source().is_some());
    });
}

#[test]
fn when_a_later_thread_cannot_start_the_earlier_ones_end() {
    watched(|| {
        let (started, stopped) = (Count::new(), Count::new());
        let (start, stop) = (started.clone(), stopped.clone());
        let names = |index| {
            if index < 2 {
                format!("t-{index}")
            } else {
                "nul \0 inside".to_owned()
            }
        };
        // A name that no thread can have is the only way to fail some threads and not others.
        let builder = Executor::builder().threads(3).thread_name(names);
        let builder = builder.on_thread_start(move |_| start.add());
        let error = builder
            .on_thread_stop(move |_| stop.add())
            .build()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("could not start thread 2 of 3: "),
            "{error}"
        );
        assert_eq!((started.get(), stopped.get()), (2, 2));
    });
}

#[test]
fn a_name_that_panics_is_an_error_and_leaves_no_thread_behind() {
    watched(|| {
        let stopped = Count::new();
        let stop = stopped.clone();
        let error = Executor::builder()
            .threads(2)
            .thread_name(|index| {
                if index == 0 {
                    "first".into()
                } else {
                    panic!("no name")
                }
            })
            .on_thread_stop(move |_| stop.add())
            .build()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("could not start thread 1 of 2: "),
            "{error}"
        );
        assert_eq!(stopped.get(), 1);
    });
}

#[test]
fn threads_have_the_names_and_the_number_asked_for() {
    watched(|| {
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&names);
        let ready = Count::new();
        let count = ready.clone();
        let executor = Executor::builder()
            .threads(5)
            .thread_name(|index| format!("crunch-{index}"))
            .on_thread_start(move |_| {
                seen.lock()
                    .unwrap()
                    .insert(thread::current().name().map(String::from));
                count.add();
            })
            .build()
            .unwrap();
        assert_eq!(executor.threads(), 5);
        ready.wait_for(5);
        let expected = (0..5)
            .map(|index| Some(format!("crunch-{index}")))
            .collect();
        assert_eq!(*names.lock().unwrap(), expected);
    });
}

#[test]
fn a_large_stack_is_really_there() {
    fn deep(levels: u32) -> u64 {
        let frame = std::hint::black_box([u64::from(levels); 128]);
        if levels == 0 {
            frame[0]
        } else {
            deep(levels - 1) + frame[127]
        }
    }
    watched(|| {
        let builder = Executor::builder().threads(1).stack_size(64 << 20);
        let executor = builder.build().unwrap();
        assert!(block_on(executor.spawn(async { deep(30_000) })) > 0);
    });
}

#[test]
fn a_spawner_spawns_from_anywhere_until_its_executor_is_gone() {
    with_workers(|_| {
        let executor = executor(2);
        let spawner = executor.spawner();
        let elsewhere = spawner.clone();
        let handle = thread::spawn(move || elsewhere.spawn(async { 7 }).unwrap());
        assert_eq!(block_on(handle.join().unwrap()), 7);
        assert!(spawner.is_alive());
        drop(executor);
        assert!(!spawner.is_alive());
        let dropped = Count::new();
        let guard = dropped.on_drop();
        let error = spawner.spawn(async move { drop(guard) }).unwrap_err();
        assert_eq!(error.to_string(), "the executor is gone");
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_builder_that_names_a_dead_executor_gives_a_cancelled_task() {
    watched(|| {
        let executor = executor(1);
        let builder = Builder::new().on(&executor);
        drop(executor);
        let (dropped, polled) = (Count::new(), Count::new());
        let (guard, count) = (dropped.on_drop(), polled.clone());
        let handle = builder.spawn(async move {
            let _guard = guard;
            count.add();
        });
        assert!(handle.is_finished());
        assert_eq!((dropped.get(), polled.get()), (1, 0));
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
    });
}

#[test]
fn more_than_sixty_four_workers_work_at_the_same_time() {
    watched(|| {
        let executor = executor(100);
        let barrier = Arc::new(std::sync::Barrier::new(100));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                executor.spawn(async move { barrier.wait().is_leader() })
            })
            .collect();
        step("a hundred tasks to meet");
        let leaders = tasks
            .into_iter()
            .filter(|_| true)
            .map(block_on)
            .filter(|&leads| leads);
        assert_eq!(leaders.count(), 1);
    });
}

#[test]
fn two_thousand_executors_one_after_another_and_fifty_at_a_time() {
    watched(|| {
        let ran = Count::new();
        for round in 0..40 {
            let executors: Vec<_> = (0..50).map(|_| executor(1)).collect();
            for executor in &executors {
                let count = ran.clone();
                executor.spawn(async move { count.add() }).detach();
            }
            ran.wait_for((round + 1) * 50);
        }
        assert_eq!(ran.get(), 2_000);
    });
}

#[test]
fn a_waker_of_a_dead_executor_does_not_touch_the_next_one() {
    watched(|| {
        for _ in 0..50 {
            let (tell, told) = std::sync::mpsc::channel();
            let old = executor(1);
            let dropped = Count::new();
            let guard = dropped.on_drop();
            old.spawn(std::future::poll_fn(move |cx| {
                let _guard = &guard;
                tell.send(cx.waker().clone()).unwrap();
                std::task::Poll::<()>::Pending
            }))
            .detach();
            let stale = told.recv().unwrap();
            drop(old);
            assert_eq!(dropped.get(), 1);
            let spawned = Count::new();
            let polls = Count::new();
            let count = polls.clone();
            let next = Executor::builder()
                .threads(1)
                .on_poll_begin(move |_| count.add())
                .build()
                .unwrap();
            for _ in 0..10 {
                stale.wake_by_ref();
            }
            drop(stale);
            let count = spawned.clone();
            block_on(next.spawn(async move { count.add() }));
            assert_eq!((spawned.get(), polls.get()), (1, 1));
        }
    });
}

#[test]
fn dropping_executors_that_were_never_used_is_quick_and_quiet() {
    with_workers(|_| {
        for _ in 0..50 {
            drop(executor(3));
        }
    });
}

#[test]
fn an_executor_can_be_moved_to_and_dropped_on_another_thread() {
    with_workers(|_| {
        let executor = executor(2);
        let handle = executor.spawn(std::future::pending::<()>());
        thread::spawn(move || drop(executor)).join().unwrap();
        assert!(block_on(handle.join()).unwrap_err().is_cancelled());
    });
}

#[test]
fn tasks_of_two_executors_await_each_other() {
    with_workers(|left| {
        let right = executor(left.threads());
        let (to_right, to_left) = (right.spawner(), left.spawner());
        let sum = left.spawn(async move {
            let mut sum = 0;
            for n in 0..200 {
                let back = to_left.clone();
                let there =
                    to_right.spawn(async move { back.spawn(async move { n }).unwrap().await });
                sum += there.unwrap().await + spawn(async { 1 }).await;
            }
            sum
        });
        assert_eq!(block_on(sum), 200 * 199 / 2 + 200);
    });
}
