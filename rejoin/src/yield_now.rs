//! Lets others run first.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives way once: the task goes to the back of its worker's queue, and the others there run first; if more than a hundred
/// wait that came from outside, those as well.
///
/// A future that computes for long between two waits can call this now and then, so that its
/// neighbours get their turn; a million times a second is too often, once a millisecond is plenty.
///
/// # Cost
///
/// No allocation, and no lock but behind such a crowd; a yield of a lone task wakes no other worker.
///
/// # Examples
///
/// ```
/// rejoin::block_on(async {
///     let sum = rejoin::spawn(async {
///         let mut sum = 0_u64;
///         for part in 0..10 {
///             sum += part;
///             rejoin::yield_now().await;
///         }
///         sum
///     });
///     assert_eq!(sum.await, 45);
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
///
/// # Examples
///
/// ```
/// let turn: rejoin::YieldNow = rejoin::yield_now();
/// rejoin::block_on(turn);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
