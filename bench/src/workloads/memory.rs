//! What a task weighs while it waits.

use super::common::{Idle, idle_counts};
use super::{Family, Row};
use crate::peers::Peer;
use crate::session::Session;
use crate::usage::resident_bytes;
use futures::channel::oneshot;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

pub(super) const ROWS: &[Row] = &[Row::new(
    "memory/1000000",
    Family::Memory,
    general!(memory),
    "1,000,000 detached tasks with a future of 24 bytes wait on oneshots that were there before",
)
.parameter(1_000_000)
.counting()];

fn memory<P: Peer>(session: &mut Session) {
    let tasks = session.pick(session.parameter(), 1_000);
    let counts = idle_counts();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..tasks).map(|_| oneshot::channel()).unzip();
    // Empty or full, its buffer stays until all is measured.
    let mut receivers = receivers.into_iter();
    // Whatever the first task allocates is not the price of a task.
    P::block_on(async { P::spawn(async {}).await });
    let (heap, resident) = (session.heap(), resident_bytes());
    P::block_on(async {
        for receiver in receivers.by_ref() {
            let idle = Idle {
                receiver,
                counts,
                sum: 0,
            };
            P::detach(Quiet(idle));
        }
        // Ordering: Acquire, partner of the Release in `Idle`.
        while counts.waiting.load(Ordering::Acquire) < tasks {
            P::yield_now().await;
        }
    });
    let (heap_after, resident_after) = (session.heap(), resident_bytes());
    let each = |before: u64, after: u64| (after as f64 - before as f64) / tasks as f64;
    session.record("bytes", "B/task", each(heap.bytes, heap_after.bytes));
    session.record("resident", "B/task", each(resident, resident_after));
    session.record(
        "allocations",
        "1/task",
        each(heap.allocations, heap_after.allocations),
    );
    drop(receivers);
    for sender in senders {
        // A detached task takes no answer back; that all get one is checked by their drops.
        let _ = sender.send(1);
    }
    P::block_on(async {
        while counts.dropped.load(Ordering::Acquire) < tasks {
            P::yield_now().await;
        }
    });
}

/// No output, and not a byte more.
struct Quiet(Idle);

const _: () = assert!(size_of::<Quiet>() == 24);

impl Future for Quiet {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|received| assert_eq!(received, 2))
    }
}
