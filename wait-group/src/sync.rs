//! The only door to atomics, reference counts and locks.
//!
//! Which lock guards the waiters' table is decided here: std's mutex where there is std, else a
//! critical section, else a spin lock. The order is fixed, so that a feature that some other crate
//! in the build turns on can never take a better lock away.
//!
//! Under `cfg(all(test, rejoin_model))` everything comes from loom, by way of the stand-ins of
//! `model/stand_in.rs`: loom's own `Arc` has no `Weak`.

#[cfg(not(any(feature = "std", feature = "critical-section", feature = "spin")))]
compile_error!(
    "rejoin-wait-group needs a lock: enable `std` (the default), or without std either \
     `critical-section` (safe in interrupt handlers) or `spin`"
);

#[cfg(not(all(test, rejoin_model)))]
pub(crate) use real::{Arc, AtomicBool, Weak};

#[cfg(all(test, rejoin_model))]
pub(crate) use crate::model::stand_in::{Arc, AtomicBool, Weak};

pub(crate) use core::sync::atomic::Ordering::{Acquire, Release};

#[cfg(not(all(test, rejoin_model)))]
mod real {
    #[cfg(not(feature = "portable-atomic"))]
    pub(crate) use {
        alloc::sync::{Arc, Weak},
        core::sync::atomic::AtomicBool,
    };
    #[cfg(feature = "portable-atomic")]
    pub(crate) use {
        portable_atomic::AtomicBool,
        portable_atomic_util::{Arc, Weak},
    };
}

/// A value that one caller at a time may touch, for a few instructions.
///
/// It is reached through a closure only, so that what runs under the lock stands in one place and
/// can be seen to be none of the user's code.
pub(crate) struct Lock<T>(lock::Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Lock(lock::new(value))
    }

    /// Calls `f` with the value while nobody else has it.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        lock::with(&self.0, f)
    }
}

#[cfg(all(feature = "std", not(all(test, rejoin_model))))]
mod lock {
    pub(super) use std::sync::Mutex;
    use std::sync::PoisonError;

    pub(super) fn new<T>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    #[inline]
    pub(super) fn with<T, R>(mutex: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
        // Only moves of whole values happen under the lock, so a panic leaves nothing half done.
        f(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(all(
    feature = "critical-section",
    not(feature = "std"),
    not(all(test, rejoin_model))
))]
mod lock {
    use core::cell::RefCell;

    pub(super) type Mutex<T> = critical_section::Mutex<RefCell<T>>;

    pub(super) fn new<T>(value: T) -> Mutex<T> {
        critical_section::Mutex::new(RefCell::new(value))
    }

    #[inline]
    pub(super) fn with<T, R>(mutex: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
        // Interrupts are off and nothing in `f` leads back here, so the borrow is never refused.
        critical_section::with(|section| f(&mut mutex.borrow_ref_mut(section)))
    }
}

#[cfg(all(
    feature = "spin",
    not(feature = "std"),
    not(feature = "critical-section"),
    not(all(test, rejoin_model))
))]
mod lock {
    pub(super) use spin::mutex::SpinMutex as Mutex;

    pub(super) fn new<T>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    #[inline]
    pub(super) fn with<T, R>(mutex: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut mutex.lock())
    }
}

// No lock at all, so that the message above stands alone.
#[cfg(not(any(
    feature = "std",
    feature = "critical-section",
    feature = "spin",
    all(test, rejoin_model)
)))]
mod lock {
    pub(super) use core::cell::RefCell as Mutex;

    pub(super) fn new<T>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    #[inline]
    pub(super) fn with<T, R>(mutex: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut mutex.borrow_mut())
    }
}

#[cfg(all(test, rejoin_model))]
mod lock {
    pub(super) use loom::sync::Mutex;

    pub(super) fn new<T>(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    #[inline]
    pub(super) fn with<T, R>(mutex: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut mutex.lock().expect("no model panics under the lock"))
    }
}
