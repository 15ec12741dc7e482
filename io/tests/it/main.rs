//! Sockets and timers from outside: one binary, a module per situation.
//!
//! Tests wait on sockets, channels and counters; only those of timers wait on time. A watchdog names the one that
//! hangs. Most run on executors of several sizes: see `support::with_workers`. What needs a process of its own is in
//! `tests/process`.

#![forbid(unsafe_code)]

mod support;
mod echo;
mod faults;
mod datagrams;
mod timers;
mod side_by_side;
mod busy;
mod auto_traits;
#[cfg(feature = "hyper")]
mod http;

#[path = "../../../rejoin/tests/it/watchdog.rs"]
mod watchdog;
