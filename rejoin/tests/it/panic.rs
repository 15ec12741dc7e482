//! A task panics: in a poll, in a drop, with whatever.

use std::future::poll_fn;
use std::panic::panic_any;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use rejoin::{Builder, Executor, Finish, JoinHandle, PanicStrategy, block_on, spawn, yield_now};

use crate::support::{Count, OnDrop, panic_message, pending_with, watched, with_workers};
use crate::watchdog::step;

#[test]
fn propagate_resumes_the_payload_in_whoever_awaits() {
    with_workers(|executor| {
        let handle = executor.spawn(async { panic!("thrown {}", 7) });
        assert_eq!(panic_message(|| block_on(handle)), "thrown 7");
        let inner = executor.spawn(async { panic_any(7_u32) });
        let outer = executor.spawn(inner);
        let payload = block_on(outer.join()).unwrap_err().into_panic().unwrap();
        assert_eq!(payload.downcast_ref(), Some(&7_u32));
    });
}

#[test]
fn ignore_drops_the_payload_and_says_so_when_awaited() {
    with_workers(|executor| {
        let builder = Builder::new()
            .on(executor)
            .panic_strategy(PanicStrategy::Ignore);
        let dropped = Count::new();
        let payload = Mutex::new(Some(dropped.on_drop()));
        let handle = builder.clone().spawn(async move {
            panic_any(payload.lock().unwrap().take().unwrap());
        });
        step("the payload's drop, although the handle is still there");
        dropped.wait_for(1);
        let message = panic_message(|| block_on(handle));
        assert!(message.contains("use JoinHandle::join"), "{message}");
        let error = block_on(builder.spawn(async { panic!("x") }).join()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked");
        assert!(error.is_panic() && error.into_panic().is_none());
    });
}

#[test]
fn result_hands_the_payload_out() {
    with_workers(|executor| {
        let builder = Builder::new().on(executor);
        let good: JoinHandle<std::thread::Result<i32>> = builder.clone().spawn_result(async { 7 });
        assert_eq!(block_on(good).unwrap(), 7);
        let bad = builder.clone().spawn_result(async { panic!("x") });
        let bad: Result<(), _> = block_on(bad.join()).unwrap();
        assert_eq!(bad.unwrap_err().downcast_ref(), Some(&"x"));
        let strategy = builder.panic_strategy(PanicStrategy::Ignore);
        let bad: Result<(), _> = block_on(strategy.spawn_result(async { panic!("y") }));
        assert_eq!(bad.unwrap_err().downcast_ref(), Some(&"y"));
    });
}

#[test]
fn an_executors_default_strategy_holds_for_all_ways_to_spawn_into_it() {
    watched(|| {
        let builder = Executor::builder().threads(2);
        let executor = builder
            .panic_strategy(PanicStrategy::Ignore)
            .build()
            .unwrap();
        let thrower = || async { panic!("x") };
        let (spawner, free) = (
            executor.spawner(),
            executor.block_on(poll_fn(|_| Poll::Ready(spawn(thrower())))),
        );
        let ignoring: [JoinHandle<()>; 4] = [
            executor.spawn(thrower()),
            spawner.spawn(thrower()).unwrap(),
            Builder::new().on(&executor).spawn(thrower()),
            free,
        ];
        for handle in ignoring {
            assert!(block_on(handle.join()).unwrap_err().into_panic().is_none());
        }
        let loud = Builder::new()
            .on(&executor)
            .panic_strategy(PanicStrategy::Propagate);
        assert!(
            block_on(loud.spawn(thrower()).join())
                .unwrap_err()
                .into_panic()
                .is_some()
        );
    });
}

#[test]
fn a_thousand_panics_kill_no_worker() {
    with_workers(|executor| {
        let handles: Vec<_> = (0..1_000)
            .map(|n| {
                executor.spawn(async move {
                    if n % 3 == 0 {
                        yield_now().await;
                    }
                    assert!(n % 2 == 0, "odd");
                    n
                })
            })
            .collect();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(block_on(handle.join()).ok(), (n % 2 == 0).then_some(n));
        }
        let met = Arc::new(std::sync::Barrier::new(executor.threads()));
        let meeting: Vec<_> = (0..executor.threads())
            .map(|_| {
                let met = Arc::clone(&met);
                executor.spawn(async move {
                    met.wait();
                })
            })
            .collect();
        step("all workers to be there still");
        meeting.into_iter().for_each(block_on);
    });
}

