//! Waking: tasks that yield, wake each other, pass a baton.

use super::common::{Bell, time_in_task};
use super::{Family, Row};
use crate::peers::{Messages, Need, Peer};
use crate::session::Session;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::oneshot;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "tokio/yield_many",
        Family::Wake,
        general!(yield_many),
        "200 tasks spawned from outside yield 1,000 times each",
    )
    .needs(&[Need::General, Need::Workers]),
    Row::new(
        "tokio/ping_pong",
        Family::Wake,
        general!(ping_pong),
        "1,000 pairs of tasks, spawned by a task, answer each other over two tokio oneshots",
    )
    .needs(&[Need::General, Need::Workers, Need::BlockInside]),
    Row::new(
        "async-executor/yield_now",
        Family::Wake,
        general!(yield_now),
        "300 tasks spawned inside block_on yield 300 times each",
    ),
    Row::new(
        "async-executor/channels",
        Family::Wake,
        general!(channels),
        "a ring of 300 tasks and block_on, with async-channels of one place, passes 300 messages round",
    ),
    Row::new(
        "ring/baton/1",
        Family::Wake,
        messages!(ring),
        "300 tasks in a ring pass one baton by bare wakers, 100 times round: the executor without a channel",
    )
    .needs(&[])
    .parameter(1),
    Row::new(
        "ring/baton/30",
        Family::Wake,
        messages!(ring),
        "the same 30,000 passes in 30 rings of 10 tasks at once",
    )
    .needs(&[])
    .parameter(30),
    Row::new(
        "one-worker/yield",
        Family::Floor,
        general!(yield_in_task),
        "100 tasks on one worker yield 100 times each, to be held against the floor",
    )
    .one_worker(),
];

fn yield_many<P: Peer>(session: &mut Session) {
    let (tasks, yields) = session.pick((200, 1_000), (10, 10));
    let (sender, receiver) = mpsc::sync_channel(tasks);
    session.time(tasks * yields, || {
        for _ in 0..tasks {
            let sender = sender.clone();
            P::detach_outside(async move {
                let mut done = 0;
                for _ in 0..yields {
                    P::yield_now().await;
                    done += 1;
                }
                sender.send(done).expect("the row listens");
            });
        }
        let done: usize = (0..tasks)
            .map(|_| receiver.recv().expect("each task sends"))
            .sum();
        assert_eq!(done, tasks * yields);
    });
}

fn ping_pong<P: Peer>(session: &mut Session) {
    let pairs = session.pick(1_000, 20);
    let (sender, receiver) = mpsc::sync_channel(1000);
    let receiver = Mutex::new(receiver);
    let left = Arc::new(AtomicUsize::new(0));
    session.time(pairs, || {
        let (sender, left) = (sender.clone(), Arc::clone(&left));
        left.store(pairs, Relaxed);
        P::block_on(async {
            P::detach(async move {
                for _ in 0..pairs {
                    let (sender, left) = (sender.clone(), Arc::clone(&left));
                    P::detach(async move {
                        let (ping, pinged) = oneshot::channel();
                        let (pong, ponged) = oneshot::channel();
                        P::detach(async move {
                            pinged.await.expect("the partner pings");
                            pong.send(()).expect("the partner waits");
                        });
                        ping.send(()).expect("the partner waits");
                        ponged.await.expect("the partner pongs");
                        if left.fetch_sub(1, Relaxed) == 1 {
                            sender.send(()).expect("the row listens");
                        }
                    });
                }
            });
            receiver
                .lock()
                .expect("no row panics")
                .recv()
                .expect("the last pair sends");
        });
    });
    assert_eq!(left.load(Relaxed), 0);
}

fn yield_now<P: Peer>(session: &mut Session) {
    let (tasks, yields) = session.pick((300, 300), (10, 10));
    session.time(tasks * yields, || {
        P::block_on(yield_all::<P>(tasks, yields))
    });
}

fn yield_in_task<P: Peer>(session: &mut Session) {
    let (tasks, yields) = session.pick((100, 100), (10, 10));
    time_in_task::<P, _, _>(session, tasks * yields, move || {
        yield_all::<P>(tasks, yields)
    });
}

async fn yield_all<P: Peer>(tasks: usize, yields: usize) {
    let mut handles = Vec::new();
    for _ in 0..tasks {
        handles.push(P::spawn(async move {
            let mut done = 0;
            for _ in 0..yields {
                P::yield_now().await;
                done += 1;
            }
            done
        }));
    }
    let mut done = 0;
    for handle in handles {
        done += handle.await;
    }
    assert_eq!(done, tasks * yields);
}

fn channels<P: Peer>(session: &mut Session) {
    let (tasks, rounds) = session.pick((300, 300), (10, 10));
    session.time(tasks * rounds, || {
        let passed = P::block_on(async {
            let (first, mut last) = async_channel::bounded(1);
            let mut handles = Vec::new();
            for _ in 0..tasks {
                let (next, after) = async_channel::bounded(1);
                let before = mem::replace(&mut last, after);
                handles.push(P::spawn(async move {
                    for _ in 0..rounds {
                        let passes: usize = before.recv().await.expect("the ring is closed");
                        next.send(passes + 1).await.expect("the ring is closed");
                    }
                }));
            }
            let mut passed = 0;
            for _ in 0..rounds {
                first.send(0).await.expect("the first task listens");
                passed += last.recv().await.expect("the last task sends");
            }
            for handle in handles {
                handle.await;
            }
            passed
        });
        assert_eq!(passed, tasks * rounds);
    });
}

fn ring<M: Messages>(session: &mut Session) {
    let (all_tasks, rounds) = session.pick((300, 100), (60, 3));
    let rings = session.parameter();
    let tasks = all_tasks / rings;
    session.time(all_tasks * rounds, || {
        let passed = Arc::new(AtomicUsize::new(0));
        let mut futures = Vec::with_capacity(all_tasks);
        for _ in 0..rings {
            let bells: Arc<[Bell]> = (0..tasks).map(|_| Bell::default()).collect();
            bells[0].ring();
            for place in 0..tasks {
                let (bells, passed) = (Arc::clone(&bells), Arc::clone(&passed));
                futures.push(async move {
                    for _ in 0..rounds {
                        bells[place].heard().await;
                        bells[(place + 1) % tasks].ring();
                    }
                    passed.fetch_add(rounds, Relaxed);
                });
            }
        }
        M::run_all(futures);
        assert_eq!(passed.load(Relaxed), all_tasks * rounds);
    });
}
