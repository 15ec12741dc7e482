//! Spawning: from `block_on`, from a task, in a chain, in bulk.

use super::common::{Latch, time_in_task};
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "tokio/spawn_many_local",
        Family::Spawn,
        general!(many_local),
        "10,000 detached tasks spawned inside block_on, which then blocks its thread until the last has run",
    )
    .needs(&[Need::General, Need::Workers, Need::BlockInside]),
    Row::new(
        "tokio/chained_spawn",
        Family::Spawn,
        general!(chained),
        "1,000 tasks, each spawned by the one before: one runnable at a time",
    )
    .needs(&[Need::General, Need::Workers, Need::BlockInside]),
    Row::new(
        "async-executor/spawn_batch",
        Family::Spawn,
        general!(batch),
        "250 tasks that yield once, spawned in bulk where there is an API for it, awaited each round so that none pile up",
    ),
    Row::new(
        "task/spawn_detached",
        Family::Spawn,
        general!(detached),
        "10,000 detached tasks spawned on a worker, which then awaits the last",
    ),
    Row::new(
        "one-worker/spawn_detached",
        Family::Floor,
        general!(detached),
        "the same on one worker, to be held against the floor",
    )
    .one_worker(),
];

fn many_local<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    let (sender, receiver) = mpsc::sync_channel(1000);
    let receiver = Mutex::new(receiver);
    let left = Arc::new(AtomicUsize::new(0));
    session.time(tasks, || {
        left.store(tasks, Relaxed);
        P::block_on(async {
            for _ in 0..tasks {
                let (sender, left) = (sender.clone(), Arc::clone(&left));
                P::detach(async move {
                    if left.fetch_sub(1, Relaxed) == 1 {
                        sender.send(()).expect("the row listens");
                    }
                });
            }
            receiver
                .lock()
                .expect("no row panics")
                .recv()
                .expect("the last task sends");
        });
        assert_eq!(left.load(Relaxed), 0);
    });
}

fn chained<P: Peer>(session: &mut Session) {
    fn link<P: Peer>(done: SyncSender<usize>, left: usize, length: usize) {
        if left == 0 {
            done.send(length).expect("the row listens");
        } else {
            P::detach(async move { link::<P>(done, left - 1, length + 1) });
        }
    }

    let length = session.pick(1_000, 50);
    let (sender, receiver) = mpsc::sync_channel(1000);
    let receiver = Mutex::new(receiver);
    session.time(length, || {
        let sender = sender.clone();
        P::block_on(async {
            P::detach(async move { link::<P>(sender, length, 0) });
            assert_eq!(receiver.lock().expect("no row panics").recv(), Ok(length));
        });
    });
}

fn batch<P: Peer>(session: &mut Session) {
    let tasks = session.pick(250, 50);
    let mut handles = Vec::with_capacity(tasks);
    session.time(tasks, || {
        let awaited = P::block_on(async {
            let futures = (0..tasks).map(|_| async {
                P::yield_now().await;
                1
            });
            P::spawn_many(futures, &mut handles);
            let mut awaited = 0;
            for handle in handles.drain(..) {
                awaited += handle.await;
            }
            awaited
        });
        assert_eq!(awaited, tasks);
    });
}

fn detached<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    time_in_task::<P, _, _>(session, tasks, move || async move {
        let latch = Arc::new(Latch::new(tasks));
        for _ in 0..tasks {
            let latch = Arc::clone(&latch);
            P::detach(async move { latch.count_down() });
        }
        latch.wait().await;
    });
}
