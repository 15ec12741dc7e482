//! Before all steps: one future, one thread, no executor.
//!
//! A future does nothing by itself. Somebody has to [poll](Future::poll) it, and when it answers
//! `Pending`, somebody has to know when to ask again. A [`Waker`] is how the future says so: whatever
//! the future waits for keeps it and calls it. All that an executor adds to this is that there are
//! many futures, and more than one thread to poll them.
//!
//! Here the one who polls is the calling thread, and to be woken is to be unparked.
//!
//! # Why there is a flag beside the unpark
//!
//! A thread has one park token, and it is not ours alone: any code that the future calls may park the
//! same thread, for a lock or a channel, and swallow the unpark that was meant for us. And `park` may
//! return for no reason. So the flag is the truth; the token only ends the sleep.
//!
//! # What it lacks
//!
//! It allocates at each call, where rejoin's keeps one waker per thread; and if it is called in a task,
//! the worker under it sleeps, and nobody takes its place.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::sync::{AtomicBool, Ordering};

/// Wakes one thread.
struct Signal {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release, read by the Acquire swap in `wait`: the next poll sees what was written
        // before the wake.
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Signal {
    fn wait(&self) {
        // Ordering: Acquire, partner of the Release in `wake_by_ref`. A swap, and not a load and then
        // a store: a wake between the two would be lost.
        while !self.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Runs `future` to its end on the calling thread.
///
/// # Examples
///
/// ```
/// assert_eq!(rejoin_ladder::block_on(async { 6 * 7 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    // Once polled, a future must not move: it may point into itself.
    let mut future = pin!(future);
    let signal = Arc::new(Signal {
        woken: AtomicBool::new(false),
        thread: thread::current(),
    });
    let waker = Waker::from(Arc::clone(&signal));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => signal.wait(),
        }
    }
}
