//! Groups of tasks or futures, behind one trait: rejoin's `TaskGroup`, tokio's `JoinSet`, and what holds
//! futures without an executor. Each is used as its own documentation does.

use super::{Peer, Rejoin, Tokio};
use rejoin::TaskGroup;
use tokio::task::JoinSet;

/// Holds any number of futures that run at the same time.
pub(crate) trait Groups: 'static {
    /// What keeps futures that wait.
    type Held: Send;

    fn start(threads: usize);

    /// Drives `future` on the main thread.
    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send;

    /// Starts all, waits for all, and adds up what they give.
    fn sum<F>(futures: impl Iterator<Item = F> + Send) -> impl Future<Output = u64> + Send
    where
        F: Future<Output = u64> + Send + 'static;

    /// Starts all, stops all when the first gives an error, and returns whether one did when all are gone.
    fn fails<F>(futures: impl Iterator<Item = F> + Send) -> impl Future<Output = bool> + Send
    where
        F: Future<Output = Result<(), ()>> + Send + 'static;

    /// Runs what `make` makes of the numbers up to `items`, at most `limit` at a time, and adds up what it
    /// gives.
    fn limited<F>(
        items: u64,
        limit: usize,
        make: impl Fn(u64) -> F + Send + Sync + 'static,
    ) -> impl Future<Output = u64> + Send
    where
        F: Future<Output = u64> + Send + 'static;

    /// Starts all and keeps them; `begun` says when all were polled once.
    fn hold<F>(
        futures: impl Iterator<Item = F> + Send,
        begun: impl Fn() -> bool + Send + Sync,
    ) -> impl Future<Output = Self::Held> + Send
    where
        F: Future<Output = u64> + Send + 'static;
}

impl Groups for Rejoin {
    type Held = TaskGroup<u64>;

    fn start(threads: usize) {
        <Self as Peer>::start(threads);
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        rejoin::block_on(future)
    }

    async fn sum<F>(futures: impl Iterator<Item = F> + Send) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let group = TaskGroup::new();
        for future in futures {
            group.spawn(future);
        }
        group.join().await.into_iter().sum()
    }

    async fn fails<F>(futures: impl Iterator<Item = F> + Send) -> bool
    where
        F: Future<Output = Result<(), ()>> + Send + 'static,
    {
        let group = TaskGroup::fallible();
        for future in futures {
            group.spawn(future);
        }
        group.try_join().await.is_err()
    }

    async fn limited<F>(
        items: u64,
        limit: usize,
        make: impl Fn(u64) -> F + Send + Sync + 'static,
    ) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let (mut group, mut sum) = (TaskGroup::new().limit(limit), 0);
        for item in 0..items {
            if let Err(full) = group.try_spawn(make(item)) {
                sum += group.next().await.expect("the group is full");
                group.spawn_when_free(full.into_future()).await;
            }
        }
        while let Some(output) = group.next().await {
            sum += output;
        }
        sum
    }

    async fn hold<F>(
        futures: impl Iterator<Item = F> + Send,
        begun: impl Fn() -> bool + Send + Sync,
    ) -> TaskGroup<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let group = TaskGroup::new();
        for future in futures {
            group.spawn(future);
        }
        while !begun() {
            rejoin::yield_now().await;
        }
        group
    }
}

impl Groups for Tokio {
    type Held = JoinSet<u64>;

    fn start(threads: usize) {
        <Self as Peer>::start(threads);
    }

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        <Self as Peer>::block_on(future)
    }

    async fn sum<F>(futures: impl Iterator<Item = F> + Send) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let set: JoinSet<u64> = futures.collect();
        set.join_all().await.into_iter().sum()
    }

    async fn fails<F>(futures: impl Iterator<Item = F> + Send) -> bool
    where
        F: Future<Output = Result<(), ()>> + Send + 'static,
    {
        let mut set: JoinSet<_> = futures.collect();
        while let Some(joined) = set.join_next().await {
            if joined.expect("no task of a row panics").is_err() {
                set.shutdown().await;
                return true;
            }
        }
        false
    }

    async fn limited<F>(
        items: u64,
        limit: usize,
        make: impl Fn(u64) -> F + Send + Sync + 'static,
    ) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let (mut set, mut sum) = (JoinSet::new(), 0);
        for item in 0..items {
            if set.len() == limit {
                let joined = set.join_next().await.expect("the set is full");
                sum += joined.expect("no task of a row panics");
            }
            set.spawn(make(item));
        }
        while let Some(joined) = set.join_next().await {
            sum += joined.expect("no task of a row panics");
        }
        sum
    }

    async fn hold<F>(
        futures: impl Iterator<Item = F> + Send,
        begun: impl Fn() -> bool + Send + Sync,
    ) -> JoinSet<u64>
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let set: JoinSet<u64> = futures.collect();
        while !begun() {
            tokio::task::yield_now().await;
        }
        set
    }
}
