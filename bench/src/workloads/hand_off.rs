//! One task at a time between a thread that waits and a worker that sleeps: what costs is waking
//! threads. Two-peaked by nature; the spread and the context switches say more than the median.

use super::common::Bell;
use super::{Family, Row};
use crate::peers::{Need, Peer};
use crate::session::Session;
use futures_lite::future;
use std::hint::black_box;
use std::sync::Arc;

const NEEDS: &[Need] = &[Need::General, Need::Workers];

/// Hand-offs in one iteration: one alone is too short for the clock.
const HAND_OFFS: usize = 100;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "tokio/spawn",
        Family::HandOff,
        general!(spawn_yielding),
        "one worker; block_on spawns a task that yields once, and awaits it",
    )
    .one_worker(),
    Row::new(
        "tokio/spawn10",
        Family::HandOff,
        general!(spawn_ten_yielding),
        "one worker; block_on spawns ten tasks that yield once, and awaits them",
    )
    .one_worker(),
    Row::new(
        "async-executor/spawn_one",
        Family::HandOff,
        general!(spawn_one),
        "block_on spawns one empty task and awaits it, a new block_on each time",
    ),
    Row::new(
        "block_on/spawn_await",
        Family::HandOff,
        general!(spawn_in_block_on),
        "inside one block_on, 100 times spawn one empty task and await it",
    ),
    Row::new(
        "outside/spawn_await",
        Family::HandOff,
        general!(spawn_outside),
        "a thread of its own spawns one empty task and waits for it with the same foreign block_on for all",
    )
    .needs(NEEDS),
    Row::new(
        "outside/wake_reply",
        Family::HandOff,
        general!(wake_reply),
        "a thread of its own wakes a waiting task by its bare waker and waits for the reply",
    )
    .needs(NEEDS),
];

/// One plus one, and a yield before the answer.
async fn work<P: Peer>() -> usize {
    let sum = 1 + 1;
    P::yield_now().await;
    black_box(sum)
}

fn spawn_yielding<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    session.time(times, || {
        for _ in 0..times {
            assert_eq!(P::block_on(async { P::spawn(work::<P>()).await }), 2);
        }
    });
}

fn spawn_ten_yielding<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    session.time(times * 10, || {
        for _ in 0..times {
            P::block_on(async {
                let handles: Vec<_> = (0..10).map(|_| P::spawn(work::<P>())).collect();
                for handle in handles {
                    assert_eq!(handle.await, 2);
                }
            });
        }
    });
}

fn spawn_one<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    session.time(times, || {
        for index in 0..times {
            assert_eq!(
                P::block_on(async move { P::spawn(async move { index }).await }),
                index
            );
        }
    });
}

fn spawn_in_block_on<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    session.time(times, || {
        P::block_on(async {
            for index in 0..times {
                assert_eq!(P::spawn(async move { index }).await, index);
            }
        });
    });
}

fn spawn_outside<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    session.time(times, || {
        for index in 0..times {
            assert_eq!(
                future::block_on(P::spawn_outside(async move { index })),
                index
            );
        }
    });
}

fn wake_reply<P: Peer>(session: &mut Session) {
    let times = session.pick(HAND_OFFS, 5);
    let (request, reply) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    {
        let (request, reply) = (Arc::clone(&request), Arc::clone(&reply));
        P::detach_outside(async move {
            loop {
                request.heard().await;
                reply.ring();
            }
        });
    }
    session.time(times, || {
        for _ in 0..times {
            request.ring();
            future::block_on(reply.heard());
        }
    });
}
