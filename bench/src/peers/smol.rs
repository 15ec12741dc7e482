//! smol's global executor: `smol::spawn`, `smol::block_on`, its threads set by `SMOL_THREADS`.

use super::{Info, Need, Peer};
use smol::Task;

const GLOBAL: &str = "the global executor is never dropped";

pub(super) const INFO: Info = Info {
    name: "smol",
    package: "smol",
    is_general: true,
    lacks: &[
        (Need::Own, GLOBAL),
        (Need::Teardown, GLOBAL),
        (Need::Bare, GLOBAL),
    ],
    threads_variable: Some("SMOL_THREADS"),
};

#[derive(Debug)]
pub(crate) struct Smol;

impl Peer for Smol {
    type Handle<T: Send + 'static> = Task<T>;

    fn start(_threads: usize) {
        // The first spawn starts the threads.
        smol::block_on(smol::spawn(async {}));
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        smol::spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        smol::spawn(future).detach();
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
