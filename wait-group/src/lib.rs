//! Fork-join for async code: clone is one more worker, drop is done, await is wait for all.
//!
//! ```
//! use rejoin_wait_group::WaitGroup;
//!
//! # smol::block_on(async {
//! let group = WaitGroup::new();
//! for part in 0..4 {
//!     let worker = group.clone(); // one more worker
//!     smol::spawn(async move {
//!         println!("part {part}");
//!         drop(worker); // done, as it would be after a panic or a cancellation
//!     })
//!     .detach();
//! }
//! group.await; // all of them are done, and all they wrote is visible
//! # });
//! ```
//!
//! It works with every executor, with plain threads, with both at once, and without std. It has no
//! unsafe code and, by default, no dependency.
//!
//! - [`WaitGroup`] is a worker's handle: clone, drop, [`track`](WaitGroup::track) a future, make a
//!   [`child`](WaitGroup::child) group.
//! - [`Wait`] is a waiter: await it, bound it with [`or`](Wait::or), block a thread on it, and
//!   [`try_join`](Wait::try_join) the group from outside.
//!
//! # Which to use when
//!
//! | you have | use |
//! |---|---|
//! | tasks or threads that come and go, and somebody who wants to know when all have gone | a wait group |
//! | one task whose output you want | its `JoinHandle`; for a few, `join!` over the handles |
//! | a fixed number of parties that all wait for each other, round after round | a barrier |
//! | results that shall be worked on as they arrive | a channel; its end says that all senders have gone |
//! | a signal to stop | a cancellation token or a flag; the wait group then says when all have stopped |
//!
//! A wait group carries no results and no errors, and stops nobody.
//!
//! # One use
//!
//! A group that is done stays done. In a group that can be used again, a worker of the next round may
//! join before the waiters of the last have looked: they sleep on, or it is not waited for. That is
//! where the bugs of reusable wait groups are. Make a new group for each round: it costs two
//! allocations. To wait for a part of the work by itself, make a [`child`](WaitGroup::child).
//!
//! # Who is missing
//!
//! A wait that never ends most often waits for a handle that somebody kept by mistake. With the feature
//! `trace` the group says which:
//!
#![cfg_attr(feature = "trace", doc = "```")]
#![cfg_attr(not(feature = "trace"), doc = "```ignore")]
//! use std::time::Duration;
//! use rejoin_wait_group::WaitGroup;
//!
//! let group = WaitGroup::new();
//! for name in ["parse", "check"] {
//!     let worker = group.named(name);
//!     std::thread::spawn(move || drop(worker));
//! }
//! let spare = group.clone(); // the mistake: it lives to the end of this block
//! # let line = line!() - 1;
//! let error = group.wait().wait_timeout(Duration::from_secs(1)).unwrap_err();
//!
//! // "1 worker is not done: a worker (src/main.rs:9:19, for 1.0s)"
//! assert_eq!(error.outstanding()[0].location().line(), line);
//! # drop(spare);
//! ```
//!
//! [`WaitGroup::named`] is there without the feature too, so that code need not care: the name is
//! dropped then. So leave the names in, and switch the feature on when you look for something.
//!
//! # Cost
//!
//! A handle is 8 bytes; its clone and its drop are those of an `Arc`, instruction for instruction. A
//! drop never allocates, and takes no lock unless it is the last. A waiter that is polled again with
//! the same waker makes no atomic operation but a load. The first waiter allocates nothing. Waking is
//! linear in the number of waiters. What each method costs stands with it; figures beside the peers'
//! are in `costs/records` of the repository.
//!
//! No user code runs under a lock: wakers are cloned, woken and dropped outside. A waker may do with
//! its group what it likes, and one that panics harms no other waiter.
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `std` (default) | [`Wait::wait_blocking`](Wait#method.wait_blocking), [`Wait::wait_timeout`](Wait#method.wait_timeout); std's mutex guards the waiters |
//! | `trace` | [`WaitGroup::outstanding`](WaitGroup#method.outstanding): who holds the group. Implies `std`; an allocation and two locks per handle |
//! | `critical-section` | without std: a critical section guards the waiters. A handle may be dropped, and a waker woken, in an interrupt handler |
//! | `spin` | without std: a spin lock guards them. Not for interrupt handlers: one that interrupts the holder of the lock spins for ever |
//! | `portable-atomic` | counts and flags from portable-atomic, for targets without compare-and-swap |
//!
//! The crate needs `alloc` and one of the three locks, or it does not compile. If several are on, std
//! goes before `critical-section` before `spin`: a feature that another crate turns on never takes
//! anything away.
//!
//! Without std a panic cannot be caught. If one waker panics, the others are still woken while it
//! unwinds; if a second one panics meanwhile, the process aborts.
//!
//! # Not tried
//!
//! All feature sets are built and tested on x86-64 Linux, and only there. Nothing has been built for a
//! target without std or without compare-and-swap; what is particular to them (that the last drop may
//! come in an interrupt handler while a task is in the middle of a poll) follows from the lock being a
//! critical section and has not been seen to work.
//!
//! Not possible, with any feature: a group without an allocator; more than `isize::MAX` workers, at
//! which the process aborts, as with an `Arc`.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod group;
mod track;
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

#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
mod readme {}
