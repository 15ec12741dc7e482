//! Models: loom runs each of them under every schedule and every outcome of its weak memory.
//!
//! What is checked is the crate itself: [`WaitGroup`], [`Wait`], the waiters' table, the loop up
//! through parent groups. Loom supplies mutex, atomics and threads, and `stand_in.rs` supplies `Arc`
//! and `Weak`; its header compares them with std's. Not covered: std's own `Arc`, the locks of the
//! no_std builds, and threads that block (they are a poll and a park in a loop).
//!
//! Run with
//!
//! ```text
//! RUSTFLAGS="--cfg rejoin_model" cargo test -p rejoin-wait-group --release --lib model
//! ```
//!
//! The canaries sort first: a model checker that does not find a mistake put there on purpose says
//! nothing when it finds none.

mod canary;
pub(crate) mod stand_in;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::AtomicUsize as Shared;
use loom::thread;

use crate::{Wait, WaitGroup};

const THERE: &str = "an upgrade that succeeds finds the value";
const CLOSED: &str = "nobody joins after the last has left";
const PUBLISHED: &str = "what a worker wrote is visible to who finds the group done";

thread_local! {
    /// What a canary's model has found, if one runs on this thread.
    static CAUGHT: RefCell<Option<Vec<&'static str>>> = const { RefCell::new(None) };
}

/// Panics if a promise is broken; in a canary, notes it instead. A model that panics while it holds
/// values of loom's would abort the whole run.
fn demand(holds: bool, promise: &'static str) {
    if holds {
        return;
    }
    CAUGHT.with_borrow_mut(|caught| match caught {
        Some(caught) => caught.push(promise),
        None => panic!("broken: {promise}"),
    });
}

/// A waker that counts how often it is woken. Std's atomics will do: loom runs one thread at a time,
/// and the counts are read after the threads were joined.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// Whether nobody holds the bell's waker any more.
    fn is_alone(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}

fn poll(wait: &mut (impl Future<Output = ()> + Unpin), bell: &Arc<Bell>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(bell));
    Pin::new(wait).poll(&mut Context::from_waker(&waker))
}

/// A waiter that has been polled once.
struct Polled<F> {
    wait: F,
    bell: Arc<Bell>,
    was: Poll<()>,
}

fn poll_once<F: Future<Output = ()> + Unpin>(mut wait: F) -> Polled<F> {
    let bell = Arc::new(Bell::default());
    let was = poll(&mut wait, &bell);
    Polled { wait, bell, was }
}

impl<F: Future<Output = ()> + Unpin> Polled<F> {
    /// Demands what a waiter is promised, now that the group is done and nobody runs any more.
    fn settle(mut self) {
        if self.was.is_pending() {
            demand(
                self.bell.rung() == 1,
                "a waiter that was told Pending is woken once",
            );
        }
        demand(self.bell.is_alone(), "no waker is kept");
        let now = poll(&mut self.wait, &self.bell);
        demand(now.is_ready(), "a waiter of a group that is done is ready");
    }
}

#[test]
fn registration_races_with_completion() {
    loom::model(|| {
        let group = WaitGroup::new();
        let wait = group.waiter();
        let thread = thread::spawn(move || drop(group));
        let polled = poll_once(wait);
        thread.join().unwrap();
        polled.settle();
    });
}

/// The first waiter's place is inline, the second's in the vector.
#[test]
fn two_waiters_that_register_during_completion_are_both_woken() {
    loom::model(|| {
        let group = WaitGroup::new();
        let (first, second) = (group.waiter(), group.waiter());
        let waiter = thread::spawn(move || poll_once(first));
        let worker = thread::spawn(move || drop(group));
        let second = poll_once(second);
        worker.join().unwrap();
        waiter.join().unwrap().settle();
        second.settle();
    });
}

#[test]
fn a_new_waker_that_replaces_the_old_during_completion_is_woken() {
    loom::model(|| {
        let group = WaitGroup::new();
        let Polled { wait, bell, .. } = poll_once(group.waiter());
        let thread = thread::spawn(move || drop(group));
        let polled = poll_once(wait);
        thread.join().unwrap();
        polled.settle();
        demand(bell.rung() <= 1, "an old waker is woken at most once");
        demand(bell.is_alone(), "an old waker is not kept");
    });
}

#[test]
fn two_last_drops_complete_once() {
    loom::model(|| {
        let group = WaitGroup::new();
        let polled = poll_once(group.waiter());
        let worker = group.clone();
        let thread = thread::spawn(move || drop(worker));
        drop(group);
        thread.join().unwrap();
        demand(
            polled.wait.workers() == 0,
            "a group that is done has no workers",
        );
        polled.settle();
    });
}

