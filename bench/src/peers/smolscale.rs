//! smolscale: `smolscale::spawn`; it balances by a monitor thread instead of stealing.
//!
//! Its `block_on` wants a `'static` future and wraps it for tokio, so the main thread uses the
//! `block_on` underneath.

use super::{Info, Need, Peer};
use smol::Task;
use std::thread;

const GLOBAL: &str = "the global executor is never dropped";

pub(super) const INFO: Info = Info {
    name: "smolscale",
    package: "smolscale",
    is_general: true,
    lacks: &[
        (Need::Own, GLOBAL),
        (Need::Teardown, GLOBAL),
        (Need::Bare, GLOBAL),
    ],
    threads_variable: None,
};

/// Whether it can be run with so many workers: it has as many as there are cores, or one.
pub(super) fn can_have(threads: usize) -> bool {
    threads == 1 || thread::available_parallelism().is_ok_and(|cores| cores.get() == threads)
}

#[derive(Debug)]
pub(crate) struct Smolscale;

impl Peer for Smolscale {
    type Handle<T: Send + 'static> = Task<T>;

    fn start(threads: usize) {
        if threads == 1 {
            smolscale::permanently_single_threaded();
        }
        smol::block_on(smolscale::spawn(async {}));
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        smolscale::spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        smolscale::spawn(future).detach();
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        smol::block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: Task<T>) -> impl Future<Output = Option<T>> + Send {
        handle.cancel()
    }

    fn abort<T: Send + 'static>(handle: Task<T>) {
        drop(handle);
    }
}
