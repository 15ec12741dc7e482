//! Spawning and awaiting: many at once, one at a time, recursively, unevenly.

#![allow(
    clippy::manual_async_fn,
    reason = "a task that spawns its own kind is Send only where the signature says so"
)]

use super::common::{TEN_MICROSECONDS, compute, time_in_task};
use super::{Family, Row};
use crate::peers::Peer;
use crate::session::Session;
use futures::FutureExt;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "async-executor/spawn_many_local",
        Family::Join,
        general!(many_local),
        "25,000 light tasks spawned inside block_on and awaited in order",
    ),
    Row::new(
        "async-executor/spawn_recursively",
        Family::Join,
        general!(recursively),
        "300 tasks that each spawn and await a child, 300 deep, through boxed futures",
    ),
    Row::new(
        "fork-join/fib/20",
        Family::Join,
        general!(fork_join),
        "fib(20) without memory: every call is a task, two children spawned and awaited",
    )
    .parameter(20),
    Row::new(
        "skynet/100000",
        Family::Join,
        general!(skynet),
        "a tree of tasks ten wide with 100,000 leaves, whose numbers are summed on the way back; a tenth of the public million",
    )
    .parameter(100_000),
    Row::new(
        "skynet/1000000",
        Family::Join,
        general!(skynet),
        "the same with the public million leaves",
    )
    .parameter(1_000_000)
    .extra(),
    Row::new(
        "task/spawn_await",
        Family::Join,
        general!(one_by_one),
        "10,000 times spawn one task and await it, on a worker",
    ),
    Row::new(
        "task/spawn_many_await",
        Family::Join,
        general!(many_in_task),
        "10,000 tasks spawned on a worker and awaited in order",
    ),
    Row::new(
        "steal/imbalance",
        Family::Join,
        general!(imbalance),
        "one worker spawns 500 tasks of ten microseconds each; the others have to fetch their share",
    ),
];

fn many_local<P: Peer>(session: &mut Session) {
    let tasks = session.pick(25_000, 100);
    session.time(tasks, || {
        let awaited = P::block_on(async {
            let mut handles = Vec::new();
            for index in 0..tasks {
                handles.push(P::spawn(async move { index }));
            }
            let mut sum = 0;
            for handle in handles {
                sum += handle.await;
            }
            sum
        });
        assert_eq!(awaited, tasks * (tasks - 1) / 2);
    });
}

fn recursively<P: Peer>(session: &mut Session) {
    /// The depth that was reached below.
    fn descend<P: Peer>(depth: usize) -> impl Future<Output = usize> + Send + 'static {
        async move {
            if depth == 0 {
                return 0;
            }
            P::spawn(async move { 1 + descend::<P>(depth - 1).boxed().await }).await
        }
    }

    let (tasks, depth) = session.pick((300, 300), (10, 10));
    session.time(tasks * depth, || {
        let reached = P::block_on(async {
            let handles: Vec<_> = (0..tasks).map(|_| P::spawn(descend::<P>(depth))).collect();
            let mut reached = 0;
            for handle in handles {
                reached += handle.await;
            }
            reached
        });
        assert_eq!(reached, tasks * depth);
    });
}

fn fork_join<P: Peer>(session: &mut Session) {
    fn fib<P: Peer>(n: usize) -> impl Future<Output = usize> + Send + 'static {
        async move {
            if n < 2 {
                return n;
            }
            let (left, right) = (P::spawn(fib::<P>(n - 1)), P::spawn(fib::<P>(n - 2)));
            left.await + right.await
        }
    }

    fn plain(n: usize) -> usize {
        if n < 2 {
            n
        } else {
            plain(n - 1) + plain(n - 2)
        }
    }

    let n = session.pick(session.parameter(), 8);
    let expected = plain(n);
    // Two tasks for every call but those with n < 2: fib(n + 1) - 1 forks.
    let tasks = 2 * (plain(n + 1) - 1);
    time_in_task::<P, _, _>(session, tasks, move || async move {
        assert_eq!(fib::<P>(n).await, expected);
    });
}

fn skynet<P: Peer>(session: &mut Session) {
    fn node<P: Peer>(first: usize, leaves: usize) -> impl Future<Output = usize> + Send + 'static {
        async move {
            if leaves == 1 {
                return first;
            }
            let share = leaves / 10;
            let children: Vec<_> = (0..10)
                .map(|child| P::spawn(node::<P>(first + child * share, share)))
                .collect();
            let mut sum = 0;
            for child in children {
                sum += child.await;
            }
            sum
        }
    }

    let leaves = session.pick(session.parameter(), 100);
    time_in_task::<P, _, _>(session, leaves * 10 / 9, move || async move {
        assert_eq!(node::<P>(0, leaves).await, leaves * (leaves - 1) / 2);
    });
}

fn one_by_one<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    time_in_task::<P, _, _>(session, tasks, move || async move {
        let mut sum = 0;
        for index in 0..tasks {
            sum += P::spawn(async move { index }).await;
        }
        assert_eq!(sum, tasks * (tasks - 1) / 2);
    });
}

fn many_in_task<P: Peer>(session: &mut Session) {
    let tasks = session.pick(10_000, 100);
    time_in_task::<P, _, _>(session, tasks, move || async move {
        let handles: Vec<_> = (0..tasks)
            .map(|index| P::spawn(async move { index }))
            .collect();
        let mut sum = 0;
        for handle in handles {
            sum += handle.await;
        }
        assert_eq!(sum, tasks * (tasks - 1) / 2);
    });
}

fn imbalance<P: Peer>(session: &mut Session) {
    let tasks = session.pick(500, 20);
    let expected = compute(TEN_MICROSECONDS);
    time_in_task::<P, _, _>(session, tasks, move || async move {
        let handles: Vec<_> = (0..tasks)
            .map(|_| P::spawn(async { compute(TEN_MICROSECONDS) }))
            .collect();
        for handle in handles {
            assert_eq!(handle.await, expected);
        }
    });
}
