//! Future to task.

use std::cell::Cell;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use async_task::WithInfo;

use crate::door;
use crate::guest;
use crate::hooks::TaskId;
use crate::join_handle::JoinHandle;
use crate::names::Rare;
use crate::seat::Runnable;
use crate::sync::{Ordering, StaticU64};
use crate::task::{Body, ExecutorId, Meta, Strategy};

/// Ids are taken from the common counter in blocks of so many.
const ID_BLOCK: u64 = 1 << 12;

/// What a task is spawned with.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) executor: ExecutorId,
    pub(crate) tag: u64,
    pub(crate) rare: Option<Arc<Rare>>,
    pub(crate) location: &'static Location<'static>,
}

/// Makes a task out of `future`, and puts it into a queue of its executor. If that executor is gone,
/// the task is cancelled at once.
#[inline]
pub(crate) fn start<F, P>(options: Options, future: F, strategy: P) -> JoinHandle<P::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
    P: Strategy<F::Output, Output: Send> + Send,
{
    let (runnable, handle) = make(options, future, strategy);
    guest::push_new(runnable);
    handle
}

/// Makes a task out of `future`, told to the hooks, for the caller to put into a queue.
#[inline]
pub(crate) fn make<F, P>(
    options: Options,
    future: F,
    strategy: P,
) -> (Runnable, JoinHandle<P::Output>)
where
    F: Future<Output: Send + 'static> + Send + 'static,
    P: Strategy<F::Output, Output: Send> + Send,
{
    let meta = Meta {
        executor: options.executor,
        id: next_id(),
        tag: options.tag,
        location: options.location,
        rare: options.rare,
    };
    let schedule = no_size(WithInfo(door::schedule));
    let (runnable, task) = async_task::Builder::new()
        .metadata(meta)
        .spawn(move |_| Body::new(future, strategy), schedule);
    door::tell_spawn(&runnable);
    (runnable, JoinHandle::new(task))
}

/// A schedule function that captured anything would cost two atomic operations more per schedule.
fn no_size<S>(schedule: S) -> S {
    const { assert!(size_of::<S>() == 0) };
    schedule
}

/// The next id of this thread's block.
#[inline]
pub(crate) fn next_id() -> TaskId {
    thread_local! {
        /// The next id, or where the block ends.
        static NEXT: Cell<u64> = const { Cell::new(0) };
    }
    NEXT.with(|kept| {
        let mut next = kept.get();
        if next % ID_BLOCK == 0 {
            next = new_block();
        }
        kept.set(next + 1);
        TaskId(next)
    })
}

#[cold]
fn new_block() -> u64 {
    static BLOCKS: StaticU64 = StaticU64::new(0);
    // Ordering: Relaxed; only the count matters.
    let first = BLOCKS.fetch_add(1, Ordering::Relaxed) * ID_BLOCK;
    // Id 0 stays free, for whoever wants to say "none".
    first.max(1)
}
