//! The only door to atomics, fences, locks and thread parking.
//!
//! Everything here is the standard library's, or loom's when the models are built
//! (`cfg(all(test, rejoin_model))`). No other file of this crate names `std::sync::atomic`.

#[cfg(not(all(test, rejoin_model)))]
mod imp {
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread::{Thread, current, park, park_timeout};
}

#[cfg(all(test, rejoin_model))]
mod imp {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread::{Thread, current, park};

    /// loom knows no time: a park that may end by itself is one that ends at once.
    pub(crate) fn park_timeout(_: std::time::Duration) {
        loom::thread::yield_now();
    }
}

pub(crate) use imp::*;

/// A mutex that does not know poison.
///
/// No user code runs under any lock of this crate, so a panic cannot leave one half-way; if our own
/// code ever panicked under one, stopping every other worker would only make it worse.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}
