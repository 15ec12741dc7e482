//! Spawning and waking from threads that the executor does not know.

use super::common::{Bell, Latch};
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

const NEEDS: &[Need] = &[Need::General, Need::Workers];
const REMOTE_SPAWN: &str = "so many threads spawn 12,800 empty tasks between them after a barrier, then all are awaited; starting the threads is part of it, as in the public row";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "tokio/spawn_many_remote_idle",
        Family::Remote,
        general!(remote_idle),
        "10,000 empty tasks spawned from outside into an idle pool, then awaited in block_on",
    )
    .needs(NEEDS),
    Row::new(
        "tokio/spawn_many_remote_busy1",
        Family::Remote,
        general!(remote_busy_yielding),
        "the same while two tasks a worker keep it busy, ten microseconds at a time, and yield",
    )
    .needs(&[Need::General, Need::Workers, Need::Fair]),
    Row::new(
        "tokio/spawn_many_remote_busy2",
        Family::Remote,
        general!(remote_busy_spawning),
        "1,000 tasks from outside while a task a worker stalls for ten microseconds and spawns its successor",
    )
    .needs(NEEDS),
    remote_spawn_row("tokio/remote_spawn/1", 1),
    remote_spawn_row("tokio/remote_spawn/2", 2),
    remote_spawn_row("tokio/remote_spawn/4", 4),
    remote_spawn_row("tokio/remote_spawn/8", 8),
    remote_spawn_row("tokio/remote_spawn/16", 16),
    remote_spawn_row("tokio/remote_spawn/32", 32),
    remote_spawn_row("tokio/remote_spawn/64", 64),
    Row::new(
        "outside/wake_many",
        Family::Remote,
        general!(wake_many),
        "1,000 waiting tasks are woken by bare wakers from outside, ten times over, and block_on waits for each round",
    )
    .needs(NEEDS),
];

const fn remote_spawn_row(name: &'static str, threads: usize) -> Row {
    Row::new(name, Family::Remote, general!(remote_spawn), REMOTE_SPAWN)
        .needs(NEEDS)
        .parameter(threads)
}

fn spawn_outside_and_await<P: Peer>(tasks: usize, handles: &mut Vec<P::Handle<usize>>) {
    for index in 0..tasks {
        handles.push(P::spawn_outside(async move { index }));
    }
    let sum = P::block_on(async {
        let mut sum = 0;
        for handle in handles.drain(..) {
            sum += handle.await;
        }
        sum
    });
    assert_eq!(sum, tasks * (tasks - 1) / 2);
}

fn remote_idle<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    let mut handles = Vec::with_capacity(tasks);
    session.time(tasks, || spawn_outside_and_await::<P>(tasks, &mut handles));
}

/// Ten microseconds in which the thread lets others have the core, as tokio's bench does.
fn stall() {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(10) {
        thread::yield_now();
    }
}

fn remote_busy_yielding<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    let mut handles = Vec::with_capacity(tasks);
    let busy = Arc::new(AtomicBool::new(true));
    for _ in 0..2 * session.threads() {
        let busy = Arc::clone(&busy);
        P::detach_outside(async move {
            while busy.load(Relaxed) {
                P::yield_now().await;
                stall();
            }
        });
    }
    session.time(tasks, || spawn_outside_and_await::<P>(tasks, &mut handles));
    busy.store(false, Relaxed);
}

fn remote_busy_spawning<P: Peer>(session: &mut Session) {
    fn chain<P: Peer>(busy: Arc<AtomicBool>) {
        P::detach(async move {
            if busy.load(Relaxed) {
                stall();
                chain::<P>(busy);
            }
        });
    }

    let tasks = session.pick(1_000, 100);
    let mut handles = Vec::with_capacity(tasks);
    let busy = Arc::new(AtomicBool::new(true));
    for _ in 0..session.threads() {
        let busy = Arc::clone(&busy);
        P::detach_outside(async move { chain::<P>(busy) });
    }
    session.time(tasks, || spawn_outside_and_await::<P>(tasks, &mut handles));
    busy.store(false, Relaxed);
}

fn remote_spawn<P: Peer>(session: &mut Session) {
    let threads = session.parameter();
    let tasks = session.pick(12_800, 128) / threads;
    session.time(tasks * threads, || {
        let barrier = Barrier::new(threads);
        let handles: Vec<P::Handle<usize>> = thread::scope(|scope| {
            let spawners: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let mut handles = Vec::with_capacity(tasks);
                        barrier.wait();
                        for _ in 0..tasks {
                            handles.push(P::spawn_outside(async { 1 }));
                        }
                        handles
                    })
                })
                .collect();
            spawners
                .into_iter()
                .flat_map(|spawner| spawner.join().expect("no row panics"))
                .collect()
        });
        let count = P::block_on(async {
            let mut count = 0;
            for handle in handles {
                count += handle.await;
            }
            count
        });
        assert_eq!(count, tasks * threads);
    });
}

fn wake_many<P: Peer>(session: &mut Session) {
    let (tasks, rounds) = session.pick((1_000, 10), (20, 2));
    session.time(tasks * rounds, || {
        let bells: Arc<[Bell]> = (0..tasks).map(|_| Bell::default()).collect();
        let latches: Arc<[Latch]> = (0..rounds).map(|_| Latch::new(tasks)).collect();
        for place in 0..tasks {
            let (bells, latches) = (Arc::clone(&bells), Arc::clone(&latches));
            P::detach_outside(async move {
                for latch in &*latches {
                    bells[place].heard().await;
                    latch.count_down();
                }
            });
        }
        for latch in &*latches {
            bells.iter().for_each(Bell::ring);
            P::block_on(latch.wait());
        }
    });
}