#[test]
fn the_hook_hears_of_panics_in_polls_and_drops_with_the_task_and_the_payload() {
    watched(|| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let executor = Executor::builder()
            .threads(2)
            .on_panic(move |task, payload| {
                let text = payload.downcast_ref::<&str>().copied();
                tell.lock().unwrap().send((task.tag(), text)).unwrap();
            })
            .build()
            .unwrap();
        let builder = |tag| Builder::new().on(&executor).tag(tag);
        builder(1).spawn(async { panic!("poll") }).detach();
        assert_eq!(told.recv(), Ok((1, Some("poll"))));
        let bad = OnDrop(|| panic!("drop"));
        drop(builder(2).spawn(pending_with(bad)).cancel());
        assert_eq!(told.recv(), Ok((2, Some("drop"))));
        drop(builder(3).spawn_result(async { panic!("result") }));
        assert_eq!(told.recv(), Ok((3, Some("result"))));
        let quiet = builder(4).panic_strategy(PanicStrategy::Ignore);
        quiet.spawn(async { panic!("ignored") }).detach();
        assert_eq!(told.recv(), Ok((4, Some("ignored"))));
    });
}

#[test]
fn a_panic_in_a_block_on_inside_a_task_is_the_tasks() {
    with_workers(|executor| {
        let handle = executor.spawn(async {
            block_on(async {
                yield_now().await;
                panic!("inner")
            })
        });
        let error = block_on(handle.join()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: inner");
        assert_eq!(block_on(executor.spawn(async { block_on(async { 7 }) })), 7);
    });
}

#[test]
fn a_task_that_panics_while_its_children_run_leaves_them_running() {
    with_workers(|executor| {
        let ran = Count::new();
        let count = ran.clone();
        let parent = executor.spawn(async move {
            for _ in 0..300 {
                let count = count.clone();
                spawn(async move { count.add() }).detach();
            }
            panic!("with a full queue")
        });
        assert!(block_on(parent.join()).unwrap_err().is_panic());
        step("the children");
        ran.wait_for(300);
    });
}

#[test]
fn finish_is_told_once_per_task_however_it_ends() {
    watched(|| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let executor = Executor::builder()
            .threads(2)
            .on_finish(move |task, how| tell.lock().unwrap().send((task.tag(), how)).unwrap())
            .build()
            .unwrap();
        let builder = |tag| Builder::new().on(&executor).tag(tag);
        block_on(builder(1).spawn(async { yield_now().await }));
        let panicked = builder(2).spawn(async { panic!("x") });
        assert!(block_on(panicked.join()).unwrap_err().is_panic());
        drop(builder(3).spawn(std::future::pending::<()>()).cancel());
        builder(4).spawn(std::future::pending::<()>()).detach();
        builder(5)
            .spawn(pending_with(OnDrop(|| panic!("drop"))))
            .detach();
        let (sender, wait) = mpsc::channel();
        builder(6).spawn(async move { sender.send(()) }).detach();
        wait.recv().unwrap();
        drop(executor);
        let mut all: Vec<_> = told.iter().collect();
        all.sort_by_key(|&(tag, _)| tag);
        let expected = [Finish::Ready, Finish::Panicked]
            .into_iter()
            .chain([Finish::Cancelled; 3]);
        assert_eq!(all[..5], (1..).zip(expected).collect::<Vec<_>>());
        assert_eq!(all.len(), 6);
    });
}
