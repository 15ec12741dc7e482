//! What every step promises.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;

use rejoin_ladder::block_on;

use crate::support::{Cancels, OnDrop, Probe, Step, occupy, yield_now};

pub(crate) fn the_output_of_a_task_arrives<S: Step>() {
    let executor = S::start(2);
    let handles: Vec<_> = (0..1_000_u64)
        .map(|n| executor.spawn(async move { n * n }))
        .collect();
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(block_on(handle), (n * n) as u64);
    }
}

pub(crate) fn tasks_spawn_tasks_and_await_them<S: Step>() {
    fn fib<S: Step>(executor: S, n: u64) -> S::Handle<u64> {
        let inner = executor.clone();
        executor.spawn(async move {
            if n < 2 {
                return n;
            }
            let left = fib(inner.clone(), n - 1);
            let right = fib(inner, n - 2);
            left.await + right.await
        })
    }
    let executor = S::start(2);
    assert_eq!(block_on(fib(executor.clone(), 12)), 144);
}

pub(crate) fn dropping_the_handle_lets_the_task_finish<S: Step>() {
    let executor = S::start(1);
    let (tell, told) = mpsc::channel();
    drop(executor.spawn(async move {
        yield_now().await;
        tell.send(7).unwrap();
    }));
    assert_eq!(told.recv(), Ok(7));
}

pub(crate) fn a_task_that_waits_is_woken_from_another_thread<S: Step>() {
    let executor = S::start(2);
    let probe = Probe::ready_after(100);
    let (future, wakers) = probe.future();
    let handle = executor.spawn(future);
    let waker = thread::spawn(move || wakers.into_iter().for_each(|waker| waker.wake()));
    block_on(handle);
    waker.join().unwrap();
    assert_eq!(probe.polls(), 100);
}

pub(crate) fn a_task_that_wakes_itself_is_polled_again<S: Step>() {
    let executor = S::start(1);
    block_on(executor.spawn(async {
        for _ in 0..1_000 {
            yield_now().await;
        }
    }));
}

pub(crate) fn many_wakes_before_a_poll_are_one_poll<S: Step>() {
    let executor = S::start(1);
    let probe = Probe::ready_after(2);
    let (future, wakers) = probe.future();
    let handle = executor.spawn(future);
    let waker = wakers.recv().unwrap();
    // The one worker is at another task, so the probe's first poll has ended.
    let release = occupy(&executor);
    for _ in 0..1_000 {
        waker.wake_by_ref();
    }
    drop(release);
    block_on(handle);
    assert_eq!(probe.polls(), 2);
}

pub(crate) fn a_finished_task_is_not_polled_again<S: Step>() {
    let executor = S::start(1);
    let probe = Probe::ready_after(1);
    let (future, wakers) = probe.future();
    let handle = executor.spawn(future);
    let waker = wakers.recv().unwrap();
    block_on(handle);
    waker.wake_by_ref();
    waker.wake();
    // What the waker might have scheduled would lie before this.
    block_on(executor.spawn(async {}));
    assert_eq!(probe.polls(), 1);
}

pub(crate) fn one_thread_at_a_time_polls_a_task<S: Step>() {
    const WAKES: usize = 2_000;
    let executor = S::start(4);
    let is_polled = AtomicBool::new(false);
    let (tell, wakers) = mpsc::channel();
    let mut polls = 0;
    let handle = executor.spawn(poll_fn(move |cx| {
        assert!(!is_polled.swap(true, Ordering::SeqCst), "two threads poll");
        polls += 1;
        let _ = tell.send(cx.waker().clone());
        // While it is polled, and before the poll ends.
        cx.waker().wake_by_ref();
        assert!(is_polled.swap(false, Ordering::SeqCst));
        if polls < WAKES {
            Poll::Pending
        } else {
            Poll::Ready(polls)
        }
    }));
    let waker = thread::spawn(move || {
        for waker in wakers {
            waker.wake_by_ref();
            waker.wake();
        }
    });
    assert_eq!(block_on(handle), WAKES);
    waker.join().unwrap();
}

pub(crate) fn what_was_written_before_a_wake_is_seen_by_a_poll<S: Step>() {
    const MESSAGES: usize = 10_000;
    let executor = S::start(2);
    let written = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(AtomicUsize::new(0));
    let (tell, wakers) = mpsc::channel();
    let (read, saw) = (Arc::clone(&written), Arc::clone(&seen));
    let mut tell = Some(tell);
    let handle = executor.spawn(poll_fn(move |cx| {
        if let Some(tell) = tell.take() {
            tell.send(cx.waker().clone()).unwrap();
        }
        // Ordering: Relaxed; that the wake brings it here is what is tested.
        let now = read.load(Ordering::Relaxed);
        saw.store(now, Ordering::SeqCst);
        if now < MESSAGES {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }));
    let waker = wakers.recv().unwrap();
    for message in 1..=MESSAGES {
        written.store(message, Ordering::Relaxed);
        waker.wake_by_ref();
        if message % 16 == 0 {
            // Each message has a poll that sees it: if one did not come, this would not end.
            while seen.load(Ordering::SeqCst) < message {
                thread::yield_now();
            }
        }
    }
    block_on(handle);
}

pub(crate) fn a_task_from_outside_runs_beside_tasks_that_yield_for_ever<S: Step>() {
    let executor = S::start(1);
    let stop = Arc::new(AtomicBool::new(false));
    let (inner, seen) = (executor.clone(), Arc::clone(&stop));
    // Spawned on the worker, so that they lie in its own queue where there is one.
    let yielding = block_on(executor.spawn(async move {
        let spawn = |_| {
            let stop = Arc::clone(&seen);
            inner.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    yield_now().await;
                }
            })
        };
        (0..8).map(spawn).collect::<Vec<_>>()
    }));
    block_on(executor.spawn(async {}));
    stop.store(true, Ordering::SeqCst);
    for handle in yielding {
        block_on(handle);
    }
}

pub(crate) fn what_lies_behind_a_slow_poll_runs_elsewhere<S: Step>() {
    let executor = S::start(2);
    let inner = executor.clone();
    block_on(executor.spawn(async move {
        for _ in 0..100 {
            let (tell, told) = mpsc::channel();
            drop(inner.spawn(async move { tell.send(()) }));
            // Blocks this worker until the task, which lies in its queue, has run.
            told.recv().unwrap();
        }
    }));
}

pub(crate) fn cancelling_drops_the_future<S: Cancels>() {
    let executor = S::start(1);
    let (tell, told) = mpsc::channel();
    let guard = OnDrop(tell);
    let handle = executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    block_on(executor.spawn(async {}));
    assert!(told.try_recv().is_err(), "it waits");
    assert_eq!(block_on(S::cancel(handle)), None);
    assert_eq!(told.try_recv(), Ok(()));
}
