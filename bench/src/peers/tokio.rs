//! tokio's multi-thread runtime: `tokio::spawn` inside, `Runtime::spawn` outside, default intervals.
//! No I/O or time driver is enabled, so its workers park on a condition variable, which is the
//! fastest it has.

use super::{Info, Need, Owned, Peer};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use tokio::{runtime, runtime::Runtime, task::JoinHandle};

pub(super) const INFO: Info = Info {
    name: "tokio",
    package: "tokio",
    is_general: true,
    lacks: &[(Need::Bare, "a multi-thread runtime always has a worker")],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Tokio;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

fn runtime() -> &'static Runtime {
    RUNTIME.get().expect("started")
}

/// tokio's handle gives a result; a panicked task ends the row.
#[derive(Debug)]
pub(crate) struct Joined<T>(pub(super) JoinHandle<T>);

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|result| result.expect("no task of a row panics"))
    }
}

impl Peer for Tokio {
    type Handle<T: Send + 'static> = Joined<T>;

    fn start(threads: usize) {
        RUNTIME.set(Self::own(threads)).expect("started once");
    }

    fn spawn<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(tokio::spawn(future))
    }

    fn spawn_outside<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(runtime().spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(future));
    }

    fn detach_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(runtime().spawn(future));
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        runtime().block_on(future)
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

impl Owned for Tokio {
    type Own = Runtime;

    fn own(threads: usize) -> Runtime {
        runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .build()
            .expect("threads start")
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
