//! What is measured. Every workload checks its answer.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use crate::measure::time;
use crate::peers::Peer;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// One worker more and one less, on one thread: what every spawned task pays.
pub fn clone_and_drop<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 1000;

    let group = P::group();
    Some(time(OPERATIONS, || {
        for _ in 0..OPERATIONS {
            P::done(black_box(P::worker(black_box(&group))));
        }
    }))
}

/// The same on two threads at once: the count's cache line goes back and forth.
pub fn clone_and_drop_by_two<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 20_000;

    let group = P::group();
    let start = Barrier::new(2);
    let run = || {
        start.wait();
        time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                P::done(black_box(P::worker(black_box(&group))));
            }
        })
    };
    thread::scope(|scope| {
        let other = scope.spawn(run);
        let mine = run();
        Some((mine + other.join().expect("the other thread ran")) / 2.0)
    })
}

/// A group's whole life with one worker and one waiter: make, register, complete, wake, look.
pub fn register_and_wake<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 100;

    P::source(P::group())?;
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut lives = 0;
    let nanoseconds = time(OPERATIONS, || {
        for _ in 0..OPERATIONS {
            let group = P::group();
            let worker = P::worker(&group);
            let source = P::source(group).expect("the peer can be awaited");
            P::wait(&source, |mut wait| {
                let mut cx = Context::from_waker(&waker);
                assert!(wait.as_mut().poll(&mut cx).is_pending());
                P::done(worker);
                assert!(wait.as_mut().poll(&mut cx).is_ready());
            });
            lives += 1;
        }
    });
    assert_eq!(bell.rung(), lives);
    Some(nanoseconds)
}

/// The same without the making: a waiter registers, the last worker leaves, the waiter looks.
pub fn register_and_wake_only<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 1000;

    P::source(P::group())?;
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    let mut times = Vec::new();
    for _ in 0..30 {
        let groups: Vec<_> = (0..OPERATIONS)
            .map(|_| {
                let group = P::group();
                let worker = P::worker(&group);
                (worker, P::source(group).expect("the peer can be awaited"))
            })
            .collect();
        let mut sources = Vec::with_capacity(OPERATIONS);
        let begin = Instant::now();
        for (worker, source) in groups {
            P::wait(&source, |mut wait| {
                assert!(wait.as_mut().poll(&mut cx).is_pending());
                P::done(worker);
                assert!(wait.as_mut().poll(&mut cx).is_ready());
            });
            sources.push(source);
        }
        times.push(begin.elapsed());
    }
    assert_eq!(bell.rung(), times.len() * OPERATIONS);
    times.sort();
    Some(times[times.len() / 2].as_nanos() as f64 / OPERATIONS as f64)
}

/// A waiter that is polled once and given up, while the group goes on.
pub fn register_and_cancel<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 1000;

    let group = P::group();
    let worker = P::worker(&group);
    let source = P::source(group)?;
    let waker = Waker::from(Arc::new(Bell::default()));
    let nanoseconds = time(OPERATIONS, || {
        for _ in 0..OPERATIONS {
            P::wait(&source, |wait| {
                let polled = wait.poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            });
        }
    });
    P::done(worker);
    Some(nanoseconds)
}

/// A poll that finds the same waker and the group not done.
pub fn poll_again<P: Peer>() -> Option<f64> {
    const OPERATIONS: usize = 1000;

    let group = P::group();
    let worker = P::worker(&group);
    let source = P::source(group)?;
    let waker = Waker::from(Arc::new(Bell::default()));
    let nanoseconds = P::wait(&source, |mut wait| {
        time(OPERATIONS, || {
            for _ in 0..OPERATIONS {
                let mut cx = Context::from_waker(black_box(&waker));
                assert!(wait.as_mut().poll(&mut cx).is_pending());
            }
        })
    });
    P::done(worker);
    Some(nanoseconds)
}

/// 10,000 workers that are made, kept, and done one after the other, with one waiter; per worker.
pub fn fan_out<P: Peer>() -> Option<f64> {
    const WORKERS: usize = 10_000;

    P::source(P::group())?;
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut workers = Vec::with_capacity(WORKERS);
    let mut lives = 0;
    let nanoseconds = time(WORKERS, || {
        let group = P::group();
        workers.extend((0..WORKERS).map(|_| P::worker(&group)));
        let source = P::source(group).expect("the peer can be awaited");
        P::wait(&source, |mut wait| {
            let mut cx = Context::from_waker(&waker);
            assert!(wait.as_mut().poll(&mut cx).is_pending());
            for worker in workers.drain(..) {
                P::done(worker);
            }
            assert!(wait.as_mut().poll(&mut cx).is_ready());
        });
        lives += 1;
    });
    assert_eq!(bell.rung(), lives);
    Some(nanoseconds)
}

/// `WAITERS` boxed waiters that register, are woken and look; per waiter.
pub fn wake_many<P: Peer, const WAITERS: usize>() -> Option<f64> {
    P::source(P::group())?;
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    let mut lives = 0;
    let nanoseconds = time(WAITERS, || {
        let group = P::group();
        let worker = P::worker(&group);
        let source = P::source(group).expect("the peer can be awaited");
        let mut waiters: Vec<_> = (0..WAITERS).map(|_| P::waiter(&source)).collect();
        for wait in &mut waiters {
            assert!(wait.as_mut().poll(&mut cx).is_pending());
        }
        P::done(worker);
        let ready =
            |wait: &mut crate::peers::Boxed<'_>| wait.as_mut().poll(&mut cx) == Poll::Ready(());
        assert!(waiters.iter_mut().all(ready));
        lives += 1;
    });
    assert_eq!(bell.rung(), lives * WAITERS);
    Some(nanoseconds)
}
