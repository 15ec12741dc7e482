//! The wait group that one writes first, and that is wrong.
//!
//! An [`Arc`] counts its clones and knows when the last one goes: all that is missing is somebody to tell.
//! So there is one place for a waker beside it, and the last drop wakes it.
//!
//! It passes the tests that one writes first. With two waiters it does not: each of them leaves its waker
//! in the same place, the last one wins, and the other sleeps for ever. (`AtomicWaker`, which is made for
//! one task, does the same, only faster.)
//!
//! A second thing is wrong that no test on this machine shows. A waiter that looks only after the end sees
//! that [`Weak::upgrade`] fails, and that promises nothing about memory: what the workers wrote may not
//! be visible to it yet. The real group sets a flag with Release, which its waiters read with Acquire.
//!
//! [`rejoin::WaitGroup`] takes two allocations instead of one: one for the workers' count, whose end is
//! the last drop, and one for a table of waiters, which stays as long as any of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Waker};

/// A worker's handle: cloning it makes one more worker, dropping it says that this one is done.
#[derive(Clone, Debug, Default)]
pub struct WaitGroup(Arc<Place>);

/// One place for one waker.
#[derive(Debug, Default)]
struct Place(Mutex<Option<Waker>>);

impl Place {
    fn take(&self) -> Option<Waker> {
        self.0.lock().expect("nothing panics under it").take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}

impl WaitGroup {
    /// A group with one worker.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, wait_group::WaitGroup};
    ///
    /// let group = WaitGroup::new();
    /// let worker = group.clone();
    /// std::thread::spawn(move || drop(worker));
    /// block_on(group.wait()); // with one waiter it works
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up this handle and waits for the other workers.
    pub fn wait(self) -> Wait {
        Wait(Arc::downgrade(&self.0))
    }

    /// Waits without being a worker.
    pub fn waiter(&self) -> Wait {
        Wait(Arc::downgrade(&self.0))
    }
}

/// Waits until all workers of a group are done.
#[derive(Clone, Debug)]
pub struct Wait(Weak<Place>);

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(place) = self.0.upgrade() else {
            return Poll::Ready(());
        };
        let own = cx.waker().clone();
        // The mistake: whoever left a waker here before has been forgotten.
        let _forgotten = place
            .0
            .lock()
            .expect("nothing panics under it")
            .replace(own);
        // `place` counts as a worker for as long as this poll lasts. If the others leave meanwhile, its
        // drop is the last, and wakes the waker that was just left.
        Poll::Pending
    }
}
