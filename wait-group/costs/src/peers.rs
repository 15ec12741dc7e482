//! The peers, and how each does what is measured.

use std::convert::Infallible;
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;

pub type Waiting<'a> = Pin<&'a mut dyn Future<Output = ()>>;
pub type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// A wait group, or what comes closest.
pub trait Peer: 'static {
    const NAME: &'static str;
    type Group: Send + Sync;
    type Worker: Send;
    /// What more waiters can be made from without being a worker.
    type Source;

    fn group() -> Self::Group;
    fn worker(group: &Self::Group) -> Self::Worker;

    /// Says that the worker is done.
    fn done(worker: Self::Worker) {
        drop(worker);
    }

    /// Gives up the group's own handle; `None` if the peer cannot be awaited.
    fn source(group: Self::Group) -> Option<Self::Source>;

    /// Hands `f` a future that waits for the workers.
    fn wait<R>(source: &Self::Source, f: impl FnOnce(Waiting<'_>) -> R) -> R;

    /// A waiter to be kept among others.
    fn waiter(source: &Self::Source) -> Boxed<'_>;
}

/// Not a wait group: the floor for a clone and a drop.
pub struct Plain;

impl Peer for Plain {
    const NAME: &'static str = "std Arc";
    type Group = Arc<u64>;
    type Worker = Arc<u64>;
    type Source = Infallible;

    fn group() -> Arc<u64> {
        Arc::new(1)
    }

    fn worker(group: &Arc<u64>) -> Arc<u64> {
        Arc::clone(group)
    }

    fn source(_group: Self::Group) -> Option<Infallible> {
        None
    }

    fn wait<R>(source: &Infallible, _f: impl FnOnce(Waiting<'_>) -> R) -> R {
        match *source {}
    }

    fn waiter(source: &Infallible) -> Boxed<'_> {
        match *source {}
    }
}

pub struct Rejoin;

impl Peer for Rejoin {
    const NAME: &'static str = "rejoin";
    type Group = rejoin_wait_group::WaitGroup;
    type Worker = rejoin_wait_group::WaitGroup;
    type Source = rejoin_wait_group::Wait;

    fn group() -> Self::Group {
        rejoin_wait_group::WaitGroup::new()
    }

    fn worker(group: &Self::Group) -> Self::Worker {
        group.clone()
    }

    fn source(group: Self::Group) -> Option<Self::Source> {
        Some(group.wait())
    }

    fn wait<R>(source: &Self::Source, f: impl FnOnce(Waiting<'_>) -> R) -> R {
        f(pin!(source.clone()))
    }

    fn waiter(source: &Self::Source) -> Boxed<'_> {
        Box::pin(source.clone())
    }
}

pub struct Asyncband;

impl Peer for Asyncband {
    const NAME: &'static str = "asyncband";
    type Group = asyncband::waitgroup::WaitGroup;
    type Worker = asyncband::waitgroup::WaitGroup;
    type Source = asyncband::waitgroup::Wait;

    fn group() -> Self::Group {
        asyncband::waitgroup::WaitGroup::new()
    }

    fn worker(group: &Self::Group) -> Self::Worker {
        group.clone()
    }

    fn source(group: Self::Group) -> Option<Self::Source> {
        Some(group.into_future())
    }

    fn wait<R>(source: &Self::Source, f: impl FnOnce(Waiting<'_>) -> R) -> R {
        f(pin!(source.clone()))
    }

    fn waiter(source: &Self::Source) -> Boxed<'_> {
        Box::pin(source.clone())
    }
}

pub struct Wg;

impl Peer for Wg {
    const NAME: &'static str = "wg";
    type Group = wg::future::WaitGroup;
    type Worker = wg::future::WaitGroup;
    type Source = wg::future::WaitGroup;

    fn group() -> Self::Group {
        wg::future::WaitGroup::new()
    }

    // The count does not follow the handles: a worker is a handle and an `add`.
    fn worker(group: &Self::Group) -> Self::Worker {
        group.add(1)
    }

    fn done(worker: Self::Worker) {
        worker.done();
    }

    fn source(group: Self::Group) -> Option<Self::Source> {
        Some(group)
    }

    fn wait<R>(source: &Self::Source, f: impl FnOnce(Waiting<'_>) -> R) -> R {
        f(pin!(source.wait()))
    }

    fn waiter(source: &Self::Source) -> Boxed<'_> {
        Box::pin(source.wait())
    }
}

pub struct Crossbeam;

impl Peer for Crossbeam {
    const NAME: &'static str = "crossbeam";
    type Group = crossbeam_utils::sync::WaitGroup;
    type Worker = crossbeam_utils::sync::WaitGroup;
    type Source = Infallible;

    fn group() -> Self::Group {
        crossbeam_utils::sync::WaitGroup::new()
    }

    fn worker(group: &Self::Group) -> Self::Worker {
        group.clone()
    }

    fn source(_group: Self::Group) -> Option<Infallible> {
        None
    }

    fn wait<R>(source: &Infallible, _f: impl FnOnce(Waiting<'_>) -> R) -> R {
        match *source {}
    }

    fn waiter(source: &Infallible) -> Boxed<'_> {
        match *source {}
    }
}

pub struct Tracker;

impl Peer for Tracker {
    const NAME: &'static str = "TaskTracker";
    type Group = tokio_util::task::TaskTracker;
    type Worker = tokio_util::task::task_tracker::TaskTrackerToken;
    type Source = tokio_util::task::TaskTracker;

    fn group() -> Self::Group {
        tokio_util::task::TaskTracker::new()
    }

    fn worker(group: &Self::Group) -> Self::Worker {
        group.token()
    }

    fn source(group: Self::Group) -> Option<Self::Source> {
        group.close();
        Some(group)
    }

    fn wait<R>(source: &Self::Source, f: impl FnOnce(Waiting<'_>) -> R) -> R {
        f(pin!(source.wait()))
    }

    fn waiter(source: &Self::Source) -> Boxed<'_> {
        Box::pin(source.wait())
    }
}
