//! Model-checking tests: every interleaving of the parts that have an ordering in them.
//!
//! Compiled only under `cfg(all(test, rejoin_model))`, in which [`sync`](crate::sync) hands out loom's
//! types; `cargo xtask model` runs them, and says how many interleavings they came to.
//!
//! | model | what is real | what it holds |
//! |---|---|---|
//! | `parker` | parker | an unpark against a park |
//! | `injector` | injector | pushes to several lanes against the end of the service |
//! | `idle` | idle protocol, injector, beds, score | a push against sleep; fine work |
//! | `watcher` | the same | the watcher's role, against sleep, calls and its last look |
//! | `crew` | the seats of a crew, its threads, the injector | a seat that is handed over against another one, and against the end |
//! | `driver` | the driver's post, idle protocol, parker | a wake against sleep in the driver; leaving it against lying down |
//! | `quiet` | those who wait until nothing is left, idle protocol, injector | that against the end of a poll, a guest's end, a seat that is taken |
//! | `table` | the table | growth against a look |
//! | `task` | registry, injector, cancel cell, wrapper | the end of a task: poll, cancel, wake, shutdown |
//! | `local` | the inbox of a local executor | a post against going to sleep |
//! | `run_queue` | run queue over `st3` | owner against thieves, with the loom that `st3` knows |
//!
//! The worker in `idle` is a stand-in of a dozen lines that does what `worker::Worker::find` does, without the run
//! queues. Nothing here holds what needs time: that a tick after the watcher gave its role up is late enough for its last
//! look.
//!
//! A canary is the same model with one fence or step taken out; it must fail. Each is named after what it
//! lacks.

mod crew;
pub(crate) mod driver;
mod idle;
mod injector;
mod local;
mod parker;
mod quiet;
mod run_queue;
mod table;
mod task;
mod watcher;

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
    /// Of the last searcher, between the end of its search and its look at what is left.
    Searcher,
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
    /// The lock under which it does so.
    SeatLock,
    /// The call of who begins to wait until nothing is left.
    WaiterCalls,
    /// The call of a guest that leaves while somebody waits for that.
    GuestLeaves,
    /// That a local executor looks for mail and leaves its waker in one step.
    ArmAtOnce,
    /// The watcher's call for a successor when it gets up for work.
    HandOn,
    /// That who gave the watcher's role up counts as one until it has looked once more.
    LastLook,
    /// That each seat which is given away needs a thread of its own that waits.
    OneEach,
    /// That no thread is the last one while another is being started.
    Starting,
    /// That whoever ends the injector's service holds all of its lanes at once.
    AllLanes,
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
    say(count.load(Relaxed), preemptions);
}

/// Says how many interleavings the calling test came to.
fn say(interleavings: u64, preemptions: Option<usize>) {
    let test = std::thread::current();
    let name = test.name().unwrap_or("model");
    let bound = preemptions.map_or("any number of".to_owned(), |most| format!("at most {most}"));
    println!("{name}: {interleavings} interleavings, {bound} preemptions");
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
