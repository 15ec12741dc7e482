//! The ends: cancelling tasks, dropping an executor full of them, and its beginning.

use super::common::{Bell, Idle, idle_counts};
use super::{Family, Row};
use crate::measure::Plan;
use crate::peers::{Need, Owned, Peer};
use crate::session::Session;
use futures::channel::oneshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "cancel/one_by_one",
        Family::Teardown,
        general!(cancel_one_by_one),
        "a task cancels 1,000 waiting tasks, one after the other, and awaits the end of each",
    )
    .needs(&[Need::General, Need::Cancel]),
    Row::new(
        "cancel/all",
        Family::Teardown,
        general!(cancel_all),
        "a task asks 1,000 waiting tasks to stop and awaits the drop of the last future",
    )
    .needs(&[Need::General, Need::Abort]),
    Row::new(
        "teardown/1000000",
        Family::Teardown,
        owned!(teardown),
        "an executor is dropped in which 1,000,000 tasks wait on oneshots; their futures are gone when it returns",
    )
    .needs(&[Need::General, Need::Own, Need::Teardown])
    .parameter(1_000_000),
    Row::new(
        "create/workers",
        Family::Teardown,
        owned!(create),
        "an executor with its workers is created, runs one task and is dropped",
    )
    .needs(&[Need::General, Need::Own, Need::Workers])
    .parameter(1),
    Row::new(
        "async-executor/create",
        Family::Teardown,
        owned!(create),
        "an executor without threads is created, runs one task on the calling thread and is dropped",
    )
    .needs(&[Need::General, Need::Own, Need::Bare]),
];

/// Rings when the future that owns it is dropped.
struct Farewell {
    left: Arc<AtomicUsize>,
    bell: Arc<Bell>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        // Ordering: AcqRel, the last drop follows all others.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.bell.ring();
        }
    }
}

/// Tasks that have all been polled once and wait for ever.
async fn waiting_tasks<P: Peer>(tasks: usize) -> (Vec<P::Handle<()>>, Arc<AtomicUsize>, Arc<Bell>) {
    let (left, bell) = (Arc::new(AtomicUsize::new(tasks)), Arc::new(Bell::default()));
    let waiting = Arc::new(AtomicUsize::new(0));
    let handles = (0..tasks)
        .map(|_| {
            let farewell = Farewell {
                left: Arc::clone(&left),
                bell: Arc::clone(&bell),
            };
            let (waiting, forever) = (Arc::clone(&waiting), Bell::default());
            P::spawn(async move {
                let _farewell = farewell;
                // Ordering: Release, read below.
                waiting.fetch_add(1, Ordering::Release);
                forever.heard().await;
            })
        })
        .collect();
    // Ordering: Acquire, partner of the Release above.
    while waiting.load(Ordering::Acquire) < tasks {
        P::yield_now().await;
    }
    (handles, left, bell)
}

fn cancel_one_by_one<P: Peer>(session: &mut Session) {
    let (tasks, plan) = (session.pick(1_000, 20), session.plan());
    let iteration = move || async move {
        let (handles, left, _) = waiting_tasks::<P>(tasks).await;
        let start = Instant::now();
        for handle in handles {
            assert_eq!(P::cancel(handle).await, None);
        }
        let took = start.elapsed();
        assert_eq!(left.load(Ordering::Acquire), 0);
        took
    };
    let timings = P::block_on(async { P::spawn(plan.run_timed_async(iteration)).await });
    session.record_time(tasks, &timings);
}

fn cancel_all<P: Peer>(session: &mut Session) {
    let (tasks, plan) = (session.pick(1_000, 20), session.plan());
    let iteration = move || async move {
        let (handles, left, bell) = waiting_tasks::<P>(tasks).await;
        let start = Instant::now();
        handles.into_iter().for_each(P::abort);
        bell.heard().await;
        let took = start.elapsed();
        assert_eq!(left.load(Ordering::Acquire), 0);
        took
    };
    let timings = P::block_on(async { P::spawn(plan.run_timed_async(iteration)).await });
    session.record_time(tasks, &timings);
}

fn teardown<P: Owned>(session: &mut Session) {
    let tasks = session.pick(session.parameter(), 1_000);
    let own = P::own(session.threads());
    let counts = idle_counts();
    let mut senders = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        let (sender, receiver) = oneshot::channel();
        senders.push(sender);
        let idle = Idle {
            receiver,
            counts,
            sum: 0,
        };
        P::detach_on(&own, async move {
            idle.await;
        });
    }
    // Ordering: Acquire, partner of the Release in `Idle`.
    while counts.waiting.load(Ordering::Acquire) < tasks {
        thread::sleep(Duration::from_millis(1));
    }
    let mut own = Some(own);
    let timings = Plan::once().run(|| drop(own.take()));
    assert_eq!(counts.dropped.load(Ordering::Acquire), tasks);
    session.record_time(tasks, &timings);
    drop(senders);
}

fn create<P: Owned>(session: &mut Session) {
    let threads = session.parameter() * session.threads();
    let times = session.pick(10, 2);
    session.time(times, || {
        for _ in 0..times {
            let own = P::own(threads);
            assert_eq!(P::run_on(&own, async { 6 * 7 }), 42);
        }
    });
}
