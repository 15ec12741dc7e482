//! futures-concurrency, in one task on futures' own `block_on`: `join` and `try_join` over a vector, a
//! concurrent stream with a limit, `FutureGroup`.

use super::groups::Groups;
use super::{Info, Need};
use futures::stream::{self, Stream};
use futures_concurrency::future::{FutureGroup, Join, TryJoin};
use futures_concurrency::prelude::ConcurrentStream;
use futures_concurrency::stream::StreamExt as _;
use std::future::poll_fn;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

pub(super) const INFO: Info = Info {
    name: "futures-concurrency",
    package: "futures-concurrency",
    is_general: false,
    lacks: &[(Need::Own, "it is not an executor")],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Concurrency;

impl Groups for Concurrency {
    /// Boxed, because the trait's type knows no future.
    type Held = Pin<Box<dyn Stream<Item = u64> + Send>>;

    fn start(_threads: usize) {}

    fn block_on<F>(future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        futures::executor::block_on(future)
    }

    async fn sum<F>(futures: impl Iterator<Item = F> + Send) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let futures: Vec<F> = futures.collect();
        futures.join().await.into_iter().sum()
    }

    async fn fails<F>(futures: impl Iterator<Item = F> + Send) -> bool
    where
        F: Future<Output = Result<(), ()>> + Send + 'static,
    {
        let futures: Vec<F> = futures.collect();
        futures.try_join().await.is_err()
    }

    async fn limited<F>(
        items: u64,
        limit: usize,
        make: impl Fn(u64) -> F + Send + Sync + 'static,
    ) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let (sum, make) = (Arc::new(AtomicU64::new(0)), Arc::new(make));
        let numbers = stream::iter(0..items).co().limit(NonZero::new(limit));
        let total = Arc::clone(&sum);
        numbers
            .for_each(move |item| {
                let (sum, future) = (Arc::clone(&total), make(item));
                async move {
                    // Ordering: Relaxed; read by the same task.
                    sum.fetch_add(future.await, Ordering::Relaxed);
                }
            })
            .await;
        sum.load(Ordering::Relaxed)
    }

    async fn hold<F>(
        futures: impl Iterator<Item = F> + Send,
        begun: impl Fn() -> bool + Send + Sync,
    ) -> Self::Held
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let mut group = Box::pin(FutureGroup::new());
        for future in futures {
            group.as_mut().get_mut().insert(future);
        }
        poll_fn(|context| {
            assert!(group.as_mut().poll_next(context).is_pending());
            if begun() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        group
    }
}
