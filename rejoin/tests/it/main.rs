//! The executor from outside: one binary, a module per situation.
//!
//! Tests wait on channels and counters, never on time; a watchdog names the one that hangs. Most run
//! on executors of several sizes: see `support::with_workers`.

#![forbid(unsafe_code)]

mod watchdog;
mod support;
mod spawn;
mod spawn_many;
mod join_handle;
mod cancel;
mod cancel_handle;
mod orders;
mod executor;
mod quiet;
mod shutdown;
mod shutdown_busy;
mod jam;
mod shutdown_report;
mod shutdown_deadline;
mod dropped_where;
mod panic;
mod drops;
mod block_on;
mod blocking;
mod nested;
mod guest;
mod yielding;
mod budget;
mod local;
mod local_cancel;
mod local_end;
mod local_drivers;
mod task_local;
mod fairness;
mod idle;
mod slow_poll;
mod effort;
mod wake;
mod chains;
mod thread_local;
mod hooks;
mod group;
mod group_failure;
mod group_cancel;
mod group_limit;
mod group_nested;
mod interop;
mod auto_traits;
mod sim;
mod races;
