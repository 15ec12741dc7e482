//! The one queue of the first four steps, at which all threads wait.
//!
//! # Nobody sleeps while something lies in the queue
//!
//! A thread looks at the queue, counts itself among the sleepers and gives up the lock in one step, as
//! far as a pusher can tell: [`Condvar::wait`] releases the lock only when the thread can be notified.
//! So a pusher comes either before the look, and its item is seen, or after, and finds the sleeper. One
//! lock makes the proof a sentence. It also makes all threads stand in line for it, which is what the
//! fifth step is about.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard};

pub(crate) struct SharedQueue<T> {
    inner: Mutex<Inner<T>>,
    wake: Condvar,
}

struct Inner<T> {
    items: VecDeque<T>,
    sleepers: usize,
    pushes: u64,
}

impl<T> SharedQueue<T> {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            items: VecDeque::new(),
            sleepers: 0,
            pushes: 0,
        };
        Self {
            inner: Mutex::new(inner),
            wake: Condvar::new(),
        }
    }

    pub(crate) fn push(&self, item: T) {
        let mut inner = self.lock();
        inner.items.push_back(item);
        inner.pushes += 1;
        let anybody_sleeps = inner.sleepers > 0;
        drop(inner);
        // To notify is a system call, whether or not anybody hears it.
        if anybody_sleeps {
            self.wake.notify_one();
        }
    }

    /// Takes the oldest item out; sleeps until there is one.
    pub(crate) fn pop(&self) -> T {
        let mut inner = self.lock();
        loop {
            if let Some(item) = inner.items.pop_front() {
                return item;
            }
            inner.sleepers += 1;
            inner = self.wake.wait(inner).expect("nothing panics under it");
            inner.sleepers -= 1;
        }
    }

    /// How often something was pushed.
    pub(crate) fn pushes(&self) -> u64 {
        self.lock().pushes
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().expect("nothing panics under it")
    }
}

impl<T> fmt::Debug for SharedQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedQueue").finish_non_exhaustive()
    }
}
