//! futures' `FuturesUnordered` and `buffer_unordered`, in one task on futures' own `block_on`: no executor,
//! no other thread.

use super::groups::Groups;
use super::{Info, Need};
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

pub(super) const INFO: Info = Info {
    name: "futures-unordered",
    package: "futures",
    is_general: false,
    lacks: &[(Need::Own, "it is not an executor")],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Unordered;

impl Groups for Unordered {
    /// Boxed, because the trait's type knows no future.
    type Held = Box<dyn Stream<Item = u64> + Send + Unpin>;

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
        let mut all: FuturesUnordered<F> = futures.collect();
        let mut sum = 0;
        while let Some(output) = all.next().await {
            sum += output;
        }
        sum
    }

    async fn fails<F>(futures: impl Iterator<Item = F> + Send) -> bool
    where
        F: Future<Output = Result<(), ()>> + Send + 'static,
    {
        let mut all: FuturesUnordered<F> = futures.collect();
        while let Some(output) = all.next().await {
            if output.is_err() {
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
        let mut outputs = stream::iter(0..items).map(make).buffer_unordered(limit);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }

    async fn hold<F>(
        futures: impl Iterator<Item = F> + Send,
        begun: impl Fn() -> bool + Send + Sync,
    ) -> Self::Held
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let mut all: FuturesUnordered<F> = futures.collect();
        poll_fn(|context| {
            assert!(Pin::new(&mut all).poll_next(context).is_pending());
            if begun() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Box::new(all)
    }
}
