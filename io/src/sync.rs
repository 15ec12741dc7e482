//! The only door to atomics and locks: std's, or loom's in the models.

#[cfg(not(all(test, rejoin_model)))]
mod imp {
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
    pub(super) use std::sync::{Mutex, MutexGuard};
}

#[cfg(all(test, rejoin_model))]
mod imp {
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
    pub(super) use loom::sync::{Mutex, MutexGuard};
}

use std::sync::PoisonError;

pub(crate) use imp::{AtomicU8, AtomicUsize, Ordering};
use imp::{Mutex, MutexGuard};

/// A mutex that does not know poison: no user code runs under it.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
