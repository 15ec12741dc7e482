//! The price of the machine, to hold everything else against.

use super::common::{TEN_MICROSECONDS, compute};
use super::{Family, Row};
use crate::peers::{Id, Need};
use crate::session::Session;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "machine/malloc",
        Family::Machine,
        malloc,
        "64 bytes allocated and freed",
    )
    .needs(&[Need::Machine]),
    Row::new(
        "machine/compute",
        Family::Machine,
        work,
        "what other rows mean by ten microseconds",
    )
    .needs(&[Need::Machine]),
    Row::new(
        "machine/atomic",
        Family::Machine,
        atomic,
        "one uncontended atomic read-modify-write",
    )
    .needs(&[Need::Machine]),
];

const TIMES: usize = 10_000;

fn malloc(_peer: Id, session: &mut Session) {
    session.time(TIMES, || {
        for index in 0..TIMES {
            drop(black_box(Box::new([index as u64; 8])));
        }
    });
}

fn work(_peer: Id, session: &mut Session) {
    let expected = compute(TEN_MICROSECONDS);
    session.time(100, || {
        for _ in 0..100 {
            assert_eq!(compute(TEN_MICROSECONDS), expected);
        }
    });
}

fn atomic(_peer: Id, session: &mut Session) {
    let counter = AtomicUsize::new(0);
    session.time(TIMES, || {
        counter.store(0, Ordering::Relaxed);
        for _ in 0..TIMES {
            black_box(&counter).fetch_add(1, Ordering::AcqRel);
        }
        assert_eq!(counter.load(Ordering::Relaxed), TIMES);
    });
}
