//! The fourth step: a panic stays in its task.
//!
//! A worker that unwinds takes the thread with it, and with the last thread the executor. So the panic is
//! caught around each poll, in a wrapper around the user's future, and becomes the task's output. What
//! the one who awaits gets to see of it is a question of the handle's type:
//!
//! | spawned by | gives | a panic |
//! |---|---|---|
//! | [`spawn`](Executor::spawn) | `T` | is *propagated*: it goes on in whoever awaits |
//! | [`spawn_result`](Executor::spawn_result) | [`thread::Result<T>`] | is *handed out*, as by joining a thread |
//! | [`spawn_ignoring`](Executor::spawn_ignoring) | `Option<T>` | is *ignored*: there is no output |
//!
//! # What it costs
//!
//! To catch what is not thrown costs next to nothing: a landing pad, and sixteen bytes for the payload.
//!
//! # What it lacks
//!
//! A panic in the *drop* of a future or of an output still aborts the process, in `async-task`. rejoin's
//! wrapper drops the future itself, where it catches, too.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
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

    /// Starts `future` as a task whose panic goes on in whoever awaits it. Dropping the handle detaches.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, v4::Executor};
    ///
    /// let executor = Executor::start(1);
    /// drop(executor.spawn(async { panic!("on purpose") }));
    /// assert_eq!(block_on(executor.spawn(async { "the one thread is well" })).len(), 22);
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        JoinHandle(Some(self.start_task(caught(future))))
    }

    /// Starts `future` as a task whose panic is part of its output. Dropping the task cancels it.
    ///
    /// ```
    /// let task = rejoin_ladder::v4::Executor::start(1).spawn_result(async { panic!("on purpose") });
    /// let thrown = rejoin_ladder::block_on(task).unwrap_err();
    /// assert_eq!(thrown.downcast_ref(), Some(&"on purpose"));
    /// ```
    pub fn spawn_result<F>(&self, future: F) -> Task<thread::Result<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.start_task(caught(future))
    }

    /// Starts `future` as a task whose panic means that there is no output.
    pub fn spawn_ignoring<F>(&self, future: F) -> Task<Option<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.start_task(async { caught(future).await.ok() })
    }

    fn start_task<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let queue = self.queue;
        let (runnable, task) = async_task::spawn(future, move |runnable| queue.push(runnable));
        runnable.schedule();
        task
    }

    /// How often something went through the shared queue.
    pub fn shared_pushes(&self) -> u64 {
        self.queue.pushes()
    }
}

/// The output of `future`, or what it threw.
pub(crate) async fn caught<F: Future>(future: F) -> thread::Result<F::Output> {
    let mut future = pin!(future);
    // What a panic has left half-way is in the future, and nobody polls that again.
    let poll =
        |cx: &mut Context<'_>| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(thrown) => Poll::Ready(Err(thrown)),
        };
    poll_fn(poll).await
}

/// Awaits the output of a task. A panic of the task goes on in whoever awaits.
#[derive(Debug)]
pub struct JoinHandle<T>(pub(crate) Option<Task<thread::Result<T>>>);

impl<T> JoinHandle<T> {
    /// Cancels the task and waits until its future is gone; its output if it was faster.
    pub async fn cancel(mut self) -> Option<T> {
        let result = self.0.take()?.cancel().await?;
        Some(result.unwrap_or_else(|thrown| resume_unwind(thrown)))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let task = self.0.as_mut().expect("only a drop and `cancel` take it");
        let result = ready!(Pin::new(task).poll(cx));
        Poll::Ready(result.unwrap_or_else(|thrown| resume_unwind(thrown)))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
