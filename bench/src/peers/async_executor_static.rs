//! async-executor's `StaticExecutor`, its own fastest: no slab of active tasks behind a lock.

use super::{Info, Need, Peer};
use async_executor::{StaticExecutor, Task};
use futures_lite::future;
use std::thread;

pub(super) const INFO: Info = Info {
    name: "async-executor-static",
    package: "async-executor",
    is_general: true,
    lacks: &[
        (Need::Own, "it is static and never dropped"),
        (Need::Teardown, "it is static and never dropped"),
        (Need::Bare, "it is static and never dropped"),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct AsyncExecutorStatic;

static EXECUTOR: StaticExecutor = StaticExecutor::new();

impl Peer for AsyncExecutorStatic {
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
