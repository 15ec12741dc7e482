//! Tests under many schedules, each of which a seed replays.
//!
//! [`check`] runs a test once for each seed. Within it the executor is the one that runs in production:
//! the same queues, workers, sleep, theft, shutdown. Only its threads are not free. They pass a baton, so
//! that one runs at a time, and the seed says which, at every poll, at every await of this crate's futures
//! and wherever a thread blocks. What fails under a seed fails under it again.
//!
//! ```
//! use rejoin::{sim, spawn, yield_now};
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use std::sync::Arc;
//!
//! /// Sells the last ticket twice: what it looked at may have changed while it waited.
//! async fn buy(tickets: Arc<AtomicU32>) -> bool {
//!     if tickets.load(Relaxed) == 0 {
//!         return false;
//!     }
//!     yield_now().await; // "the payment"
//!     tickets.fetch_sub(1, Relaxed);
//!     true
//! }
//!
//! let found = std::panic::catch_unwind(|| {
//!     sim::check(0..100, || async {
//!         let tickets = Arc::new(AtomicU32::new(1));
//!         let other = spawn(buy(Arc::clone(&tickets)));
//!         let bought = u32::from(buy(tickets).await) + u32::from(other.await);
//!         assert_eq!(bought, 1);
//!     });
//! });
//! assert!(found.is_err(), "some schedule sells it twice");
//! ```
//!
//! # What is simulated
//!
//! - **Tasks, handles, wait groups, executors.** [`spawn`](crate::spawn), [`Builder`](crate::Builder),
//!   [`JoinHandle`](crate::JoinHandle), [`CancelHandle`](crate::CancelHandle),
//!   [`yield_now`](crate::yield_now) and [`WaitGroup`](crate::WaitGroup) are used as ever. An
//!   [`Executor`](crate::Executor) that is built inside a simulation is a simulated one.
//! - **[`block_on`](crate::block_on)**, nested too: the worker is replaced by another thread, as ever.
//! - **Time**: [`sleep`] takes none. Virtual time stands still while anything can run, and jumps when all
//!   waits. [`run_until_stalled`] waits for that moment.
//! - **Threads**, if [`thread`](fn@thread) starts them.
//! - **Preemption** at any other place: [`preempt`].
//!
//! When every task and thread waits and no time can pass, that is a deadlock: the test fails, with a list
//! of the tasks that wait, their names, and where they were spawned.
//!
//! # What is not
//!
//! - Threads started by `std::thread`, clocks, sockets, timers of other crates, random numbers and hash
//!   maps with random keys are as ever. A test that depends on them is not replayed exactly.
//! - A thread that holds the baton and blocks where the simulation does not see it (on a mutex whose holder
//!   waits for its turn, on a channel) is stuck. After some seconds the test fails and says so.
//! - Weak memory: threads take turns, so every atomic operation is seen by all at once. What depends on an
//!   `Ordering` is for a model checker.
//! - A wait that is ready at once does not switch threads, unless it is one for a task.
//!
//! # Cost
//!
//! A switch between threads is one of the operating system's, about 5 to 10 microseconds; a short test
//! runs under some thousand schedules in a second. Outside of simulations all of this costs a look at a
//! flag at each poll of a handle and of a future that is blocked on, and nothing per task.
//!
//! # Whence
//!
//! Running a test under many schedules drawn from a seed goes back to Musuvathi and Qadeer's CHESS (2007) and to the
//! random priorities of Burckhardt and others' PCT (2010), on which one half of our seeds is modelled; for Rust, loom and
//! shuttle do likewise for threads, and turmoil and madsim for whole networks.

#![cfg_attr(
    all(test, rejoin_model),
    allow(dead_code, unused_imports, reason = "the models park by loom")
)]

mod baton;
mod canary;
mod check;
mod clock;
mod random;
mod style;
mod tasks;
mod thread;
mod trace;

pub use check::{Run, Seen, Simulation, check};
pub use clock::{Sleep, now, run_until_stalled, sleep};
pub use thread::{Thread, is_simulated, preempt, random, thread};

pub(crate) use baton::Turn;
pub(crate) use canary::{Decision, is_broken};
pub(crate) use check::{observe, workers};
pub(crate) use thread::{
    Started, current, is_interrupted, park, point_at_handle, point_in_block_on, shuffle,
    shuffle_idle, ticks,
};
