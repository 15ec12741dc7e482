//! From a wake outside to the poll, on an idle, a half busy and a busy executor.

use super::common::{Bell, TEN_MICROSECONDS, compute, sleep_exactly};
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use crate::statistics::quantile;
use futures_lite::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const NEEDS: &[Need] = &[Need::General, Need::Workers];
const LATENCY: &str = "a thread wakes a task every 100 microseconds or so; so many percent of the workers have tasks that compute ten microseconds and yield (100: two a worker)";

pub(super) const ROWS: &[Row] = &[
    Row::new("latency/wake/0", Family::Latency, general!(wake), LATENCY)
        .needs(NEEDS)
        .parameter(0),
    Row::new("latency/wake/50", Family::Latency, general!(wake), LATENCY)
        .needs(NEEDS)
        .parameter(50),
    Row::new("latency/wake/100", Family::Latency, general!(wake), LATENCY)
        .needs(&[Need::General, Need::Workers, Need::Fair])
        .parameter(100),
];

fn wake<P: Peer>(session: &mut Session) {
    let busy_tasks = match session.parameter() {
        0 => 0,
        50 => session.threads().div_ceil(2),
        _ => 2 * session.threads(),
    };
    let busy = Arc::new(AtomicBool::new(true));
    for _ in 0..busy_tasks {
        let busy = Arc::clone(&busy);
        P::detach_outside(async move {
            while busy.load(Ordering::Relaxed) {
                compute(TEN_MICROSECONDS);
                P::yield_now().await;
            }
        });
    }

    let wakes = session.pick(1_000, 10);
    let (request, reply) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    let (base, rung_at) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let listener = {
        let (request, reply, rung_at) = (
            Arc::clone(&request),
            Arc::clone(&reply),
            Arc::clone(&rung_at),
        );
        P::spawn_outside(async move {
            let mut delays = Vec::with_capacity(wakes);
            for _ in 0..wakes {
                request.heard().await;
                let now = base.elapsed().as_nanos() as u64;
                // Ordering: Relaxed, published by the bell.
                delays.push(now.saturating_sub(rung_at.load(Ordering::Relaxed)) as f64);
                reply.ring();
            }
            delays
        })
    };
    sleep_exactly();
    for _ in 0..wakes {
        thread::sleep(Duration::from_micros(100));
        rung_at.store(base.elapsed().as_nanos() as u64, Ordering::Relaxed);
        request.ring();
        future::block_on(reply.heard());
    }
    let delays = future::block_on(listener);
    busy.store(false, Ordering::Relaxed);
    assert_eq!(delays.len(), wakes);
    for (metric, at) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        session.record(metric, "ns", quantile(&delays, at));
    }
}
