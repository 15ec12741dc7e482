//! The wait group from outside: one binary, a module per situation.
//!
//! `suite` runs on several runtimes; `runtimes` says which, and how to add one. The other modules
//! poll by hand, with wakers that count, panic or re-enter the group.

mod auto_traits;
#[cfg(feature = "std")]
mod blocking;
mod bounded;
mod cancellation;
mod children;
mod completion;
mod joining;
mod runtimes;
mod suite;
mod support;
#[cfg(feature = "trace")]
mod trace;
mod tracking;
mod wakers;
