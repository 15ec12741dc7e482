//! An executor of one's own with rejoin: `Executor::spawn` from outside, `rejoin::spawn` inside.

use super::{Info, Need, Owned, Peer, rejoin::Rejoin};
use rejoin::{Executor, JoinHandle};
use std::sync::OnceLock;

pub(super) const INFO: Info = Info {
    name: "rejoin-instance",
    package: "rejoin",
    is_general: true,
    lacks: &[(Need::Bare, "an executor always has a worker")],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct RejoinInstance;

static EXECUTOR: OnceLock<Executor> = OnceLock::new();

fn executor() -> &'static Executor {
    EXECUTOR.get().expect("started")
}

impl Peer for RejoinInstance {
    type Handle<T: Send + 'static> = JoinHandle<T>;

    fn start(threads: usize) {
        EXECUTOR.set(Self::own(threads)).expect("started once");
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        rejoin::spawn(future)
    }

    fn spawn_outside<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        executor().spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(rejoin::spawn(future));
    }

    fn detach_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(executor().spawn(future));
    }

    fn spawn_many<F, I>(futures: I, handles: &mut Vec<JoinHandle<F::Output>>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
        I: IntoIterator<Item = F>,
    {
        handles.append(&mut rejoin::spawn_many(futures));
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        executor().block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        rejoin::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: JoinHandle<T>) -> impl Future<Output = Option<T>> + Send {
        Rejoin::cancel(handle)
    }

    fn abort<T: Send + 'static>(handle: JoinHandle<T>) {
        Rejoin::abort(handle);
    }
}

impl Owned for RejoinInstance {
    type Own = Executor;

    fn own(threads: usize) -> Executor {
        Rejoin::own(threads)
    }

    fn detach_on<F>(own: &Executor, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Rejoin::detach_on(own, future);
    }

    fn run_on<F>(own: &Executor, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Rejoin::run_on(own, future)
    }
}
