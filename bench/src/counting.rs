//! The same program with an allocator that counts. It runs the rows that count memory, and only
//! those: two more atomic operations per allocation would weigh on every time.

#![forbid(unsafe_code)]

use rejoin_bench::Heap;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, process::ExitCode};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    rejoin_bench::main(Some(|| {
        let stats = ALLOCATOR.stats();
        Heap {
            bytes: (stats.bytes_allocated - stats.bytes_deallocated) as u64,
            allocations: stats.allocations as u64,
        }
    }))
}
