//! Model-checking tests: every interleaving of the parts that have an ordering in them.
//!
//! Compiled only under `cfg(all(test, rejoin_model))`, in which [`sync`](crate::sync) hands out loom's
//! types; `cargo xtask model` runs them, and says how many interleavings they came to.
//!
//! | model | what is real | what it holds |
//! |---|---|---|
//! | `parker` | parker | an unpark against a park |
//! | `idle` | idle protocol, injector, beds, score | a push against sleep; fine work; the watcher's role |
//! | `driver` | the driver's post, idle protocol, parker | a wake against sleep in the driver; leaving it against lying down |
//! | `table` | the table | growth against a look |
//! | `task` | registry, injector, cancel cell, wrapper | the end of a task: poll, cancel, wake, shutdown |
//! | `run_queue` | run queue over `st3` | owner against thieves; apart, see there |
//!
//! The worker in `idle` is a stand-in of a dozen lines that does what `worker::Worker::find` does, without the run
//! queues. Nothing here holds what needs time: that the watcher looks once more a tick after it gave its role up.
//!
//! A canary is the same model with one fence or step taken out; it must fail. Each is named after what it
//! lacks.

pub(crate) mod driver;
mod idle;
mod parker;
mod table;
mod task;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Wake;

use loom::model::Builder;

use crate::sync::{Condvar, Lock, Ordering};

/// A fence, an ordering or a step that a canary can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// Of a producer, between its push and its look at the sleepers.
    Producer,
    /// Of a worker, between lying down and its last look.
    Sleeper,
    /// Of a worker, between leaving the driver and its look at those who sleep.
    Leaver,
    /// No fence: that who unparks a worker in the driver interrupts it there.
    Interrupt,
    /// The ordering by which the table's length publishes an entry.
    TableLength,
    /// That by which an unpark publishes what came before.
    Unpark,
    /// The question, at the end of a poll, whether the executor is closed.
    AskClosed,
    /// The note of a cancel that finds the task in somebody's hands.
    CancelNote,
    /// The watcher's look at who runs, under the lock, before it gives its role up.
    WhoRuns,
    /// The last searcher's call for somebody to watch over fine work.
    CallWatcher,
    /// The same call of a worker that takes a seat.
    SitDown,
}

thread_local! {
    /// The fence that is taken out at the moment. loom runs all threads of a model on the test's own.
    static REMOVED: Cell<Option<Fence>> = const { Cell::new(None) };
}

/// Whether `fence` is there.
pub(crate) fn has(fence: Fence) -> bool {
    REMOVED.get() != Some(fence)
}

/// `ordering`, or Relaxed while `fence` is taken out.
pub(crate) fn unless_removed(fence: Fence, ordering: Ordering) -> Ordering {
    if has(fence) {
        ordering
    } else {
        Ordering::Relaxed
    }
}

/// Runs `model` in every interleaving with at most so many preemptions, and says how many there were.
#[track_caller]
fn check(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let count = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&count);
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    let test = std::thread::current();
    let bound = preemptions.map_or("any number of".to_owned(), |most| format!("at most {most}"));
    println!(
        "{}: {} interleavings, {bound} preemptions",
        test.name().unwrap_or("model"),
        count.load(Relaxed)
    );
}

/// A waker that a thread of a model can wait for.
struct Bell {
    rung: Lock<bool>,
    changed: Condvar,
}

impl Bell {
    fn new() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            rung: Lock::new(false),
            changed: Condvar::new(),
        })
    }

    fn wait(&self) {
        let mut rung = self.rung.lock();
        while !std::mem::take(&mut *rung) {
            rung = self.changed.wait(rung).expect("no poison");
        }
    }
}

impl Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }
}

/// Runs `model` without `fence`, and says whether it failed, as it should.
fn fails_without(fence: Fence, model: fn()) -> bool {
    REMOVED.set(Some(fence));
    let failed = std::panic::catch_unwind(model).is_err();
    REMOVED.set(None);
    failed
}
