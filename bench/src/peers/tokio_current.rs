//! tokio's current-thread runtime: everything happens on the main thread, inside `block_on`.

use super::{Info, Need, Owned, Peer, tokio::Joined};
use std::sync::OnceLock;
use tokio::runtime::{self, Runtime};

const ONE_THREAD: &str = "runs only inside block_on, on that thread";

pub(super) const INFO: Info = Info {
    name: "tokio-current-thread",
    package: "tokio",
    is_general: false,
    lacks: &[
        (Need::Workers, ONE_THREAD),
        (Need::BlockInside, ONE_THREAD),
        (Need::Teardown, "the bar is for executors with workers"),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct TokioCurrent;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

impl Peer for TokioCurrent {
    type Handle<T: Send + 'static> = Joined<T>;

    fn start(_threads: usize) {
        RUNTIME.set(Self::own(0)).expect("started once");
    }

    fn spawn<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(tokio::spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(future));
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        RUNTIME.get().expect("started").block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }

    async fn cancel<T: Send + 'static>(handle: Joined<T>) -> Option<T> {
        handle.0.abort();
        handle.0.await.ok()
    }

    fn abort<T: Send + 'static>(handle: Joined<T>) {
        handle.0.abort();
    }
}

impl Owned for TokioCurrent {
    type Own = Runtime;

    fn own(_threads: usize) -> Runtime {
        runtime::Builder::new_current_thread()
            .build()
            .expect("it needs no thread")
    }

    fn detach_on<F>(own: &Runtime, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(own.spawn(future));
    }

    fn run_on<F>(own: &Runtime, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        own.block_on(async { tokio::spawn(future).await.expect("no task of a row panics") })
    }
}
