//! A task is stopped by its handle.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::Poll;
use std::thread;

use futures::channel::oneshot;
use rejoin::{Builder, JoinHandle, PanicStrategy, block_on, spawn};

use crate::support::{
    Count, on_workers, panic_message, pending_with, poll_once, spin_until, watched, with_workers,
};
use crate::watchdog::step;

/// Keeps all workers of an executor busy until it is dropped.
fn occupy(executor: &rejoin::Executor) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let busy = Count::new();
    for _ in 0..executor.threads() {
        let (busy, released) = (busy.clone(), Arc::clone(&released));
        executor
            .spawn(async move {
                busy.add();
                let _ = released.lock().unwrap().recv();
            })
            .detach();
    }
    busy.wait_for(executor.threads());
    release
}

#[test]
fn a_task_cancelled_before_its_first_poll_is_dropped_unpolled_once() {
    with_workers(|executor| {
        let release = occupy(executor);
        let (polled, dropped) = (Count::new(), Count::new());
        let (count, guard) = (polled.clone(), dropped.on_drop());
        let mut body = Some(guard);
        let handle = executor.spawn(poll_fn(move |_| {
            count.add();
            body.take();
            Poll::<()>::Pending
        }));
        let cancel = handle.cancel();
        drop(release);
        assert_eq!(block_on(cancel), None);
        assert_eq!((polled.get(), dropped.get()), (0, 1));
    });
}

#[test]
fn cancelling_takes_effect_at_the_call_though_nobody_polls_the_cancel() {
    with_workers(|executor| {
        let dropped = Count::new();
        let (count, started) = (Count::new(), Count::new());
        let (polls, begun, guard) = (count.clone(), started.clone(), dropped.on_drop());
        let (wake, woken) = oneshot::channel::<()>();
        let handle = executor.spawn(async move {
            let _guard = guard;
            begun.add();
            let _ = woken.await;
            polls.add();
        });
        started.wait_for(1);
        let cancel = handle.cancel();
        step("the drop of the future");
        dropped.wait_for(1);
        assert!(wake.send(()).is_err());
        assert_eq!(count.get(), 0);
        drop(cancel);
    });
}

#[test]
fn a_cancelled_future_is_dropped_on_a_worker() {
    with_workers(|executor| {
        let (tell, told) = mpsc::channel();
        let guard = crate::support::OnDrop(move || {
            tell.send(thread::current().id()).unwrap();
        });
        drop(executor.spawn(pending_with(guard)).cancel());
        step("the drop of the future");
        assert_ne!(told.recv().unwrap(), thread::current().id());
    });
}

#[test]
fn awaiting_the_cancel_waits_until_the_future_is_gone() {
    with_workers(|executor| {
        for _ in 0..200 {
            let dropped = Count::new();
            let handle = executor.spawn(pending_with(dropped.on_drop()));
            assert_eq!(block_on(handle.cancel()), None);
            assert_eq!(dropped.get(), 1);
        }
    });
}

#[test]
fn cancelling_a_finished_task_gives_its_output() {
    with_workers(|executor| {
        let handle = executor.spawn(async { 7 });
        spin_until(|| handle.is_finished());
        assert_eq!(block_on(handle.cancel()), Some(7));
        let handle = executor.spawn(async { 8 });
        spin_until(|| handle.is_finished());
        assert_eq!(poll_once(handle.cancel()), Poll::Ready(Some(8)));
    });
}

#[test]
fn cancelling_races_with_completion_and_the_output_lives_once() {
    with_workers(|executor| {
        let (outputs, futures) = (Count::new(), Count::new());
        for round in 0..500 {
            let (output, guard) = (outputs.on_drop(), futures.on_drop());
            let handle = executor.spawn(async move {
                let _guard = guard;
                for _ in 0..round % 3 {
                    rejoin::yield_now().await;
                }
                output
            });
            for _ in 0..round % 50 {
                std::hint::spin_loop();
            }
            let output = block_on(handle.cancel());
            assert_eq!(futures.get(), round + 1);
            drop(output);
            // An output that came too late to be given is dropped by the worker, at its leisure.
            step("the output of a task that was cancelled while it ended");
            outputs.wait_for(round + 1);
        }
    });
}

