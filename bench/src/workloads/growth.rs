//! How the price of a task grows with their number: held against the floor at the same number.

use super::common::{Idle, idle_counts};
use super::{Family, Row};
use crate::peers::Peer;
use crate::session::Session;
use futures::channel::oneshot;
use std::sync::atomic::Ordering;
use std::time::Instant;

const GROWTH: &str = "so many tasks are spawned on a worker, wait on oneshots, are woken and awaited; each phase by itself";

pub(super) const ROWS: &[Row] = &[
    growth_row("growth/1", 1),
    growth_row("growth/10", 10),
    growth_row("growth/100", 100),
    growth_row("growth/1000", 1_000),
    growth_row("growth/10000", 10_000),
    growth_row("growth/100000", 100_000),
    growth_row("growth/1000000", 1_000_000),
    growth_row("growth/10000000", 10_000_000),
];

const fn growth_row(name: &'static str, tasks: usize) -> Row {
    Row::new(name, Family::Growth, general!(growth), GROWTH)
        .parameter(tasks)
        .extra()
}

/// Nanoseconds per task of each phase.
#[derive(Clone, Copy, Default)]
struct Phases {
    spawn: f64,
    wake: f64,
    join: f64,
}

fn growth<P: Peer>(session: &mut Session) {
    let tasks = session.pick(session.parameter(), session.parameter().min(1_000));
    // Small numbers are repeated until there is something to measure.
    let times = session.pick((100_000 / tasks).max(1), 1);
    let phases = P::block_on(async {
        P::spawn(async move {
            let mut sum = Phases::default();
            for _ in 0..times {
                let phases = once::<P>(tasks).await;
                sum.spawn += phases.spawn;
                sum.wake += phases.wake;
                sum.join += phases.join;
            }
            sum
        })
        .await
    });
    let per_task = (times * tasks) as f64;
    session.record("spawn", "ns/task", phases.spawn / per_task);
    session.record("wake", "ns/task", phases.wake / per_task);
    session.record("join", "ns/task", phases.join / per_task);
    session.record(
        "all",
        "ns/task",
        (phases.spawn + phases.wake + phases.join) / per_task,
    );
}

async fn once<P: Peer>(tasks: usize) -> Phases {
    let counts = idle_counts();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..tasks).map(|_| oneshot::channel()).unzip();
    let mut handles = Vec::with_capacity(tasks);
    let start = Instant::now();
    for receiver in receivers {
        handles.push(P::spawn(Idle {
            receiver,
            counts,
            sum: 0,
        }));
    }
    // Ordering: Acquire, partner of the Release in `Idle`.
    while counts.waiting.load(Ordering::Acquire) < tasks {
        P::yield_now().await;
    }
    let spawned = Instant::now();
    for sender in senders {
        sender.send(1).expect("every task waits");
    }
    let woken = Instant::now();
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    let joined = Instant::now();
    assert_eq!(sum, 2 * tasks as u64);
    Phases {
        spawn: (spawned - start).as_nanos() as f64,
        wake: (woken - spawned).as_nanos() as f64,
        join: (joined - woken).as_nanos() as f64,
    }
}
