//! No scheduler at all: async-task and a thread-local `VecDeque` on the main thread. What an executor
//! on async-task costs beyond this is its own.

use super::{Info, Need, Peer};
use async_task::{Runnable, Task};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

const ONE_THREAD: &str = "it is one thread's queue";

pub(super) const INFO: Info = Info {
    name: "floor",
    package: "async-task",
    is_general: false,
    lacks: &[
        (Need::Workers, ONE_THREAD),
        (Need::BlockInside, ONE_THREAD),
        (Need::Own, "it is not an executor"),
        (Need::Bare, "it is not an executor"),
        (Need::Teardown, "it is not an executor"),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Floor;

thread_local! {
    static QUEUE: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

fn schedule(runnable: Runnable) {
    QUEUE.with_borrow_mut(|queue| queue.push_back(runnable));
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // Ordering: Relaxed, one thread sets it and reads it.
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Peer for Floor {
    type Handle<T: Send + 'static> = Task<T>;

    fn start(_threads: usize) {}

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (runnable, task) = async_task::spawn(future, schedule);
        runnable.schedule();
        task
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future).detach();
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            // Ordering: Relaxed, one thread sets it and reads it.
            if woken.0.load(Ordering::Relaxed) {
                woken.0.store(false, Ordering::Relaxed);
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return output;
                }
            }
            if let Some(runnable) = QUEUE.with_borrow_mut(VecDeque::pop_front) {
                runnable.run();
            }
        }
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: Task<T>) -> impl Future<Output = Option<T>> + Send {
        handle.cancel()
    }

    fn abort<T: Send + 'static>(handle: Task<T>) {
        drop(handle);
    }
}
