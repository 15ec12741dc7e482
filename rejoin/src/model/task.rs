//! A task's end from four sides: its own poll, a cancel handle, a closing executor, a wake from outside.
//!
//! Real here: registry, injector, the cell that handles share, the wrapper around the future, the parker. Real, but
//! invisible to loom: `async-task`, each of whose calls counts as one step. What its own steps do to each other is
//! its own suite's matter; what lies between two of its calls is ours, and is explored. One thing of it is rebuilt
//! here, because a proof needs it: a wake-up of a task that is scheduled already synchronises with the poll that
//! follows ([`Home::state`]). The thread-local state of a worker is shared by loom's threads, so one thread of a
//! model polls at a time.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use loom::thread;

use super::{Bell, Fence, check, fails_without};
use crate::current;
use crate::hooks::{Hooks, TaskId};
use crate::injector::Injector;
use crate::join_handle::{JoinHandle, Task};
use crate::registry::Registry;
use crate::seat::Runnable;
use crate::sync::{AtomicBool, AtomicU32, Lock, Ordering};
use crate::task::{Body, ExecutorId, Meta, PanicStrategy};

/// Where the tasks of a model are scheduled to, and how its executor ends.
struct Home {
    injector: Injector<Runnable>,
    registry: &'static Registry,
    cancel: AtomicBool,
    /// What `async-task` does to a task's state at each wake-up and at each run.
    state: AtomicU32,
    /// Runnables that came too late, cancelled by whoever brought them.
    late: AtomicUsize,
}

impl Home {
    fn new() -> Arc<Self> {
        let home = Self {
            injector: Injector::new(1),
            registry: Box::leak(Box::new(Registry::new())),
            cancel: AtomicBool::new(false),
            state: AtomicU32::new(0),
            late: AtomicUsize::new(0),
        };
        home.injector.open(1);
        current::become_worker(home.registry, &Arc::new(Hooks::default()));
        Arc::new(home)
    }

    fn spawn<F>(self: &Arc<Self>, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let meta = Meta {
            executor: ExecutorId::new(0, 0),
            id: TaskId(1),
            tag: 0,
            location: Location::caller(),
            rare: None,
        };
        let home = Arc::clone(self);
        // As `door::push_from_outside` does.
        let schedule = move |runnable| {
            if let Err(refused) = home.injector.push(1, runnable) {
                home.late.fetch_add(1, SeqCst);
                current::cancelling_for_nobody(|| _ = refused.run());
            }
        };
        let (runnable, task) = async_task::Builder::new()
            .metadata(meta)
            .spawn(|_| Body::new(future, PanicStrategy::Propagate), schedule);
        runnable.schedule();
        task
    }

    /// What a worker does with one task; says whether there was one.
    fn turn(&self) -> bool {
        let Some(runnable) = self.injector.pop(0, |_| 0, |_| ()) else {
            return false;
        };
        let cancel = self.cancel.load(Ordering::Relaxed);
        self.state.fetch_add(1, Ordering::AcqRel);
        if cancel {
            current::cancelling(|| _ = runnable.run());
        } else {
            runnable.run();
        }
        true
    }

    /// What `Scheduler::close` does.
    fn close(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        self.registry.close(|waker| self.wake(waker));
    }

    fn wake(&self, waker: Waker) {
        self.state.fetch_add(1, Ordering::AcqRel);
        waker.wake();
    }

    /// The last worker's end: everything is run, and the service closed.
    fn finish(&self) {
        while self.turn() || !self.injector.close() {}
    }
}

/// Pending until `open`; counts its drop.
struct Leaf {
    waker: Arc<Lock<Option<Waker>>>,
    open: Arc<AtomicBool>,
    dropped: Arc<AtomicUsize>,
}

impl Future for Leaf {
    type Output = u32;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        *self.waker.lock() = Some(cx.waker().clone());
        if self.open.load(Ordering::Relaxed) {
            return Poll::Ready(7);
        }
        Poll::Pending
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, SeqCst);
    }
}

/// A leaf, and what its makers keep of it.
struct Parts {
    waker: Arc<Lock<Option<Waker>>>,
    open: Arc<AtomicBool>,
    dropped: Arc<AtomicUsize>,
}

fn leaf() -> (Leaf, Parts) {
    let parts = Parts {
        waker: Arc::new(Lock::new(None)),
        open: Arc::new(AtomicBool::new(false)),
        dropped: Arc::default(),
    };
    let leaf = Leaf {
        waker: Arc::clone(&parts.waker),
        open: Arc::clone(&parts.open),
        dropped: Arc::clone(&parts.dropped),
    };
    (leaf, parts)
}

impl Parts {
    fn wake(&self, home: &Home) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            home.wake(waker);
        }
    }
}

