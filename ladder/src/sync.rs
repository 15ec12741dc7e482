//! The only door to atomics: the standard library's, or loom's in the models.

#[cfg(not(all(test, rejoin_model)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};

#[cfg(all(test, rejoin_model))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
