//! What several rows are made of: signals between tasks without a channel's weight, work of a known
//! size, timing inside a task.

use crate::peers::Peer;
use crate::session::Session;
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use std::future::poll_fn;
use std::hint::{black_box, spin_loop};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Lets one task wait until a number of events have happened.
#[derive(Debug, Default)]
pub(super) struct Latch {
    left: AtomicUsize,
    waiter: AtomicWaker,
}

impl Latch {
    pub(super) fn new(events: usize) -> Self {
        Self {
            left: AtomicUsize::new(events),
            waiter: AtomicWaker::new(),
        }
    }

    pub(super) fn count_down(&self) {
        // Ordering: AcqRel, so that the last event follows all others, and the waiter's Acquire load
        // sees what they wrote.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiter.wake();
        }
    }

    pub(super) fn wait(&self) -> impl Future<Output = ()> + Send + '_ {
        poll_fn(|context| {
            self.waiter.register(context.waker());
            // Ordering: Acquire, see `count_down`.
            if self.left.load(Ordering::Acquire) == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }
}

/// Wakes one task, again and again; rings that it has not heard yet add up.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rings: AtomicUsize,
    waiter: AtomicWaker,
}

impl Bell {
    pub(super) fn ring(&self) {
        // Ordering: Release, read by the Acquire in `heard`.
        self.rings.fetch_add(1, Ordering::Release);
        self.waiter.wake();
    }

    /// Waits for one ring.
    pub(super) fn heard(&self) -> impl Future<Output = ()> + Send + '_ {
        poll_fn(|context| {
            if self.take() {
                return Poll::Ready(());
            }
            self.waiter.register(context.waker());
            if self.take() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }

    /// One task listens, so nobody else lowers the count between the load and the subtraction.
    fn take(&self) -> bool {
        // Ordering: Acquire, partner of the Release in `ring`.
        if self.rings.load(Ordering::Acquire) == 0 {
            return false;
        }
        // Ordering: Relaxed, the load above has synchronized.
        self.rings.fetch_sub(1, Ordering::Relaxed);
        true
    }
}

/// The future of the memory rows: 24 bytes that wait on a oneshot and count their first poll and
/// their drop.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) receiver: oneshot::Receiver<u64>,
    pub(super) counts: &'static IdleCounts,
    pub(super) sum: u64,
}

const _: () = assert!(size_of::<Idle>() == 24);

#[derive(Debug, Default)]
pub(super) struct IdleCounts {
    pub(super) waiting: AtomicUsize,
    pub(super) dropped: AtomicUsize,
}

impl Future for Idle {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        if self.sum == 0 {
            self.sum = 1;
            // Ordering: Release, read by whoever waits for all to wait.
            self.counts.waiting.fetch_add(1, Ordering::Release);
        }
        Pin::new(&mut self.receiver)
            .poll(context)
            .map(|received| self.sum + received.unwrap_or(0))
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // Ordering: Release, read by whoever waits for all to be gone.
        self.counts.dropped.fetch_add(1, Ordering::Release);
    }
}

/// Counters for one set of [`Idle`] futures. Leaked: eight bytes in each future instead of an `Arc`.
pub(super) fn idle_counts() -> &'static IdleCounts {
    Box::leak(Box::default())
}

/// Steps of [`compute`] that take about ten microseconds on a core of 3 to 4 GHz; the row
/// `machine/compute` says how long they take here. The same work everywhere, not the same time.
pub(super) const TEN_MICROSECONDS: u32 = 7_000;

/// A chain of steps that depend on each other and have no closed form.
pub(super) fn compute(steps: u32) -> u64 {
    let mut value = u64::from(black_box(steps));
    for _ in 0..steps {
        value = (value ^ (value >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    black_box(value)
}

/// Keeps the core for so long.
pub(super) fn spin_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}

/// Lets the calling thread's sleeps end when they are due, not 50 microseconds later.
pub(super) fn sleep_exactly() {
    // Elsewhere than on Linux the sleeps are what they are, for every peer alike.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// Times `iteration` on a worker, inside a task, so that the way in and out is not counted.
pub(super) fn time_in_task<P, F, Fut>(session: &mut Session, operations: usize, iteration: F)
where
    P: Peer,
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let plan = session.plan();
    let timings = P::block_on(async { P::spawn(plan.run_async(iteration)).await });
    session.record_time(operations, &timings);
}
