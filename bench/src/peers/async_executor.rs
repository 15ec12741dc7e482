//! async-executor's `Executor`: a static one with threads that run it, as in its docs and benches.

use super::{Info, Owned, Peer};
use async_channel::Sender;
use async_executor::{Executor, Task};
use futures_lite::future;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

pub(super) const INFO: Info = Info {
    name: "async-executor",
    package: "async-executor",
    is_general: true,
    lacks: &[],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct AsyncExecutor;

static EXECUTOR: Executor<'static> = Executor::new();

impl Peer for AsyncExecutor {
    type Handle<T: Send + 'static> = Task<T>;

    fn start(threads: usize) {
        for _ in 0..threads {
            thread::spawn(|| future::block_on(EXECUTOR.run(future::pending::<()>())));
        }
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        EXECUTOR.spawn(future).detach();
    }

    fn spawn_many<F, I>(futures: I, handles: &mut Vec<Task<F::Output>>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
        I: IntoIterator<Item = F>,
    {
        EXECUTOR.spawn_many(futures, handles);
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        future::block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        future::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: Task<T>) -> impl Future<Output = Option<T>> + Send {
        handle.cancel()
    }

    fn abort<T: Send + 'static>(handle: Task<T>) {
        drop(handle);
    }
}

/// An executor and its threads, which end when the channel closes.
#[derive(Debug)]
pub(crate) struct Own {
    executor: Arc<Executor<'static>>,
    stop: Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Owned for AsyncExecutor {
    type Own = Own;

    fn own(threads: usize) -> Own {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = async_channel::bounded(1);
        let threads = (0..threads)
            .map(|_| {
                let (executor, stopped) = (Arc::clone(&executor), stopped.clone());
                thread::spawn(move || {
                    // The channel closes; there is no message.
                    let _ = future::block_on(executor.run(stopped.recv()));
                })
            })
            .collect();
        Own {
            executor,
            stop,
            threads,
        }
    }

    fn detach_on<F>(own: &Own, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        own.executor.spawn(future).detach();
    }

    fn run_on<F>(own: &Own, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = own.executor.spawn(future);
        if own.threads.is_empty() {
            future::block_on(own.executor.run(task))
        } else {
            future::block_on(task)
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.stop.close();
        for thread in self.threads.drain(..) {
            thread.join().expect("a worker does not panic");
        }
    }
}
