//! rejoin's global executor, with everything on: `rejoin::spawn` everywhere, `rejoin::block_on`.

use super::{Info, Need, Owned, Peer};
use rejoin::{Effort, Executor, JoinHandle};

pub(super) const INFO: Info = Info {
    name: "rejoin",
    package: "rejoin",
    is_general: true,
    lacks: &[(Need::Bare, "an executor always has a worker")],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Rejoin;

impl Peer for Rejoin {
    type Handle<T: Send + 'static> = JoinHandle<T>;

    fn start(threads: usize) {
        Executor::builder()
            .threads(threads)
            .build_global()
            .expect("threads start");
    }

    fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        rejoin::spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(rejoin::spawn(future));
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
        rejoin::block_on(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        rejoin::yield_now()
    }

    fn cancel<T: Send + 'static>(handle: JoinHandle<T>) -> impl Future<Output = Option<T>> + Send {
        handle.cancel()
    }

    fn abort<T: Send + 'static>(handle: JoinHandle<T>) {
        handle.abort();
    }
}

/// What `REJOIN_EFFORT` says, which the global executor reads by itself.
fn effort() -> Effort {
    std::env::var("REJOIN_EFFORT").map_or_else(
        |_| Effort::default(),
        |text| text.parse().expect("REJOIN_EFFORT names an effort"),
    )
}

impl Owned for Rejoin {
    type Own = Executor;

    fn own(threads: usize) -> Executor {
        Executor::builder()
            .threads(threads)
            .effort(effort())
            .build()
            .expect("threads start")
    }

    fn detach_on<F>(own: &Executor, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(own.spawn(future));
    }

    fn run_on<F>(own: &Executor, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        own.block_on(own.spawn(future))
    }
}
