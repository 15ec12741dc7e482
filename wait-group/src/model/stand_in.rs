//! Stand-ins for `Arc`, `Weak` and `AtomicBool` in models: loom's own `Arc` has no `Weak`.
//!
//! What the group builds on is the strong count, and that is a loom atomic here, changed by the same
//! operations with the same orderings as in std:
//!
//! | | std 1.95 | here |
//! |---|---|---|
//! | `clone` | `fetch_add(1, Relaxed)` | the same |
//! | `drop`, `into_inner` | `fetch_sub(1, Release)`, the last: `fence(Acquire)`, then the value | the same |
//! | `upgrade` | add 1 unless 0, by `compare_exchange_weak(Acquire, Relaxed)` in a loop | the same, with the strong form: loom's never fails without cause |
//! | `strong_count` | `load(Relaxed)` | the same |
//! | weak count | frees the memory | not modelled: the value lies in a real `Arc` |
//! | overflow | aborts | not modelled |
//!
//! The real `Arc` underneath only owns. Loom does not know it, and so derives no order from it; and
//! between a change of the loom count and that of the real one no other thread runs, because loom
//! switches threads at its own operations only.
//!
//! `AtomicBool` is loom's. [`with_fault`] weakens the stand-ins, for the canaries.

use std::cell::Cell;
use std::ops::Deref;
use std::sync;

use loom::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use loom::sync::atomic::{self, AtomicUsize, fence};

/// What is wrong with the stand-ins.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fault {
    /// A drop reads the count and writes it back in two steps.
    TornDrop,
    /// A drop does not publish what was done before it.
    RelaxedDrop,
    /// An upgrade looks at the count and then adds to it in a second step.
    TornUpgrade,
    /// A flag does not publish what was done before it was set.
    RelaxedFlag,
    /// A flag that is seen set does not show what was done before.
    RelaxedLook,
}

thread_local! {
    // Loom runs a whole model on the thread that called it, so canaries do not disturb each other.
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Calls `f` with stand-ins that have this fault.
pub(crate) fn with_fault<R>(fault: Fault, f: impl FnOnce() -> R) -> R {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            FAULT.set(None);
        }
    }

    FAULT.set(Some(fault));
    let _reset = Reset;
    f()
}

fn has(fault: Fault) -> bool {
    FAULT.get() == Some(fault)
}

pub(crate) struct Arc<T> {
    /// `None` only in the middle of a drop.
    value: Option<sync::Arc<T>>,
    strong: sync::Arc<AtomicUsize>,
}

pub(crate) struct Weak<T> {
    value: sync::Weak<T>,
    strong: sync::Arc<AtomicUsize>,
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self::new_cyclic(|_| value)
    }

    pub(crate) fn new_cyclic(value: impl FnOnce(&Weak<T>) -> T) -> Self {
        let strong = sync::Arc::new(AtomicUsize::new(1));
        let count = sync::Arc::clone(&strong);
        let arc = sync::Arc::new_cyclic(|weak| {
            value(&Weak {
                value: weak.clone(),
                strong: count,
            })
        });
        Arc {
            value: Some(arc),
            strong,
        }
    }

    pub(crate) fn into_inner(mut this: Self) -> Option<T> {
        this.release().and_then(sync::Arc::into_inner)
    }

    pub(crate) fn strong_count(this: &Self) -> usize {
        this.strong.load(Relaxed)
    }

    pub(crate) fn ptr_eq(this: &Self, other: &Self) -> bool {
        sync::Arc::ptr_eq(&this.strong, &other.strong)
    }

    /// Gives up this reference. The last one gets the value, to drop it.
    fn release(&mut self) -> Option<sync::Arc<T>> {
        let value = self.value.take()?;
        let before = if has(Fault::TornDrop) {
            let before = self.strong.load(Relaxed);
            self.strong.store(before - 1, Release);
            before
        } else if has(Fault::RelaxedDrop) {
            self.strong.fetch_sub(1, Relaxed)
        } else {
            self.strong.fetch_sub(1, Release)
        };
        if before > 1 {
            // No other thread has run since, so this reference is the last only if a fault has torn
            // the count: then nobody drops the value, as with a real count.
            if sync::Arc::strong_count(&value) == 1 {
                std::mem::forget(value);
            }
            return None;
        }
        fence(Acquire);
        Some(value)
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // Dropped here, so after the fence.
        drop(self.release());
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.strong.fetch_add(1, Relaxed);
        Arc {
            value: self.value.clone(),
            strong: self.strong.clone(),
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only a drop takes the value")
    }
}

impl<T> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        let mut count = self.strong.load(Relaxed);
        loop {
            if count == 0 {
                return None;
            }
            if has(Fault::TornUpgrade) {
                self.strong.fetch_add(1, Acquire);
                break;
            }
            match self
                .strong
                .compare_exchange(count, count + 1, Acquire, Relaxed)
            {
                Ok(_) => break,
                Err(now) => count = now,
            }
        }
        let Some(value) = self.value.upgrade() else {
            super::demand(false, super::THERE);
            return None;
        };
        Some(Arc {
            value: Some(value),
            strong: self.strong.clone(),
        })
    }

    pub(crate) fn strong_count(&self) -> usize {
        self.strong.load(Relaxed)
    }
}

impl<T> Clone for Weak<T> {
    fn clone(&self) -> Self {
        Weak {
            value: self.value.clone(),
            strong: self.strong.clone(),
        }
    }
}

pub(crate) struct AtomicBool(atomic::AtomicBool);

impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        AtomicBool(atomic::AtomicBool::new(value))
    }

    pub(crate) fn load(&self, ordering: Ordering) -> bool {
        let ordering = if has(Fault::RelaxedLook) {
            Relaxed
        } else {
            ordering
        };
        self.0.load(ordering)
    }

    pub(crate) fn store(&self, value: bool, ordering: Ordering) {
        let ordering = if has(Fault::RelaxedFlag) {
            Relaxed
        } else {
            ordering
        };
        self.0.store(value, ordering);
    }
}
