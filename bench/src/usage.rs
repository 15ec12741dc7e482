//! What the process has used so far: CPU time, context switches, memory.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::ops::Sub;

/// What the counting allocator has seen.
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    /// Bytes in use, as they were asked for.
    pub bytes: u64,
    /// Allocations made so far.
    pub allocations: u64,
}

/// CPU time and context switches, of a process or of a thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time together, in nanoseconds.
    pub(crate) cpu: f64,
    /// Context switches, wanted and unwanted.
    pub(crate) switches: f64,
}

impl Usage {
    /// Of all threads of this process, those that have ended included.
    pub(crate) fn of_process() -> Self {
        Self::of(UsageWho::RUSAGE_SELF)
    }

    /// Of the calling thread; what a row's own driver thread uses is not the peer's.
    pub(crate) fn of_thread() -> Self {
        Self::of(UsageWho::RUSAGE_THREAD)
    }

    fn of(who: UsageWho) -> Self {
        let usage = getrusage(who).expect("the kernel tells a process what it has used");
        let microseconds =
            usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        Self {
            cpu: microseconds as f64 * 1e3,
            switches: (usage.voluntary_context_switches() + usage.involuntary_context_switches())
                as f64,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu - earlier.cpu,
            switches: self.switches - earlier.switches,
        }
    }
}

/// Bytes of this process that lie in physical memory.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("the kernel reports VmRSS");
    let kilobytes = line
        .split_whitespace()
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    kilobytes.expect("VmRSS is a number of kilobytes") * 1024
}
