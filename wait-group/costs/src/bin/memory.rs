//! What a group and its waiters take: bytes and allocations, by counting.

#[allow(dead_code, reason = "the times use more of it")]
#[path = "../peers.rs"]
mod peers;

use std::alloc::System;
use std::task::{Context, Waker};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use peers::{Asyncband, Crossbeam, Peer, Plain, Rejoin, Tracker, Wg};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a peer takes.
struct Memory {
    name: &'static str,
    handle: usize,
    group_bytes: usize,
    group_allocations: usize,
    /// Of a group's first waiter, beside the future itself.
    first_waiter: Option<usize>,
    /// Of each of 1,000 waiters, the boxed futures included.
    per_waiter: Option<f64>,
}

fn memory<P: Peer>() -> Memory {
    const WAITERS: usize = 1000;

    let region = Region::new(ALLOCATOR);
    let group = P::group();
    let stats = region.change();
    let worker = P::worker(&group);
    let mut cx = Context::from_waker(Waker::noop());
    let waiters = P::source(group).map(|source| {
        let first = P::wait(&source, |mut wait| {
            // Bytes, because some peers allocate when the future is made: so from before it was.
            assert!(wait.as_mut().poll(&mut cx).is_pending());
            let change = region.change();
            change.bytes_allocated - stats.bytes_allocated
        });
        let region = Region::new(ALLOCATOR);
        let mut all = Vec::with_capacity(WAITERS);
        let list = region.change().bytes_allocated;
        for _ in 0..WAITERS {
            let mut wait = P::waiter(&source);
            assert!(wait.as_mut().poll(&mut cx).is_pending());
            all.push(wait);
        }
        let change = region.change();
        let held = change.bytes_allocated - change.bytes_deallocated;
        // Reallocations count as both in `stats_alloc`.
        let each = (held - list) as f64 / WAITERS as f64;
        (first, each)
    });
    P::done(worker);
    Memory {
        name: P::NAME,
        handle: size_of::<P::Worker>(),
        group_bytes: stats.bytes_allocated,
        group_allocations: stats.allocations,
        first_waiter: waiters.map(|waiters| waiters.0),
        per_waiter: waiters.map(|waiters| waiters.1),
    }
}

fn main() {
    println!("| | handle | group | allocations | first waiter | each of 1,000 waiters, boxed |");
    println!("|---|---:|---:|---:|---:|---:|");
    let all = [
        memory::<Plain>(),
        memory::<Rejoin>(),
        memory::<Asyncband>(),
        memory::<Wg>(),
        memory::<Crossbeam>(),
        memory::<Tracker>(),
    ];
    for memory in all {
        let first = memory
            .first_waiter
            .map_or("-".to_owned(), |bytes| format!("{bytes} B"));
        let each = memory
            .per_waiter
            .map_or("-".to_owned(), |bytes| format!("{bytes:.0} B"));
        println!(
            "| {} | {} B | {} B | {} | {first} | {each} |",
            memory.name, memory.handle, memory.group_bytes, memory.group_allocations
        );
    }
}
