//! Groups: many and all of them awaited, the first error, a limit, what a member weighs.
//!
//! Two of the peers hold bare futures in one task, on one thread: less to pay, and nothing in parallel.

use super::common::{Idle, idle_counts};
use super::{Family, Row};
use crate::peers::{Groups, Need};
use crate::session::Session;
use futures::channel::oneshot;
use futures_lite::future::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "group/spawn_join/10000",
        Family::Group,
        groups!(spawn_join),
        "10,000 members that are ready at once, spawned inside block_on, all awaited, their outputs added up",
    )
    .needs(&[Need::Group])
    .parameter(10_000),
    Row::new(
        "group/first_error/1000",
        Family::Group,
        groups!(first_error),
        "from the word to fail, given to one member, until the group has stopped 1,000 others that wait and all are gone",
    )
    .needs(&[Need::Group])
    .parameter(1_000),
    Row::new(
        "group/limit_100/1000000",
        Family::Group,
        groups!(limit),
        "1,000,000 members that yield once, at most 100 at a time, their outputs added up",
    )
    .needs(&[Need::Group])
    .parameter(1_000_000),
    Row::new(
        "group/memory/100000",
        Family::Group,
        groups!(memory),
        "100,000 members with a future of 24 bytes wait on oneshots that were there before",
    )
    .needs(&[Need::Group])
    .parameter(100_000)
    .counting(),
];

fn spawn_join<P: Groups>(session: &mut Session) {
    let members = session.pick(session.parameter(), 100);
    let expected = (members * (members - 1) / 2) as u64;
    session.time(members, || {
        let futures = (0..members as u64).map(|number| async move { number });
        assert_eq!(P::block_on(P::sum(futures)), expected);
    });
}

fn first_error<P: Groups>(session: &mut Session) {
    /// Counts when it is dropped.
    struct Gone(Arc<AtomicUsize>);

    impl Drop for Gone {
        fn drop(&mut self) {
            // Ordering: Release, read by whoever asks whether all are gone.
            self.0.fetch_add(1, Ordering::Release);
        }
    }

    let members = session.pick(session.parameter(), 10);
    session.time_part(1, || {
        let (waiting, gone) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let (tell, told) = oneshot::channel::<()>();
        let mut told = Some(told);
        let futures = (0..=members).map(|number| {
            let told = if number == members { told.take() } else { None };
            let (waiting, gone) = (Arc::clone(&waiting), Gone(Arc::clone(&gone)));
            async move {
                let _gone = gone;
                // Ordering: Release, read by the one that tells.
                waiting.fetch_add(1, Ordering::Release);
                match told {
                    Some(told) => told.await.map_or(Ok(()), |()| Err(())),
                    None => std::future::pending().await,
                }
            }
        });
        let (began, failed) = P::block_on(async {
            futures::join!(
                async {
                    // Ordering: Acquire, partner of the Release above.
                    while waiting.load(Ordering::Acquire) <= members {
                        yield_now().await;
                    }
                    let began = Instant::now();
                    tell.send(()).expect("somebody listens");
                    began
                },
                P::fails(futures),
            )
        });
        let took = began.elapsed();
        // Ordering: Acquire, partner of the Release in the drop.
        assert!(failed && gone.load(Ordering::Acquire) == members + 1);
        took
    });
}

fn limit<P: Groups>(session: &mut Session) {
    let items = session.pick(session.parameter(), 1_000) as u64;
    session.time(items as usize, || {
        let sum = P::block_on(P::limited(items, 100, |number| async move {
            yield_now().await;
            number
        }));
        assert_eq!(sum, items * (items - 1) / 2);
    });
}

fn memory<P: Groups>(session: &mut Session) {
    let members = session.pick(session.parameter(), 1_000);
    let counts = idle_counts();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..members).map(|_| oneshot::channel()).unzip();
    // Empty or full, its buffer stays until all is measured.
    let mut receivers = receivers.into_iter();
    // Whatever the first group allocates is not the price of a member.
    P::block_on(P::sum([async { 1 }].into_iter()));
    let heap = session.heap();
    let futures = receivers.by_ref().map(|receiver| Idle {
        receiver,
        counts,
        sum: 0,
    });
    // Ordering: Acquire, partner of the Release in `Idle`.
    let begun = || counts.waiting.load(Ordering::Acquire) == members;
    let held = P::block_on(P::hold(futures, begun));
    let heap_after = session.heap();
    let each = |before: u64, after: u64| (after as f64 - before as f64) / members as f64;
    session.record("bytes", "B/member", each(heap.bytes, heap_after.bytes));
    session.record(
        "allocations",
        "1/member",
        each(heap.allocations, heap_after.allocations),
    );
    drop((senders, held));
}
