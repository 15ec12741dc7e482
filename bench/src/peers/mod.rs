//! The executors that are compared, behind one trait.
//!
//! Everything is generic, nothing is boxed, and a peer is a type without fields: what it needs lies
//! in a static of its own, so that no task carries a handle that its users would not carry. One
//! process runs one peer.

#[macro_use]
mod dispatch;
mod rejoin;
mod rejoin_instance;
mod ladder;
mod async_executor;
mod async_executor_static;
mod async_std;
mod floor;
mod futures_concurrency;
mod futures_pool;
mod futures_unordered;
mod groups;
mod nexosim;
mod nio;
mod smol;
mod smolscale;
mod tokio;
mod tokio_current;

pub(crate) use self::ladder::{LadderV1, LadderV2, LadderV3, LadderV4, LadderV5};
pub(crate) use self::{
    async_executor::AsyncExecutor, async_executor_static::AsyncExecutorStatic, async_std::AsyncStd,
    floor::Floor, futures_concurrency::Concurrency, futures_pool::FuturesPool,
    futures_unordered::Unordered, groups::Groups, nexosim::Nexosim, nio::Nio, rejoin::Rejoin,
    rejoin_instance::RejoinInstance, smol::Smol, smolscale::Smolscale, tokio::Tokio,
    tokio_current::TokioCurrent,
};

/// An executor with workers, tasks that spawn, and handles to await.
pub(crate) trait Peer: 'static {
    /// What `spawn` returns. Dropping it may cancel the task or not; no row relies on either.
    type Handle<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Starts the executor that the functions below use. Called once, first.
    fn start(threads: usize);

    /// Spawns from inside: in a task or in `block_on`.
    fn spawn<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Spawns from a thread that the executor does not know.
    fn spawn_outside<F>(future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::spawn(future)
    }

    /// Spawns from inside and lets go of the task.
    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// The same from a thread that the executor does not know.
    fn detach_outside<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::detach(future);
    }

    /// Spawns all of `futures` from inside, in bulk where the peer offers that.
    fn spawn_many<F, I>(futures: I, handles: &mut Vec<Self::Handle<F::Output>>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
        I: IntoIterator<Item = F>,
    {
        handles.extend(futures.into_iter().map(Self::spawn));
    }

    /// Drives `future` on the main thread, as the peer's docs recommend for it.
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send;

    /// Lets other tasks run.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Cancels the task and waits until it is gone: its output if it was faster.
    fn cancel<T: Send + 'static>(handle: Self::Handle<T>)
    -> impl Future<Output = Option<T>> + Send;

    /// Asks the task to stop and does not wait.
    fn abort<T: Send + 'static>(handle: Self::Handle<T>);
}

/// An executor that a program can have several of, and drop.
pub(crate) trait Owned: Peer {
    /// One instance with its threads. Dropping it ends them, and the tasks that are left.
    type Own: Send + Sync + 'static;

    /// A new instance with that many workers; with none for the peers that can run without.
    fn own(threads: usize) -> Self::Own;

    /// Spawns from outside into `own` and lets go of the task.
    fn detach_on<F>(own: &Self::Own, future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Spawns into `own` and awaits on the calling thread.
    fn run_on<F>(own: &Self::Own, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;
}

/// An executor that can at least run a set of tasks that wake each other until all are done.
pub(crate) trait Messages: 'static {
    fn start(threads: usize);

    /// Spawns `futures` and returns when the last has finished.
    fn run_all<F>(futures: Vec<F>)
    where
        F: Future<Output = ()> + Send + 'static;
}

impl<P: Peer> Messages for P {
    fn start(threads: usize) {
        <P as Peer>::start(threads);
    }

    fn run_all<F>(futures: Vec<F>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        P::block_on(async {
            let mut handles = Vec::with_capacity(futures.len());
            P::spawn_many(futures, &mut handles);
            for handle in handles {
                handle.await;
            }
        });
    }
}

/// What a row asks of a peer beyond passing messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Tasks that spawn, handles to await, wakes from any thread.
    General,
    /// Threads of its own, which run tasks while the main thread does something else.
    Workers,
    /// A thread may block inside `block_on` while the workers run what it spawned.
    BlockInside,
    /// A task that yields lets others run, and does not only starve them politely.
    Fair,
    /// Cancelling with an answer.
    Cancel,
    /// Asking a task to stop.
    Abort,
    /// Instances, created and dropped.
    Own,
    /// Dropping an instance drops the tasks that wait in it.
    Teardown,
    /// An instance without threads.
    Bare,
    /// Two workers and more.
    Two,
    /// A group of tasks or futures that is awaited, stopped and limited as one.
    Group,
    /// Not an executor's row at all: the price of the machine.
    Machine,
}

