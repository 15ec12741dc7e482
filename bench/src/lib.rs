//! rejoin against its peers: the same work, the same checks, the losses included.
//!
//! The way of a figure: [`arguments`] says what to run; [`run`] starts one process per sample, peers
//! interleaved in a seeded order; in that process a [`workloads`] row drives one of the [`peers`]
//! through a [`session`], which [`measure`]s; the samples come back as lines ([`record`]) and become
//! medians, ratios and intervals ([`statistics`]) in a [`report`].

#![forbid(unsafe_code)]

mod arguments;
mod run;
mod record;
#[macro_use]
mod peers;
mod workloads;
mod session;
mod measure;
mod usage;
mod statistics;
mod report;
mod environment;
mod machine;

pub use run::main;
pub use usage::Heap;
