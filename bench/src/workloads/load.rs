//! What low load costs: CPU time and context switches, not time.

use super::common::{Bell, TEN_MICROSECONDS, compute, sleep_exactly, time_in_task};
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use crate::usage::Usage;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const NEEDS: &[Need] = &[Need::General, Need::Workers];
const LOAD: &str = "a thread sends messages at a fixed rate through four tasks and their async-channels; each computes five microseconds, so many percent of all workers' time together; the driver's own share is left out";

pub(super) const ROWS: &[Row] = &[
    Row::new("load/messages/5", Family::Load, general!(messages_at), LOAD)
        .needs(NEEDS)
        .parameter(5),
    Row::new(
        "load/messages/10",
        Family::Load,
        general!(messages_at),
        LOAD,
    )
    .needs(NEEDS)
    .parameter(10),
    Row::new(
        "load/messages/20",
        Family::Load,
        general!(messages_at),
        LOAD,
    )
    .needs(NEEDS)
    .parameter(20),
    Row::new(
        "load/handlers",
        Family::Load,
        general!(handlers),
        "16 connections at full load: each asks 200 times, and a task of its own computes two microseconds for the answer; CPU time beside",
    ),
    Row::new(
        "load/idle",
        Family::Load,
        general!(idle),
        "a pool that has worked and has nothing to do: CPU time and context switches per second",
    )
    .needs(NEEDS),
];

/// Tasks that a message passes.
const STAGES: usize = 4;

fn messages_at<P: Peer>(session: &mut Session) {
    let arrived = Arc::new(AtomicUsize::new(0));
    let (inlet, mut last) = async_channel::unbounded::<u64>();
    for _ in 0..STAGES - 1 {
        let (next, after) = async_channel::unbounded();
        let before = std::mem::replace(&mut last, after);
        P::detach_outside(async move {
            while let Ok(message) = before.recv().await {
                compute(TEN_MICROSECONDS / 2);
                next.send(message + 1)
                    .await
                    .expect("the next stage outlives this one");
            }
        });
    }
    {
        let (arrived, done) = (Arc::clone(&arrived), last);
        P::detach_outside(async move {
            while let Ok(message) = done.recv().await {
                compute(TEN_MICROSECONDS / 2);
                assert_eq!(message, STAGES as u64 - 1);
                // Ordering: Release, read by the driver.
                arrived.fetch_add(1, Ordering::Release);
            }
        });
    }

    let load = session.parameter() as f64 / 100.0;
    let busy_per_message = 5e-6 * STAGES as f64;
    let gap = Duration::from_secs_f64(busy_per_message / (load * session.threads() as f64));
    let warm_up = session.pick(Duration::from_millis(30), Duration::ZERO);
    sleep_exactly();
    drive(&inlet, gap, warm_up, &arrived, 0);
    let before = arrived.load(Ordering::Acquire);
    let (process, driver) = (Usage::of_process(), Usage::of_thread());
    let window = session.pick(Duration::from_millis(300), Duration::from_millis(5));
    drive(&inlet, gap, window, &arrived, before);
    let (all, own) = (Usage::of_process() - process, Usage::of_thread() - driver);
    let messages = (arrived.load(Ordering::Acquire) - before) as f64;
    session.record("cpu", "ns/message", (all.cpu - own.cpu) / messages);
    session.record(
        "switches",
        "1/message",
        (all.switches - own.switches) / messages,
    );
}

/// Sends a message every `gap` for as long as `window` and waits until all have arrived. Where the
/// clock wakes it late it catches up.
fn drive(
    inlet: &async_channel::Sender<u64>,
    gap: Duration,
    window: Duration,
    arrived: &AtomicUsize,
    before: usize,
) {
    let (start, mut sent) = (Instant::now(), 0);
    while gap * sent < window {
        while gap * sent <= start.elapsed() {
            inlet.try_send(0).expect("the first stage listens");
            sent += 1;
        }
        thread::sleep((gap * sent).saturating_sub(start.elapsed()));
    }
    // Ordering: Acquire, partner of the Release of the last stage.
    while arrived.load(Ordering::Acquire) < before + sent as usize {
        thread::sleep(Duration::from_micros(100));
    }
}

fn handlers<P: Peer>(session: &mut Session) {
    let (connections, requests) = session.pick((16, 200), (4, 5));
    let expected = compute(TEN_MICROSECONDS / 5);
    time_in_task::<P, _, _>(session, connections * requests, move || async move {
        let connections: Vec<_> = (0..connections)
            .map(|_| {
                P::spawn(async move {
                    for _ in 0..requests {
                        let answer = P::spawn(async { compute(TEN_MICROSECONDS / 5) }).await;
                        assert_eq!(answer, expected);
                    }
                })
            })
            .collect();
        for connection in connections {
            connection.await;
        }
    });
}

fn idle<P: Peer>(session: &mut Session) {
    // Something to do first: every worker has been awake, and a task still waits.
    let bell = Arc::new(Bell::default());
    {
        let bell = Arc::clone(&bell);
        P::detach_outside(async move { bell.heard().await });
    }
    let handles: Vec<_> = (0..1_000)
        .map(|index| P::spawn_outside(async move { index }))
        .collect();
    let sum = P::block_on(async {
        let mut sum = 0;
        for handle in handles {
            sum += handle.await;
        }
        sum
    });
    assert_eq!(sum, 999 * 1_000 / 2);
    thread::sleep(session.pick(Duration::from_millis(100), Duration::from_millis(1)));

    let window = session.pick(Duration::from_millis(300), Duration::from_millis(1));
    let (process, driver) = (Usage::of_process(), Usage::of_thread());
    thread::sleep(window);
    let (all, own) = (Usage::of_process() - process, Usage::of_thread() - driver);
    let seconds = window.as_secs_f64();
    // The driver's own sleep is in both and falls out; what is left below zero is the clock's grain.
    session.record("cpu", "ns/s", (all.cpu - own.cpu).max(0.0) / seconds);
    session.record(
        "switches",
        "1/s",
        (all.switches - own.switches).max(0.0) / seconds,
    );
    bell.ring();
}
