//! Fork-join for async code: clone is one more worker, drop is done, await is wait for all.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod group;
mod wait;
#[cfg(feature = "std")]
mod blocking;
#[cfg(feature = "trace")]
mod trace;
mod unit;
mod workers;
mod waiters;
mod slab;
mod unwind;
mod sync;
#[cfg(all(test, rejoin_model))]
mod model;

#[cfg(feature = "std")]
pub use blocking::StillRunning;
pub use group::WaitGroup;
#[cfg(feature = "trace")]
pub use trace::Outstanding;
pub use wait::Wait;