/// A worker polls, a thread from outside wakes, the owner closes. Once all have returned and the worker has run what
/// was left, the future is gone: the task was cancelled if it had not ended.
fn a_wake_and_a_poll_race_with_shutdown() {
    check(Some(3), || {
        let home = Home::new();
        let (leaf, parts) = leaf();
        let task = home.spawn(leaf);
        let (parts, closing) = (Arc::new(parts), Arc::clone(&home));
        let (waking, outside) = (Arc::clone(&parts), Arc::clone(&home));
        let waker = thread::spawn(move || waking.wake(&outside));
        let closer = thread::spawn(move || closing.close());
        home.turn();
        home.turn();
        closer.join().unwrap();
        // Only now: to run what the close woke is the workers' task, and they have not left.
        home.finish();
        // Whoever woke it may still hold the runnable in its hand, and will find the injector closed.
        waker.join().unwrap();
        task.detach();
        assert_eq!(parts.dropped.load(SeqCst), 1, "neither run nor cancelled");
    });
}

/// A task that ends while its executor closes leaves the registry once, whoever is first.
fn an_end_races_with_the_closing_registry() {
    check(Some(3), || {
        let home = Home::new();
        let (leaf, parts) = leaf();
        let task = home.spawn(leaf);
        home.turn();
        parts.open.store(true, Ordering::Relaxed);
        parts.wake(&home);
        let closing = Arc::clone(&home);
        let closer = thread::spawn(move || closing.close());
        home.turn();
        closer.join().unwrap();
        home.finish();
        task.detach();
        assert_eq!(parts.dropped.load(SeqCst), 1);
        assert_eq!(home.late.load(SeqCst), 0, "woken after its end");
    });
}

/// A cancel handle against the poll that ends the task, while somebody awaits it: the future is dropped once, and who
/// awaits it is told.
fn a_cancel_races_with_the_end() {
    check(Some(2), || {
        let home = Home::new();
        let (leaf, parts) = leaf();
        let mut handle = JoinHandle::new(home.spawn(leaf));
        let cancel = handle.cancel_handle();
        parts.open.store(true, Ordering::Relaxed);
        let canceller = thread::spawn(move || cancel.cancel());
        let runs = Arc::clone(&home);
        let runner = thread::spawn(move || while runs.turn() {});
        let bell = Bell::new();
        let waker = Waker::from(Arc::clone(&bell));
        let mut join = pin!(handle.join());
        let mut polls = 0;
        let polled = loop {
            if let Poll::Ready(result) = join.as_mut().poll(&mut Context::from_waker(&waker)) {
                break Some(result);
            }
            // Whoever still runs may ring; when nobody does, it must have rung.
            polls += 1;
            if polls == 2 {
                break None;
            }
            bell.wait();
        };
        canceller.join().unwrap();
        runner.join().unwrap();
        home.finish();
        let result = polled.or_else(|| {
            let polled = join.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(result) = polled {
                return Some(result);
            }
            None
        });
        match result.expect("all have ended, and the handle has no answer") {
            Ok(output) => assert_eq!(output, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        assert_eq!(parts.dropped.load(SeqCst), 1);
    });
}

/// A cancel handle that outlives the handle, against its drop and the poll.
fn a_cancel_races_with_a_detach() {
    check(Some(2), || {
        let home = Home::new();
        let (leaf, parts) = leaf();
        let mut handle = JoinHandle::new(home.spawn(leaf));
        let cancel = handle.cancel_handle();
        let canceller = thread::spawn(move || cancel.cancel());
        let dropper = thread::spawn(move || drop(handle));
        home.turn();
        canceller.join().unwrap();
        dropper.join().unwrap();
        home.finish();
        assert_eq!(parts.dropped.load(SeqCst), 1, "the cancel was lost");
    });
}

#[test]
fn canary_a_poll_that_does_not_ask_whether_all_is_closed_is_caught() {
    assert!(fails_without(
        Fence::AskClosed,
        a_wake_and_a_poll_race_with_shutdown
    ));
}

#[test]
fn canary_a_cancel_without_its_note_is_caught() {
    assert!(fails_without(
        Fence::CancelNote,
        a_cancel_races_with_a_detach
    ));
}

#[test]
fn nothing_survives_a_shutdown_that_races_with_a_wake() {
    a_wake_and_a_poll_race_with_shutdown();
}

#[test]
fn the_end_of_a_task_and_of_its_executor_meet() {
    an_end_races_with_the_closing_registry();
}

#[test]
fn who_awaits_a_task_hears_of_its_end_or_of_its_cancellation() {
    a_cancel_races_with_the_end();
}

#[test]
fn a_cancel_is_not_lost_when_the_handle_goes_at_the_same_time() {
    a_cancel_races_with_a_detach();
}
