//! The first step: a task made by hand.
//!
//! A task is a future that knows how to get into the queue, and a state, in which a wake finds out
//! whether it has to put it there.
//!
//! # What it costs
//!
//! Three allocations per task: the task, the boxed future, the channel for the output. Every spawn and
//! every wake takes the one lock of the one queue.
//!
//! # What it lacks
//!
//! A panic ends the thread. A task cannot be cancelled:
//!
//! ```compile_fail,E0599
//! rejoin_ladder::v1::Executor::start(1).spawn(async {}).cancel();
//! ```
//!
//! And the executor never ends, which is so on every step but the last: rejoin.

pub(crate) mod state;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread;

use futures_channel::oneshot;

use self::state::State;
use crate::shared_queue::SharedQueue;

type Queue = SharedQueue<Arc<Task>>;

struct Task {
    state: State,
    /// Nobody ever waits for this lock: the state lets one thread in. It is there for the compiler.
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queue: &'static Queue,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if self.state.wake() {
            self.queue.push(self);
        }
    }
}

impl Task {
    /// Polls the future once.
    fn run(self: Arc<Self>) {
        self.state.begin();
        let waker = Waker::from(Arc::clone(&self));
        let mut place = self.future.lock().expect("what panicked is not run again");
        let future = place.as_mut().expect("what has finished is not run again");
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            // It stays RUNNING, so that no waker that is left over schedules it.
            Poll::Ready(()) => *place = None,
            Poll::Pending => {
                drop(place);
                if self.state.end() {
                    self.queue.push(self);
                }
            }
        }
    }
}

/// One queue, and threads that never end.
#[derive(Clone, Copy, Debug)]
pub struct Executor {
    queue: &'static Queue,
}

impl Executor {
    /// Starts so many threads, and panics if it cannot.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, v1::Executor};
    ///
    /// let executor = Executor::start(2);
    /// assert_eq!(block_on(executor.spawn(async { 6 * 7 })), 42);
    /// ```
    pub fn start(threads: usize) -> Self {
        let queue: &Queue = Box::leak(Box::new(Queue::new()));
        for _ in 0..threads {
            thread::spawn(|| {
                loop {
                    queue.pop().run();
                }
            });
        }
        Self { queue }
    }

    /// Starts `future` as a task. Dropping the handle detaches it.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let future = async move {
            // An error means that nobody waits for it any more.
            let _ = sender.send(future.await);
        };
        self.queue.push(Arc::new(Task {
            state: State::scheduled(),
            future: Mutex::new(Some(Box::pin(future))),
            queue: self.queue,
        }));
        JoinHandle(receiver)
    }

    /// How often something went through the shared queue.
    pub fn shared_pushes(&self) -> u64 {
        self.queue.pushes()
    }
}

/// Awaits the output of a task, and panics if the task did.
#[derive(Debug)]
pub struct JoinHandle<T>(pub(crate) oneshot::Receiver<T>);

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let received = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(received.expect("the awaited task panicked"))
    }
}