/// What the report says about a peer, and what it cannot run.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) name: &'static str,
    /// The package in Cargo.lock.
    pub(crate) package: &'static str,
    /// Whether it may be called the best peer of a row: general-purpose and multi-threaded.
    pub(crate) is_general: bool,
    /// Each need that it does not meet, and why.
    pub(crate) lacks: &'static [(Need, &'static str)],
    /// The environment variable that sets its threads, for those that are set so.
    pub(crate) threads_variable: Option<&'static str>,
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Rejoin,
    RejoinInstance,
    LadderV1,
    LadderV2,
    LadderV3,
    LadderV4,
    LadderV5,
    Tokio,
    TokioCurrent,
    AsyncExecutor,
    AsyncExecutorStatic,
    Smol,
    AsyncStd,
    FuturesPool,
    Smolscale,
    Nio,
    Nexosim,
    Floor,
    FuturesUnordered,
    FuturesConcurrency,
}

impl Id {
    pub(crate) const ALL: &[Id] = &[
        Id::Rejoin,
        Id::RejoinInstance,
        Id::LadderV1,
        Id::LadderV2,
        Id::LadderV3,
        Id::LadderV4,
        Id::LadderV5,
        Id::Tokio,
        Id::TokioCurrent,
        Id::AsyncExecutor,
        Id::AsyncExecutorStatic,
        Id::Smol,
        Id::AsyncStd,
        Id::FuturesPool,
        Id::Smolscale,
        Id::Nio,
        Id::Nexosim,
        Id::Floor,
        Id::FuturesUnordered,
        Id::FuturesConcurrency,
    ];

    /// Whether it takes part only when it is named.
    pub(crate) fn is_extra(self) -> bool {
        matches!(
            self,
            Id::LadderV1 | Id::LadderV2 | Id::LadderV3 | Id::LadderV4 | Id::LadderV5
        )
    }

    pub(crate) fn info(self) -> &'static Info {
        match self {
            Id::Rejoin => &rejoin::INFO,
            Id::RejoinInstance => &rejoin_instance::INFO,
            Id::LadderV1 => &ladder::V1,
            Id::LadderV2 => &ladder::V2,
            Id::LadderV3 => &ladder::V3,
            Id::LadderV4 => &ladder::V4,
            Id::LadderV5 => &ladder::V5,
            Id::Tokio => &tokio::INFO,
            Id::TokioCurrent => &tokio_current::INFO,
            Id::AsyncExecutor => &async_executor::INFO,
            Id::AsyncExecutorStatic => &async_executor_static::INFO,
            Id::Smol => &smol::INFO,
            Id::AsyncStd => &async_std::INFO,
            Id::FuturesPool => &futures_pool::INFO,
            Id::Smolscale => &smolscale::INFO,
            Id::Nio => &nio::INFO,
            Id::Nexosim => &nexosim::INFO,
            Id::Floor => &floor::INFO,
            Id::FuturesUnordered => &futures_unordered::INFO,
            Id::FuturesConcurrency => &futures_concurrency::INFO,
        }
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.info().name == name)
    }

    /// Why this peer cannot run a row with these needs and so many workers, if it cannot.
    pub(crate) fn lacks(self, needs: &[Need], threads: usize) -> Option<&'static str> {
        if needs.contains(&Need::Two) && threads < 2 {
            return Some("needs two workers");
        }
        if needs.contains(&Need::Machine) && self != Id::Floor {
            return Some("not an executor's row");
        }
        let holds_futures = matches!(self, Id::FuturesUnordered | Id::FuturesConcurrency);
        if needs.contains(&Need::Group) {
            let has_groups = holds_futures || matches!(self, Id::Rejoin | Id::Tokio);
            return (!has_groups).then_some("has no groups of its own");
        }
        if holds_futures {
            return Some("not an executor");
        }
        if self == Id::Smolscale && !smolscale::can_have(threads) {
            return Some("has one worker or one per core, nothing between");
        }
        let lacks = self.info().lacks;
        lacks
            .iter()
            .find(|(need, _)| needs.contains(need))
            .map(|&(_, why)| why)
    }
}
