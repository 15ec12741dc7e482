//! Programs whose every choice is a byte of the fuzzer's, under schedules drawn from the first two: the generator, the
//! simulation and the oracle of `rejoin/tests/random`. What the oracle objects to is printed and ends the process.
//!
//! `cargo xtask fuzz [SECONDS]`; an input that failed is run again by naming its file instead of a number.

#![no_main]
#![forbid(unsafe_code)]
#![allow(dead_code, reason = "the tests use the rest of what is included here")]

#[path = "../../rejoin/tests/random/groups.rs"]
mod groups;
#[path = "../../rejoin/tests/random/local.rs"]
mod local;
#[path = "../../rejoin/tests/random/oracle.rs"]
mod oracle;
#[path = "../../rejoin/tests/random/play.rs"]
mod play;
#[path = "../../rejoin/tests/random/program.rs"]
mod program;
#[path = "../../rejoin/tests/random/simulate.rs"]
mod simulate;

use std::panic::set_hook;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;

use crate::play::Fault;
use crate::program::Node;
use crate::simulate::simulate;

/// Most tasks in a program, about.
const TASKS: usize = 24;

/// Programs panic on purpose, and the fuzzer's own hook would take the first panic for the end.
static QUIET: Once = Once::new();

fuzz_target!(|input: &[u8]| {
    QUIET.call_once(|| set_hook(Box::new(|_| ())));
    let Some((schedule, choices)) = input.split_first_chunk::<2>() else {
        return;
    };
    let schedule = u64::from(u16::from_le_bytes(*schedule));
    let program = Node::from_bytes(choices, TASKS);
    if let Err(why) = simulate(&program, schedule, Fault::None) {
        eprintln!("fails under schedule {schedule}: {why}\n{program:#?}");
        std::process::abort();
    }
});
