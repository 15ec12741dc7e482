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
    use std::thread;
    use std::time::Duration;

    use crate::sim;

    /// One thread, as far as it can sleep; in a simulation it sleeps by giving its turn away.
    pub(crate) struct Thread {
        thread: thread::Thread,
        turn: Option<sim::Turn>,
    }

    impl Thread {
        pub(crate) fn current() -> Self {
            Self {
                thread: thread::current(),
                turn: sim::current(),
            }
        }

        /// Sleeps until unparked, or for no reason; only for the thread itself.
        pub(crate) fn park(&self) {
            match &self.turn {
                Some(turn) => sim::park(turn, None),
                None => thread::park(),
            }
        }

        /// Likewise, but for no longer than `timeout`.
        pub(crate) fn park_timeout(&self, timeout: Duration) {
            match &self.turn {
                Some(turn) => sim::park(turn, Some(timeout)),
                None => thread::park_timeout(timeout),
            }
        }

        /// Whether the thread must not sleep any more, because nothing would ever wake it.
        pub(crate) fn is_interrupted(&self) -> bool {
            self.turn.is_some() && sim::is_interrupted()
        }

        pub(crate) fn unpark(&self) {
            match &self.turn {
                Some(turn) => turn.unpark(),
                None => self.thread.unpark(),
            }
        }
    }
}

#[cfg(all(test, rejoin_model))]
mod imp {
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    use std::time::Duration;

    /// loom's own `park` forgets an unpark that comes while the thread waits for a mutex.
    pub(crate) struct Thread {
        unparked: Mutex<bool>,
        changed: Condvar,
    }

    impl Thread {
        pub(crate) fn current() -> Self {
            Self {
                unparked: Mutex::new(false),
                changed: Condvar::new(),
            }
        }

        pub(crate) fn park(&self) {
            let mut unparked = self.unparked.lock().unwrap();
            while !std::mem::take(&mut *unparked) {
                unparked = self.changed.wait(unparked).unwrap();
            }
        }

        /// loom knows no time: a park that may end by itself is one that ends at once.
        pub(crate) fn park_timeout(&self, _: Duration) {
            *self.unparked.lock().unwrap() = false;
            loom::thread::yield_now();
        }

        pub(crate) fn is_interrupted(&self) -> bool {
            false
        }

        pub(crate) fn unpark(&self) {
            *self.unparked.lock().unwrap() = true;
            self.changed.notify_one();
        }
    }
}

pub(crate) use imp::*;

/// `$ordering`, but for the canary of the models that does without it.
macro_rules! needed {
    ($name:ident, $ordering:expr) => {{
        #[cfg(all(test, rejoin_model))]
        let ordering = crate::model::unless_removed(crate::model::Fence::$name, $ordering);
        #[cfg(not(all(test, rejoin_model)))]
        let ordering = $ordering;
        ordering
    }};
}

/// Whether the step is there: always, but for the canary of the models that does without it.
macro_rules! has {
    ($name:ident) => {{
        #[cfg(all(test, rejoin_model))]
        let has = crate::model::has(crate::model::Fence::$name);
        #[cfg(not(all(test, rejoin_model)))]
        let has = true;
        has
    }};
}

pub(crate) use {has, needed};

/// Process-wide counters and flags on which no proof depends; loom's cannot be statics.
pub(crate) use std::sync::atomic::{
    AtomicBool as StaticBool, AtomicU64 as StaticU64, AtomicUsize as StaticUsize,
};

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

/// What threads wait for that hold a [`Lock`].
#[derive(Debug)]
pub(crate) struct Signal(Condvar);

impl Signal {
    pub(crate) fn new() -> Self {
        Self(Condvar::new())
    }

    /// Lets `guard` go, waits until [`notify_all`](Self::notify_all) is called, or for no reason, and
    /// locks `lock`, from which `guard` came, again.
    pub(crate) fn wait<'a, T>(
        &self,
        lock: &'a Lock<T>,
        guard: MutexGuard<'a, T>,
    ) -> MutexGuard<'a, T> {
        if let Some(turn) = crate::sim::current() {
            // Nobody else runs in between, so nobody can signal in between.
            drop(guard);
            turn.wait_for_signal(std::ptr::from_ref(self).addr());
            return lock.lock();
        }
        let waited = self.0.wait(guard);
        waited.unwrap_or_else(|poison| poison.into_inner())
    }

    /// The same, but for no longer than `limit`. Not in a simulation.
    pub(crate) fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: std::time::Duration,
    ) -> MutexGuard<'a, T> {
        let waited = self.0.wait_timeout(guard, limit);
        waited.unwrap_or_else(|poison| poison.into_inner()).0
    }

    pub(crate) fn notify_all(&self) {
        if let Some(turn) = crate::sim::current() {
            turn.signal(std::ptr::from_ref(self).addr());
        }
        self.0.notify_all();
    }
}
