//! A work-stealing executor in entirely safe code.
//!
//! Fork anything, rejoin everything: [`spawn`] starts a future as a task and gives a [`JoinHandle`],
//! [`block_on`] waits for one from ordinary code, [`WaitGroup`] waits for any number, a [`TaskGroup`]
//! owns any number, with their outputs, the first error, and a limit. There is nothing to set up: the first `spawn`, from any thread, starts as many workers as there are processors.
//!
//! ```
//! use rejoin::{block_on, spawn};
//!
//! let handles: Vec<_> = (0..10_u64).map(|n| spawn(async move { n * n })).collect();
//! let sum = block_on(async {
//!     let mut sum = 0;
//!     for handle in handles {
//!         sum += handle.await;
//!     }
//!     sum
//! });
//! assert_eq!(sum, 285);
//! ```
//!
//! # As close to `std::thread` as async allows
//!
//! | threads | tasks |
//! |---|---|
//! | `thread::spawn(f)` | [`spawn(future)`](spawn) |
//! | dropping the handle detaches | dropping the handle detaches |
//! | `handle.join()` gives a `Result` | [`handle.join().await`](JoinHandle::join) gives a `Result`; `handle.await` gives the output, and panics if the task did |
//! | `thread::Builder` | [`Builder`]: name, tag, panic strategy |
//! | | [`JoinHandle::cancel`], [`CancelHandle`] |
//!
//! # What is guaranteed
//!
//! - **Nothing is lost.** A task runs to its end, or its future is dropped exactly once, whatever panics,
//!   is cancelled or shuts down meanwhile. (At the end of `main`, the global executor's tasks are left as
//!   they are.)
//! - **Nobody waits in vain.** While a task is ready, a worker is on its way to it. A ready task does not
//!   wait behind another one's long poll while a worker is idle.
//! - **A panic stays in its task**: in a poll, in the drop of a future, an output or a payload.
//!   [`PanicStrategy`] says what becomes of it.
//! - **`block_on` works anywhere**, in tasks too, without a deadlock.
//! - **User code never runs under a lock of ours.**
//! - **An idle process uses no processor time.**
//!
//! [All of them](guarantees), one sentence each, with the tests and models that hold us to them.
//!
//! # Testing what is built on it
//!
//! [`sim::check`] and `#[rejoin::test(seeds = 1_000)]` run a test under many schedules, in virtual time. A race that shows in one
//! run of ten thousand is found in a second, and its seed shows it again every time.
//!
//! # What it is not
//!
//! It brings no sockets or timers: those are in `rejoin-io`, for which its idle workers sleep in the system's poller
//! ([`driver`]); `async-io` and `async-net` work beside it, too. What blocks goes to [`spawn_blocking`]. It does not notice blocking that it cannot see (a sleep, a mutex, another crate's
//! `block_on`): such a poll occupies its worker, and the others steal what lies in that worker's queue. Futures that
//! borrow have no place in it; those that are not `Send` have a [`LocalExecutor`].
//!
//! # Processes
//!
//! - **The end of `main`** ends the process, and nothing of the global executor is waited for: [`idle`] does that.
//! - **`fork`** copies one thread, and an executor's threads stay in the parent. In the child, whoever spawns into it, or
//!   wakes one of its tasks, and would have to wake a sleeping worker, panics with a message that says so; dropping it, or
//!   shutting it down, waits for nobody. It is asked only there, beside a system call. A worker that was awake at the moment
//!   of the fork seems so for ever: a task that is spawned then waits in vain, in silence, and so does who waits for it, or
//!   who needs a lock that another thread held. Fork before the first spawn, or build an
//!   executor in the child, which works.
//! - **`panic = "abort"`** makes a panic in a task the end of the process, after the panic hook, as it does in a thread: no
//!   strategy, no handle and no [`on_panic`](ExecutorBuilder::on_panic) hears of it. All else holds.
//!
//! # Targets
//!
//! Built and tested on x86-64 Linux. Other systems with threads have been read through and not built: nothing here is
//! particular to Linux, and what is said of `fork` is asked on unix alone. `wasm32-unknown-unknown`, unbuilt as well, has no
//! threads: there [`ExecutorBuilder::build`] fails, and the first [`spawn`] panics, because thread 0 could not be started; a
//! [`WaitGroup`] works.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `futures` | off | implements `futures_task::Spawn` for [`Executor`] and [`Spawner`], `futures_core::Stream` for [`TaskGroup`] |
//! | `macros` | on | [`main`](attr.main.html) and [`test`](attr.test.html), as attributes |
//! | `trace` | off | a [`WaitGroup`] knows who still holds it |
//!
//! The number of workers of the global executor, and what it spends on being quick, are set by the environment
//! variables `REJOIN_THREADS` and `REJOIN_EFFORT` ([`Effort`]) or by [`ExecutorBuilder::build_global`].

#![forbid(unsafe_code)]

mod builder;
mod spawn;
mod spawn_many;
mod task;
mod join_handle;
mod join_error;
mod cancel_handle;
mod executor;
mod executor_builder;
mod effort;
mod report;
mod group;
mod local;
mod block_on;
mod blocking;
mod yield_now;
mod budget;
mod task_local;
pub mod sim;
pub mod driver;
mod crew;
mod guest;
mod worker;
mod watch;
mod door;
mod scheduler;
mod policy;
mod processors;
mod seat;
mod theft;
mod run_queue;
mod injector;
mod idle;
mod parker;
mod patience;
mod registry;
mod quiet;
mod current;
mod surroundings;
mod hooks;
mod names;
mod contain;
mod table;
#[cfg(feature = "futures")]
mod futures_spawn;
#[cfg(feature = "macros")]
mod macros;
mod sync;
#[cfg(all(test, not(rejoin_model)))]
mod fine;
#[cfg(all(test, rejoin_model))]
mod model;

pub use rejoin_wait_group as wait_group;
pub use rejoin_wait_group::{Wait, WaitGroup};

pub use block_on::block_on;
pub use blocking::{block_in_place, spawn_blocking};
pub use budget::{ConsumeBudget, consume_budget};
pub use builder::{Builder, Target, spawn};
pub use cancel_handle::CancelHandle;
pub use effort::{Effort, UnknownEffort};
pub use executor::{Executor, SpawnError, Spawner};
pub use executor_builder::{BuildError, ExecutorBuilder};
pub use group::{
    GroupHandle, GroupTask, Late, Next, NextOutcome, Outcome, TaskGroup, TrySpawnError,
};
pub use hooks::{Finish, TaskId, TaskInfo};
pub use join_error::JoinError;
pub use join_handle::{Cancel, Join, JoinHandle};
pub use local::{LocalCancel, LocalExecutor, LocalHandle, LocalJoin, spawn_local};
#[cfg(feature = "macros")]
pub use macros::{main, test};
pub use quiet::{Idle, idle};
pub use report::{Report, Stuck};
pub use spawn_many::spawn_many;
pub use task::PanicStrategy;
pub use task_local::{Scoped, TaskLocal, inherit};
pub use yield_now::{YieldNow, yield_now};

#[doc = "# Guarantees"]
#[doc = ""]
#[doc = include_str!("../GUARANTEES.md")]
pub mod guarantees {}

/// The program in the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
