//! nio: a thread-per-core runtime; every spawn and wake goes to the worker with the least to do.
//!
//! Its `block_on` runs the future on the first worker, and its tasks are not stolen, so a row that
//! blocks that thread would wait for itself.

use super::{Info, Need, Peer};
use nio::{JoinHandle, Runtime, RuntimeBuilder};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

const NO_SHUTDOWN: &str = "a runtime's threads never end";

pub(super) const INFO: Info = Info {
    name: "nio",
    package: "nio",
    is_general: true,
    lacks: &[
        (
            Need::BlockInside,
            "block_on runs on a worker, whose tasks nobody steals",
        ),
        (Need::Own, NO_SHUTDOWN),
        (Need::Teardown, NO_SHUTDOWN),
        (Need::Bare, NO_SHUTDOWN),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Nio;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

fn runtime() -> &'static Runtime {
    RUNTIME.get().expect("started")
}

pin_project_lite::pin_project! {
    /// nio's handle gives a result; a panicked task ends the row.
    #[derive(Debug)]
    pub(crate) struct Joined<T> {
        #[pin]
        handle: JoinHandle<T>,
    }
}

impl<T> Future for Joined<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.project()
            .handle
            .poll(context)
            .map(|result| result.expect("no task of a row panics"))
    }
}

impl Peer for Nio {
    type Handle<T: Send + 'static> = Joined<T>;

    fn start(threads: usize) {
        let threads = u8::try_from(threads).expect("at most 255 workers");
        let runtime = RuntimeBuilder::new()
            .worker_threads(threads)
            .rt()
            .expect("threads start");
        assert!(RUNTIME.set(runtime).is_ok(), "started once");
    }

    fn spawn<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined {
            handle: nio::spawn(future),
        }
    }

    fn spawn_outside<F>(future: F) -> Joined<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined {
            handle: runtime().spawn(future),
        }
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(nio::spawn(future));
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
        runtime().block_on(|| future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    async fn cancel<T: Send + 'static>(handle: Joined<T>) -> Option<T> {
        handle.handle.abort_handle().abort();
        handle.handle.await.ok()
    }

    fn abort<T: Send + 'static>(handle: Joined<T>) {
        handle.handle.abort_handle().abort();
    }
}
