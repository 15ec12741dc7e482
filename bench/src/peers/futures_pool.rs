//! futures' `ThreadPool`: `spawn_ok` for tasks on their own, `spawn_with_handle` for the others.

use super::{Info, Need, Owned, Peer};
use futures::executor::{self, ThreadPool};
use futures::future::RemoteHandle;
use futures::task::SpawnExt;
use std::sync::OnceLock;

pub(super) const INFO: Info = Info {
    name: "futures-pool",
    package: "futures-executor",
    is_general: true,
    lacks: &[
        (
            Need::Fair,
            "polls a task that yields again at once, so as many as there are workers starve the rest",
        ),
        (
            Need::Cancel,
            "dropping the handle cancels, and nothing says when",
        ),
        (Need::Teardown, "waiting tasks keep their pool alive"),
        (Need::Bare, "a pool always has a thread"),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct FuturesPool;

static POOL: OnceLock<ThreadPool> = OnceLock::new();

fn pool() -> &'static ThreadPool {
    POOL.get().expect("started")
}

impl Peer for FuturesPool {
    type Handle<T: Send + 'static> = RemoteHandle<T>;

    fn start(threads: usize) {
        POOL.set(Self::own(threads)).expect("started once");
    }

    fn spawn<F>(future: F) -> RemoteHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        pool()
            .spawn_with_handle(future)
            .expect("the pool never ends")
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        pool().spawn_ok(future);
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        executor::block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    async fn cancel<T: Send + 'static>(handle: RemoteHandle<T>) -> Option<T> {
        drop(handle);
        None
    }

    fn abort<T: Send + 'static>(handle: RemoteHandle<T>) {
        drop(handle);
    }
}

impl Owned for FuturesPool {
    type Own = ThreadPool;

    fn own(threads: usize) -> ThreadPool {
        ThreadPool::builder()
            .pool_size(threads)
            .create()
            .expect("threads start")
    }

    fn detach_on<F>(own: &ThreadPool, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        own.spawn_ok(future);
    }

    fn run_on<F>(own: &ThreadPool, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        executor::block_on(own.spawn_with_handle(future).expect("the pool is alive"))
    }
}
