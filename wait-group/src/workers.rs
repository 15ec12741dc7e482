//! Who works: the reference count of [`Workers`] is the number of workers.
//!
//! A worker handle is an `Arc<Workers>` and nothing else. So a clone and a drop are an `Arc`'s, and
//! `Arc` promises what a group needs: the last drop alone has the value to itself, after all other
//! drops. That drop is the group's completion.
//!
//! # Apart from the lock
//!
//! The count lies in another allocation than the waiters' lock, and never on its cache line, so that
//! workers that come and go do not slow down waiters that register, nor the other way round. Their
//! sizes see to it, without any padding: an allocation begins with its two counts; whichever of the
//! two allocations is the lower one, at least 64 bytes lie between the beginnings of count and lock. `waiters` asserts it.
//!
//! # Nested groups
//!
//! A child group holds a worker handle of its parent, and releases it after its own completion,
//! which may complete the parent in turn, and so on upwards. [`Parent`] does this in a loop: a chain
//! of a million groups must not use a million stack frames.

use crate::sync::{Arc, Weak};
use crate::unit::Unit;
use crate::unwind;
use crate::waiters::Waiters;

/// What the worker handles of one group share.
pub(crate) struct Workers {
    pub(crate) waiters: Arc<Waiters>,
    /// Dropped after [`Workers::drop`] has run, even if that panicked: the order of the fields and
    /// the language see to it.
    parent: Parent,
}

impl Workers {
    /// A group with one worker, the caller, that holds `parent` until it is done.
    pub(crate) fn new(parent: Option<Unit>) -> Arc<Workers> {
        let workers = Arc::new_cyclic(|workers: &Weak<Workers>| Workers {
            waiters: Arc::new(Waiters::new(workers.clone())),
            parent: Parent(parent),
        });
        #[cfg(feature = "trace")]
        if let Some(parent) = &workers.parent.0 {
            parent.seat().is_held_by(&workers.waiters);
        }
        workers
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.waiters.complete();
    }
}

/// The unit of the parent that a child group holds.
struct Parent(Option<Unit>);

impl Drop for Parent {
    fn drop(&mut self) {
        // The common case, without a frame for what unwinding needs.
        if self.0.is_some() {
            unwind::for_each(Ancestors(self.0.take()), drop);
        }
    }
}

/// The groups that are done because a group below them is, from the nearest upwards. To drop one is
/// to complete it.
struct Ancestors(Option<Unit>);

impl Iterator for Ancestors {
    type Item = Workers;

    fn next(&mut self) -> Option<Workers> {
        // `into_inner` gives the value to the last of all that drop, and to nobody else.
        let mut workers = Arc::into_inner(self.0.take()?.into_workers())?;
        self.0 = workers.parent.0.take();
        Some(workers)
    }
}
