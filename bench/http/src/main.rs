//! Servers and timers on four runtimes, and the load for them.
//!
//! The way of a figure: [`arguments`] says what to run; [`run`] goes through the [`rows`] in a seeded order and starts one
//! process per sample, a [`server`] or the [`timers`], on one of the [`runtimes`]; the load comes from [`wrk`] or from
//! [`echo`]'s clients; what was measured is a [`sample`], and all of them are a [`report`].

#![forbid(unsafe_code)]

mod arguments;
mod run;
mod rows;
mod server;
mod service;
mod runtimes;
mod timers;
mod wrk;
mod echo;
mod sample;
mod report;

#[path = "../../src/machine.rs"]
mod machine;
#[path = "../../src/statistics.rs"]
#[allow(dead_code, reason = "means over families are the benchmark's")]
mod statistics;
#[path = "../../src/usage.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "memory is measured by the benchmark"
)]
mod usage;

use std::process::ExitCode;

use arguments::{Command, HELP};

fn main() -> ExitCode {
    let done = match arguments::parse() {
        Ok(Command::Help) => {
            print!("{HELP}");
            Ok(())
        }
        Ok(Command::Serve(serve)) => server::serve(serve),
        Ok(Command::Timers(timers)) => timers::print(timers),
        Ok(Command::Load(load)) => run::load(&load),
        Err(error) => Err(format!("{error}\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
