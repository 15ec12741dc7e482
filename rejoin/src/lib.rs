//! A work-stealing executor in entirely safe code.

#![forbid(unsafe_code)]

mod sync;
mod builder;
mod spawn;
mod task;
mod join_handle;
mod cancel_handle;
mod executor;
mod executor_builder;
mod crew;
mod worker;
mod watch;
mod scheduler;
mod policy;
mod seat;
mod run_queue;
mod injector;
mod idle;
mod parker;
mod registry;
mod current;
mod hooks;
mod table;
mod trampoline;
mod block_on;
mod yield_now;

pub use block_on::block_on;
pub use builder::{Builder, Target, spawn};
pub use cancel_handle::CancelHandle;
pub use executor::{Executor, SpawnError, Spawner};
pub use executor_builder::{BuildError, ExecutorBuilder};
pub use hooks::{Finish, TaskId, TaskInfo};
pub use join_handle::{Cancel, Join, JoinError, JoinHandle};
pub use task::PanicStrategy;
pub use yield_now::{YieldNow, yield_now};
