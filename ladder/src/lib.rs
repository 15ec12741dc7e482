//! Five small executors that lead to rejoin, the guide that climbs them, and recipes.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod guide;
pub mod recipes;
mod block_on;
mod shared_queue;
pub mod v1;
pub mod v2;
pub mod v3;
pub mod v4;
pub mod v5;
pub mod wait_group;
mod sync;
#[cfg(all(test, rejoin_model))]
mod model;

pub use block_on::block_on;
