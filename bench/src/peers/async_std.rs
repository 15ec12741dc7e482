//! async-std's global executor: `task::spawn`, `task::block_on`, `ASYNC_STD_THREAD_COUNT`.

use super::{Info, Need, Peer};
use async_std::task::{self, JoinHandle};
use futures::FutureExt;

const GLOBAL: &str = "the global executor is never dropped";

pub(super) const INFO: Info = Info {
    name: "async-std",
    package: "async-std",
    is_general: true,
    lacks: &[
        (Need::Own, GLOBAL),
        (Need::Teardown, GLOBAL),
        (Need::Bare, GLOBAL),
    ],
    threads_variable: Some("ASYNC_STD_THREAD_COUNT"),
};

#[derive(Debug)]
pub(crate) struct AsyncStd;

impl Peer for AsyncStd {
    type Handle<T: Send + 'static> = JoinHandle<T>;

    fn start(_threads: usize) {
        // The first spawn starts the threads.
        task::block_on(task::spawn(async {}));
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        task::spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(task::spawn(future));
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        task::block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        task::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: JoinHandle<T>) -> impl Future<Output = Option<T>> + Send {
        handle.cancel()
    }

    fn abort<T: Send + 'static>(handle: JoinHandle<T>) {
        // Its cancel acts when it is first polled.
        let _ = handle.cancel().now_or_never();
    }
}
