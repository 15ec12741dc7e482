//! The queue for tasks from outside, at which idle workers sleep.
//!
//! # Nobody sleeps while something lies in a queue
//!
//! With one queue, one lock made that a sentence. A push to a worker's own ring takes no lock, so now each
//! side speaks before it looks:
//!
//! - a pusher (a) pushes, (b) fences, (c) reads `sleepers`;
//! - a sleeper (1) counts itself, (2) fences, (3) looks at every queue, (4) waits.
//!
//! One of the two fences is first. If (b) is, (3) finds the task; if (2) is, (c) finds the sleeper. It may
//! be still on its way from (3) to (4), but then it holds the lock, and the pusher takes that before it
//! notifies.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::sync::{AtomicUsize, Ordering, fence};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Injector<T> {
    queue: Mutex<(VecDeque<T>, u64)>,
    wake: Condvar,
    sleepers: AtomicUsize,
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::new((VecDeque::new(), 0)),
            wake: Condvar::new(),
            sleepers: AtomicUsize::new(0),
        }
    }

    pub(crate) fn push(&self, item: T) {
        let mut queue = self.lock();
        queue.0.push_back(item);
        queue.1 += 1;
        drop(queue);
        self.call();
    }

    /// Wakes a sleeper, if there is one, after something was pushed anywhere.
    pub(crate) fn call(&self) {
        // This is (b), and its partner the fence in `pop_or`. Ordering: Relaxed for the look itself.
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            drop(self.lock());
            self.wake.notify_one();
        }
    }

    pub(crate) fn try_pop(&self) -> Option<T> {
        self.lock().0.pop_front()
    }

    /// Takes an item from here or from where `look` finds one; sleeps until there is one.
    pub(crate) fn pop_or(&self, look: impl Fn() -> Option<T>) -> T {
        let mut queue = self.lock();
        // Ordering: Relaxed; the fence is (2), and its partner the one in `call`.
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let found = loop {
            if let Some(item) = queue.0.pop_front().or_else(&look) {
                break item;
            }
            queue = self.wake.wait(queue).expect("nothing panics under it");
        };
        // Ordering: Relaxed; a count that is too high wakes somebody in vain.
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        found
    }

    /// How often something was pushed here.
    pub(crate) fn pushes(&self) -> u64 {
        self.lock().1
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<T>, u64)> {
        self.queue.lock().expect("nothing panics under it")
    }
}