#[test]
fn cancellation_races_with_completion() {
    loom::model(|| {
        let group = WaitGroup::new();
        let gone = poll_once(group.waiter());
        let kept = poll_once(group.waiter());
        let thread = thread::spawn(move || drop(group));
        drop(gone.wait);
        thread.join().unwrap();
        demand(
            gone.bell.rung() <= 1,
            "a waiter that left is woken at most once",
        );
        demand(
            gone.bell.is_alone(),
            "a waiter that left leaves nothing behind",
        );
        kept.settle();
    });
}

/// The second waiter takes the place that the first gives up; its own must not suffer.
#[test]
fn a_place_that_changes_hands_during_completion_belongs_to_the_new_waiter() {
    loom::model(|| {
        let group = WaitGroup::new();
        let (gone, next) = (poll_once(group.waiter()), group.waiter());
        let worker = thread::spawn(move || drop(group));
        let waiter = thread::spawn(move || poll_once(next));
        drop(gone.wait);
        worker.join().unwrap();
        waiter.join().unwrap().settle();
        demand(
            gone.bell.is_alone(),
            "a waiter that left leaves nothing behind",
        );
    });
}

#[test]
fn try_join_races_with_completion() {
    loom::model(|| {
        let group = WaitGroup::new();
        let door = group.waiter();
        let polled = poll_once(group.waiter());
        let thread = thread::spawn(move || drop(group));
        match door.try_join() {
            Some(worker) => {
                demand(!door.is_done(), "a group that was joined is not done");
                demand(door.workers() >= 1, "who joined is counted");
                drop(worker);
            }
            None => demand(door.try_join().is_none(), CLOSED),
        }
        thread.join().unwrap();
        polled.settle();
    });
}

#[test]
fn a_group_without_workers_is_done() {
    loom::model(|| {
        let group = WaitGroup::new();
        let wait = group.waiter();
        let thread = thread::spawn(move || drop(group));
        if wait.workers() == 0 {
            demand(wait.is_done(), "a group without workers is done");
        }
        thread.join().unwrap();
    });
}

/// Polls until the group is done.
fn spin(mut wait: Wait) {
    let bell = Arc::new(Bell::default());
    while poll(&mut wait, &bell).is_pending() {
        thread::yield_now();
    }
}

#[test]
fn completion_publishes_what_both_workers_wrote() {
    loom::model(|| {
        let written = Arc::new([Shared::new(0), Shared::new(0)]);
        let group = WaitGroup::new();
        let wait = group.waiter();
        let worker = group.clone();
        let other = Arc::clone(&written);
        let thread = thread::spawn(move || {
            other[0].store(1, Relaxed);
            drop(worker);
        });
        let other = Arc::clone(&written);
        let last = thread::spawn(move || {
            other[1].store(1, Relaxed);
            drop(group);
        });
        spin(wait);
        demand(written[0].load(Relaxed) == 1, PUBLISHED);
        demand(written[1].load(Relaxed) == 1, PUBLISHED);
        thread.join().unwrap();
        last.join().unwrap();
    });
}

/// `is_done` alone, without a lock in between.
#[test]
fn a_look_that_finds_the_group_done_publishes() {
    loom::model(|| {
        let written = Arc::new(Shared::new(0));
        let group = WaitGroup::new();
        let wait = group.waiter();
        let other = Arc::clone(&written);
        let thread = thread::spawn(move || {
            other.store(1, Relaxed);
            drop(group);
        });
        if wait.is_done() {
            demand(written.load(Relaxed) == 1, PUBLISHED);
        }
        thread.join().unwrap();
    });
}

#[test]
fn a_child_publishes_through_its_parent() {
    loom::model(|| {
        let written = Arc::new(Shared::new(0));
        let parent = WaitGroup::new();
        let child = parent.child();
        let inner = child.waiter();
        let other = Arc::clone(&written);
        let thread = thread::spawn(move || {
            other.store(1, Relaxed);
            drop(child);
        });
        spin(parent.wait());
        demand(inner.is_done(), "a child is done before its parent");
        demand(written.load(Relaxed) == 1, PUBLISHED);
        thread.join().unwrap();
    });
}

/// The parent's last two units are the child's and one that another thread drops meanwhile.
#[test]
fn a_child_and_a_worker_that_leave_together_complete_the_parent_once() {
    loom::model(|| {
        let parent = WaitGroup::new();
        let child = parent.child();
        let polled = poll_once(parent.waiter());
        let thread = thread::spawn(move || drop(child));
        drop(parent);
        thread.join().unwrap();
        polled.settle();
    });
}
