//! The second step: `async-task` in place of the task made by hand.
//!
//! [`async_task::spawn`] puts state, future and output into one allocation, in code that needs `unsafe`
//! and has been looked at for years. It gives two ends of the task:
//!
//! - a [`Runnable`] is the right to poll the task once. It exists exactly while the task
//!   is scheduled: what were bits in [`v1`](crate::v1) is now a value that is in the queue, or is not.
//! - a [`Task`](async_task::Task) is the way to the output. This step does not use it yet.
//!
//! All that an executor has to bring is a function that puts a runnable into a queue.
//!
//! # What it costs
//!
//! Two allocations: the task, and still the channel for the output. The schedule function captures where
//! the queue is. Such a function has to be kept alive while it runs, which is two atomic operations at
//! each schedule; rejoin's captures nothing, and finds its executor in the task's header.
//!
//! # What it lacks
//!
//! As before: a panic ends the thread, and there is no
//!
//! ```compile_fail,E0599
//! rejoin_ladder::v2::Executor::start(1).spawn(async {}).cancel();
//! ```
//!
//! One thing got worse: a future that nobody can wake any more, and whose task is detached, is not
//! dropped but forgotten. rejoin enters each task that waits into a registry, also for this.

use std::future::Future;
use std::thread;

use async_task::Runnable;
use futures_channel::oneshot;

use crate::shared_queue::SharedQueue;
pub use crate::v1::JoinHandle;

type Queue = SharedQueue<Runnable>;

/// One queue, and threads that never end.
#[derive(Clone, Copy, Debug)]
pub struct Executor {
    queue: &'static Queue,
}

impl Executor {
    /// Starts so many threads, and panics if it cannot.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, v2::Executor};
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
        let queue = self.queue;
        let (runnable, task) = async_task::spawn(future, move |runnable| queue.push(runnable));
        runnable.schedule();
        // Dropping a `Task` would cancel it.
        task.detach();
        JoinHandle(receiver)
    }

    /// How often something went through the shared queue.
    pub fn shared_pushes(&self) -> u64 {
        self.queue.pushes()
    }
}
