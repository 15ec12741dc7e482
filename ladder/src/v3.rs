//! The third step: a `JoinHandle` without a second allocation.
//!
//! A task's memory has room for its output: the future is gone when the output comes, so one can lie
//! where the other was. The handle is a second reference to the same memory. It leaves its waker there
//! (the *awaiter*), takes the output from there, once, and whoever of the two is last frees it.
//!
//! That is [`async_task::Task`]. We change one thing about it: dropping it would cancel the task; ours
//! detaches, as [`std::thread::JoinHandle`] does.
//!
//! # What it costs
//!
//! One allocation. A fire-and-forget spawn pays one atomic operation for the detach.
//!
//! # What it lacks
//!
//! A panic still ends the thread, though the one who awaits hears of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use async_task::{Runnable, Task};

use crate::shared_queue::SharedQueue;

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
    /// use rejoin_ladder::{block_on, v3::Executor};
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
        let queue = self.queue;
        let (runnable, task) = async_task::spawn(future, move |runnable| queue.push(runnable));
        runnable.schedule();
        JoinHandle(Some(task))
    }

    /// How often something went through the shared queue.
    pub fn shared_pushes(&self) -> u64 {
        self.queue.pushes()
    }
}

/// Awaits the output of a task, and panics if the task did.
#[derive(Debug)]
pub struct JoinHandle<T>(Option<Task<T>>);

impl<T> JoinHandle<T> {
    /// Cancels the task and waits until its future is gone; its output if it was faster.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, v3::Executor};
    ///
    /// let handle = Executor::start(1).spawn(std::future::pending::<()>());
    /// assert_eq!(block_on(handle.cancel()), None);
    /// ```
    pub async fn cancel(mut self) -> Option<T> {
        self.0.take()?.cancel().await
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = self.0.as_mut().expect("only a drop and `cancel` take it");
        Pin::new(task).poll(cx)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
