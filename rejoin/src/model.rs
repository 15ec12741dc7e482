//! Model-checking tests: every interleaving of the parts that have an ordering in them.
//!
//! Compiled only under `cfg(all(test, rejoin_model))`, in which [`sync`](crate::sync) hands out loom's
//! types; `cargo xtask model` runs them. What is checked is the code of the crate itself: parker, idle
//! protocol, injector and the driver's post. The worker around them is a stand-in of a dozen lines that does what
//! `worker::Worker::find` does, without the run queues, whose atomics loom does not see.
//!
//! A canary is the same model with one fence taken out; it must fail. Each is named after what it
//! lacks.

pub(crate) mod driver;
mod idle;

use std::cell::Cell;

/// A fence that a canary can do without.
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
}

thread_local! {
    /// The fence that is taken out at the moment. loom runs all threads of a model on the test's own.
    static REMOVED: Cell<Option<Fence>> = const { Cell::new(None) };
}

/// Whether `fence` is there.
pub(crate) fn has(fence: Fence) -> bool {
    REMOVED.get() != Some(fence)
}

/// Runs `model` without `fence`, and says whether it failed, as it should.
fn fails_without(fence: Fence, model: fn()) -> bool {
    REMOVED.set(Some(fence));
    let failed = std::panic::catch_unwind(model).is_err();
    REMOVED.set(None);
    failed
}