#[test]
fn cancel_during_a_poll_lets_it_end_and_drops_the_future_once() {
    with_workers(|executor| {
        let (begin, begun) = mpsc::channel();
        let go = Arc::new(AtomicBool::new(false));
        let (dropped, polls) = (Count::new(), Arc::new(AtomicUsize::new(0)));
        let (guard, count, wait) = (dropped.on_drop(), Arc::clone(&polls), Arc::clone(&go));
        let handle = executor.spawn(async move {
            let _guard = guard;
            poll_fn(|cx| {
                count.fetch_add(1, SeqCst);
                begin.send(()).unwrap();
                spin_until(|| wait.load(SeqCst));
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        });
        begun.recv().unwrap();
        let mut cancel = handle.cancel();
        assert!(poll_once(&mut cancel).is_pending());
        assert_eq!(dropped.get(), 0);
        go.store(true, SeqCst);
        step("the cancelled poll");
        assert_eq!(block_on(cancel), None);
        assert_eq!((polls.load(SeqCst), dropped.get()), (1, 1));
    });
}

#[test]
fn cancel_during_the_last_poll_loses_or_keeps_the_output_but_drops_it_once() {
    with_workers(|executor| {
        let (begin, begun) = mpsc::channel();
        let go = Arc::new(Barrier::new(2));
        let outputs = Count::new();
        let (output, wait) = (outputs.on_drop(), Arc::clone(&go));
        let handle = executor.spawn(async move {
            begin.send(()).unwrap();
            wait.wait();
            output
        });
        begun.recv().unwrap();
        let cancel = handle.cancel();
        go.wait();
        step("the cancelled task");
        drop(block_on(cancel));
        step("the drop of the output");
        outputs.wait_for(1);
        assert_eq!(outputs.get(), 1);
    });
}

#[test]
fn a_task_that_cancels_itself_is_dropped_after_its_poll() {
    with_workers(|executor| {
        let (give, take) = oneshot::channel::<JoinHandle<()>>();
        let (dropped, after) = (Count::new(), Count::new());
        let (guard, count) = (dropped.on_drop(), after.clone());
        let handle = executor.spawn(async move {
            let _guard = guard;
            drop(take.await.unwrap().cancel());
            count.add();
            rejoin::yield_now().await;
            count.add();
        });
        give.send(handle).unwrap();
        step("the drop of the future");
        dropped.wait_for(1);
        assert_eq!(after.get(), 1);
    });
}

#[test]
fn cancelling_a_task_that_panicked_follows_its_strategy() {
    with_workers(|executor| {
        let builder = || Builder::new().on(executor);
        let panicked = |strategy| {
            let handle: JoinHandle<()> = builder()
                .panic_strategy(strategy)
                .spawn(async { panic!("on purpose") });
            spin_until(|| handle.is_finished());
            handle
        };
        assert_eq!(block_on(panicked(PanicStrategy::Ignore).cancel()), None);
        let cancel = panicked(PanicStrategy::Propagate).cancel();
        assert_eq!(panic_message(|| block_on(cancel)), "on purpose");
        let result = builder().spawn_result(async { panic!("on purpose") });
        spin_until(|| result.is_finished());
        let result: Option<thread::Result<()>> = block_on(result.cancel());
        assert_eq!(
            result.unwrap().unwrap_err().downcast_ref(),
            Some(&"on purpose")
        );
    });
}

#[test]
fn cancelling_a_thousand_tasks_that_wait_for_each_other_ends_them_all() {
    with_workers(|executor| {
        let dropped = Count::new();
        let mut last = executor.spawn(pending_with(dropped.on_drop()));
        let mut stops = vec![last.cancel_handle()];
        for _ in 0..999 {
            let guard = dropped.on_drop();
            let before = last;
            last = executor.spawn(async move {
                let _guard = guard;
                before.join().await.unwrap_err();
                pending::<()>().await;
            });
            stops.push(last.cancel_handle());
        }
        for stop in stops.iter().rev() {
            stop.cancel();
        }
        step("all futures");
        dropped.wait_for(1_000);
    });
}

#[test]
fn a_cancel_awaited_inside_a_task_on_the_only_worker_is_ready() {
    watched(|| {
        on_workers(1, &|executor: &rejoin::Executor| {
            let outcome = executor.spawn(async {
                let stuck = spawn(pending::<()>());
                rejoin::yield_now().await;
                stuck.cancel().await
            });
            assert_eq!(block_on(outcome), None);
        });
    });
}
