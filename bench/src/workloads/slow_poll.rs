//! What happens to ready tasks while another task computes for 20 ms without a yield: how long until
//! they start, although a worker is idle.

use super::common::{Bell, Latch, spin_for};
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use crate::statistics::quantile;
use futures_lite::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const NEEDS: &[Need] = &[Need::General, Need::Workers, Need::Two];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "slow-poll/wake",
        Family::SlowPoll,
        general!(wake),
        "a task wakes another and then computes 20 ms: delay until the other runs",
    )
    .needs(NEEDS),
    Row::new(
        "slow-poll/spawn",
        Family::SlowPoll,
        general!(spawn),
        "a task spawns another and then computes 20 ms: delay until the other runs",
    )
    .needs(NEEDS)
    .parameter(1),
    Row::new(
        "slow-poll/spawn/8",
        Family::SlowPoll,
        general!(spawn),
        "a task spawns eight others and then computes 20 ms: delay until the last of them runs",
    )
    .needs(NEEDS)
    .parameter(8),
    Row::new(
        "slow-poll/outside",
        Family::SlowPoll,
        general!(outside),
        "a task computes 20 ms while a thread spawns another: delay until that runs",
    )
    .needs(NEEDS),
    Row::new(
        "slow-poll/block-on/wake",
        Family::SlowPoll,
        general!(block_on_wake),
        "a thread in block_on wakes a task and then computes 20 ms: delay until that runs",
    )
    .needs(NEEDS),
    Row::new(
        "slow-poll/block-on/spawn",
        Family::SlowPoll,
        general!(block_on_spawn),
        "a thread in block_on spawns a task and then computes 20 ms: delay until that runs",
    )
    .needs(NEEDS),
];

const SLOW: Duration = Duration::from_millis(20);

/// Repeats `once`, which returns a delay in nanoseconds, on a pool that has fallen asleep before: five times, or as
/// often as `--iterations` says.
fn repeat(session: &mut Session, mut once: impl FnMut(Duration) -> u64) {
    let (times, slow) = session.pick((5, SLOW), (1, Duration::from_millis(1)));
    let times = session.iterations().unwrap_or(times);
    let delays: Vec<f64> = (0..times)
        .map(|_| {
            thread::sleep(Duration::from_millis(2));
            once(slow) as f64
        })
        .collect();
    session.record("p50", "ns", quantile(&delays, 0.5));
    session.record("p99", "ns", quantile(&delays, 0.99));
    session.record("max", "ns", quantile(&delays, 1.0));
}

/// When something was made ready, and how long the last of those took to run.
#[derive(Default)]
struct Delay {
    base: Option<Instant>,
    ready_at: AtomicU64,
    longest: AtomicU64,
}

impl Delay {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Some(Instant::now()),
            ..Self::default()
        })
    }

    fn now(&self) -> u64 {
        self.base.expect("set when made").elapsed().as_nanos() as u64
    }

    fn ready(&self) {
        self.ready_at.store(self.now(), Ordering::Release);
    }

    fn runs(&self) {
        let delay = self
            .now()
            .saturating_sub(self.ready_at.load(Ordering::Acquire));
        self.longest.fetch_max(delay, Ordering::AcqRel);
    }
}

/// A task that waits for `bell`.
fn waiting<P: Peer>(delay: &Arc<Delay>, bell: &Arc<Bell>) -> P::Handle<()> {
    let waits = Arc::new(Bell::default());
    let (delay, bell, rings) = (Arc::clone(delay), Arc::clone(bell), Arc::clone(&waits));
    let task = P::spawn_outside(async move {
        rings.ring();
        bell.heard().await;
        delay.runs();
    });
    future::block_on(waits.heard());
    // Long enough for the poll that rang to be over.
    thread::sleep(Duration::from_millis(1));
    task
}

fn wake<P: Peer>(session: &mut Session) {
    repeat(session, |slow| {
        let (delay, bell) = (Delay::new(), Arc::new(Bell::default()));
        let woken = waiting::<P>(&delay, &bell);
        let slow_task = {
            let (delay, bell) = (Arc::clone(&delay), Arc::clone(&bell));
            P::spawn_outside(async move {
                delay.ready();
                bell.ring();
                spin_for(slow);
            })
        };
        future::block_on(slow_task);
        future::block_on(woken);
        delay.longest.load(Ordering::Acquire)
    });
}

fn spawn<P: Peer>(session: &mut Session) {
    let others = session.parameter();
    repeat(session, |slow| {
        let (delay, latch) = (Delay::new(), Arc::new(Latch::new(others)));
        let slow_task = {
            let (delay, latch) = (Arc::clone(&delay), Arc::clone(&latch));
            P::spawn_outside(async move {
                delay.ready();
                for _ in 0..others {
                    let (delay, latch) = (Arc::clone(&delay), Arc::clone(&latch));
                    P::detach(async move {
                        delay.runs();
                        latch.count_down();
                    });
                }
                spin_for(slow);
            })
        };
        future::block_on(slow_task);
        future::block_on(latch.wait());
        delay.longest.load(Ordering::Acquire)
    });
}

fn outside<P: Peer>(session: &mut Session) {
    repeat(session, |slow| {
        let (delay, begun) = (Delay::new(), Arc::new(Bell::default()));
        let slow_task = {
            let begun = Arc::clone(&begun);
            P::spawn_outside(async move {
                begun.ring();
                spin_for(slow);
            })
        };
        future::block_on(begun.heard());
        delay.ready();
        let other = {
            let delay = Arc::clone(&delay);
            P::spawn_outside(async move { delay.runs() })
        };
        future::block_on(slow_task);
        future::block_on(other);
        delay.longest.load(Ordering::Acquire)
    });
}

fn block_on_wake<P: Peer>(session: &mut Session) {
    repeat(session, |slow| {
        let (delay, bell) = (Delay::new(), Arc::new(Bell::default()));
        let woken = waiting::<P>(&delay, &bell);
        P::block_on(async {
            delay.ready();
            bell.ring();
            spin_for(slow);
        });
        future::block_on(woken);
        delay.longest.load(Ordering::Acquire)
    });
}

fn block_on_spawn<P: Peer>(session: &mut Session) {
    repeat(session, |slow| {
        let (delay, latch) = (Delay::new(), Arc::new(Latch::new(1)));
        P::block_on(async {
            delay.ready();
            let (delay, latch) = (Arc::clone(&delay), Arc::clone(&latch));
            P::detach(async move {
                delay.runs();
                latch.count_down();
            });
            spin_for(slow);
        });
        future::block_on(latch.wait());
        delay.longest.load(Ordering::Acquire)
    });
}
