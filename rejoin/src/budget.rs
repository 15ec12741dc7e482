//! Gives way when a poll has gone on for long, counted in steps.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::current::spend_budget;

/// So many steps a poll may take.
const BUDGET: u32 = 128;

/// A step of a loop that may never have to wait: ready at once, but lets others run after some steps in one poll.
///
/// A future that awaits gives way when what it awaits is not ready. A loop over a channel that is always full, a
/// stream that is always ahead or a lock that is always free awaits all the time and never gives way: what waits
/// behind its task on the same thread waits for as long. With this in the loop it yields once in 128 steps of one poll, as
/// [`yield_now`](crate::yield_now) does, and else does nothing.
///
/// The steps are counted per poll of a task, in whatever loops: several loops in one poll share them. When
/// the task had to wait for something anyway, it begins anew, and no turn is given away in vain. On other executors than ours
/// steps of several tasks may be counted together, and then one yields sooner.
///
/// No clock is read: 128 steps of a microsecond are a poll that nobody minds. A loop whose steps take a millisecond
/// gives way at each, by [`yield_now`](crate::yield_now); what takes longer belongs in
/// [`spawn_blocking`](crate::spawn_blocking).
///
/// # Cost
///
/// A look at a plain cell of the thread and a store to it. Tasks that never ask pay nothing.
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, consume_budget, spawn};
///
/// let (give, take) = async_channel::unbounded();
/// for n in 0..10_000_u64 {
///     give.try_send(n).unwrap();
/// }
/// drop(give);
/// let sum = spawn(async move {
///     let mut sum = 0;
///     while let Ok(n) = take.recv().await {
///         sum += n;
///         consume_budget().await; // the channel alone would never let others run
///     }
///     sum
/// });
/// assert_eq!(block_on(sum), 49_995_000);
/// ```
pub fn consume_budget() -> ConsumeBudget {
    ConsumeBudget { yielded: false }
}

/// The future of [`consume_budget`].
///
/// # Examples
///
/// ```
/// let step: rejoin::ConsumeBudget = rejoin::consume_budget();
/// rejoin::block_on(step);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct ConsumeBudget {
    yielded: bool,
}

impl Future for ConsumeBudget {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded || spend_budget(BUDGET) {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
