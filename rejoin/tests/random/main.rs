//! Programs made up from seeds, and an oracle that knows what must come out of them: each future is dropped
//! exactly once, each output is delivered at most once and dropped once, no handle gives what cannot be,
//! no task is stuck, no memory is left.
//!
//! They run in the simulation, where a failure is a program and a seed, and on real workers. What fails is
//! made smaller before it is reported.
//!
//! `cargo xtask soak` runs new seeds for as long as one likes.

#![forbid(unsafe_code)]

#[path = "../it/watchdog.rs"]
mod watchdog;
mod groups;
mod local;
mod oracle;
mod play;
mod program;
mod shrink;
mod simulate;

use std::alloc::System;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rejoin::Executor;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::oracle::Oracle;
use crate::play::{Fault, play};
use crate::program::{Node, Step};
use crate::shrink::shrink;
use crate::simulate::{message, simulate};
use crate::watchdog::{step, watchdog};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The numbers of workers on which each program runs for real.
const SIZES: [usize; 4] = [1, 2, 4, 16];
/// Programs and schedules that have failed once, as `(program, schedule)`: they run first, for ever.
const PAST_FAILURES: [(u64, u64); 2] = [
    // The last thread with a seat left while another one blocked in a poll.
    (31_877_338_484_419, 3),
    (204_273_199_659_157, 817_092_798_636_628),
];
/// The same for what the fuzzer found: the schedule, and the choices as bytes.
const PAST_INPUTS: [(u64, &[u8]); 1] = [
    // A worker saw what a guest had in its slot, left it alone because the work was fine, and looked again for ever.
    (4136, b"(*\x10\x08\x08\xc9)\n\n\x08\xa4\xa7"),
];
/// Most tasks in a program, about.
const TASKS: usize = 24;
/// Schedules under which each program runs.
const SCHEDULES: u64 = 4;
/// The program that [`one`] runs.
const PROGRAM: &str = "REJOIN_PROGRAM";
/// So long does [`soak`] run, in seconds.
const SOAK: &str = "REJOIN_SOAK";

/// One test at a time: allocations are counted for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `program` on so many workers.
fn run(program: &Node, workers: usize, to_the_end: bool) -> Result<(), String> {
    let (oracle, ending) = (
        Arc::new(Oracle::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let executor = Executor::builder().threads(workers).build().unwrap();
    let playing = play(
        program.clone(),
        Arc::clone(&oracle),
        Arc::clone(&ending),
        to_the_end,
        Fault::None,
    );
    let run = catch_unwind(AssertUnwindSafe(|| executor.block_on(playing)));
    ending.store(true, SeqCst);
    step("the executor's end");
    drop(executor);
    run.map_err(|thrown| message(&*thrown))?;
    oracle.verdict()
}

/// Runs the programs of these seeds under some schedules each; reports the first that fails, made small. Says how
/// many runs there were, and how many interleavings among them that differed.
fn check(programs: impl IntoIterator<Item = u64>) -> (u64, usize) {
    let (mut runs, mut distinct) = (0, 0);
    for seed in programs {
        let program = Node::from_seed(seed, TASKS);
        let mut traces = BTreeSet::new();
        for schedule in seed * SCHEDULES..(seed + 1) * SCHEDULES {
            runs += 1;
            match simulate(&program, schedule, Fault::None) {
                Ok(trace) => traces.insert(trace),
                Err(why) => panic!("{}", report(seed, schedule, program, &why)),
            };
        }
        distinct += traces.len();
    }
    (runs, distinct)
}

/// What failed, and the smallest program that fails likewise under some schedule near by.
fn report(seed: u64, schedule: u64, program: Node, why: &str) -> String {
    let (smaller, schedule_of_it) = smallest(program, schedule, Fault::None);
    format!(
        "program {seed} fails under schedule {schedule}: {why}\n\
         add ({seed}, {schedule}) to PAST_FAILURES. It fails still, under schedule {schedule_of_it}, as\n{smaller:#?}"
    )
}

/// Makes a program that fails smaller; another program has other schedules, so some of them are tried.
fn smallest(program: Node, schedule: u64, fault: Fault) -> (Node, u64) {
    let failing = |program: &Node| {
        let schedules = (0..40).map(|offset| schedule.wrapping_add(offset));
        schedules
            .into_iter()
            .find(|&one| simulate(program, one, fault).is_err())
    };
    let smaller = shrink(program, |program| failing(program).is_some());
    let schedule = failing(&smaller).unwrap_or(schedule);
    (smaller, schedule)
}

#[test]
fn past_failures_pass() {
    let _alone = alone();
    for (program, schedule) in PAST_FAILURES {
        let _watchdog = watchdog(format!("program {program} under schedule {schedule}"));
        let result = simulate(&Node::from_seed(program, TASKS), schedule, Fault::None);
        assert!(
            result.is_ok(),
            "program {program}, schedule {schedule}: {result:?}"
        );
    }
}

#[test]
fn past_inputs_pass() {
    let _alone = alone();
    for (schedule, bytes) in PAST_INPUTS {
        let _watchdog = watchdog(format!("the input {bytes:?} under schedule {schedule}"));
        let result = simulate(&Node::from_bytes(bytes, TASKS), schedule, Fault::None);
        assert!(result.is_ok(), "{bytes:?}, schedule {schedule}: {result:?}");
    }
}

#[test]
fn whatever_a_program_does_in_a_simulation_the_oracle_agrees() {
    let _alone = alone();
    let _watchdog = watchdog("simulated programs");
    let (runs, distinct) = check(0..300);
    println!("{runs} runs, {distinct} interleavings");
}

#[test]
fn whatever_a_program_does_on_real_workers_the_oracle_agrees() {
    let _alone = alone();
    for workers in SIZES {
        for seed in 0..150 {
            let _watchdog = watchdog(format!("program {seed} on {workers} workers"));
            let program = Node::from_seed(seed, TASKS);
            let result = run(&program, workers, seed % 2 == 0);
            assert_eq!(
                result,
                Ok(()),
                "program {seed} on {workers} workers: {program:#?}"
            );
        }
    }
}

/// As the fuzzer makes them, which chooses better than this.
#[test]
fn programs_whose_choices_are_bytes_pass_as_well() {
    let _alone = alone();
    for seed in 0..60_u64 {
        let _watchdog = watchdog(format!("program of bytes {seed}"));
        let bytes: Vec<u8> = (0..40 + 4 * seed)
            .map(|place| (seed.wrapping_mul(place * place + 1) >> 3) as u8)
            .collect();
        let program = Node::from_bytes(&bytes, TASKS);
        let result = simulate(&program, seed, Fault::None);
        assert!(result.is_ok(), "{result:?}: {program:#?}");
    }
}

#[test]
fn programs_nobody_has_seen_before() {
    let _alone = alone();
    let first = RandomState::new().hash_one("a fresh seed") >> 16;
    println!("fresh programs {first}..{}", first + 30);
    let _watchdog = watchdog(format!("fresh programs from {first}"));
    check(first..first + 30);
}

/// For long. `cargo xtask soak [SECONDS]`.
#[test]
#[ignore = "runs for as long as REJOIN_SOAK says"]
fn soak() {
    let _alone = alone();
    let seconds = std::env::var(SOAK).ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(60));
    let first = RandomState::new().hash_one("a fresh seed") >> 16;
    let (mut seed, mut runs, mut interleavings) = (first, 0, 0);
    while Instant::now() < until {
        let _watchdog = watchdog(format!("soak, program {seed}"));
        let (more, distinct) = check(seed..seed + 1);
        (runs, interleavings) = (runs + more, interleavings + distinct);
        for workers in SIZES {
            let _watchdog = watchdog(format!("soak, program {seed} on {workers} workers"));
            let program = Node::from_seed(seed, TASKS);
            let result = run(&program, workers, seed % 2 == 0);
            assert_eq!(
                result,
                Ok(()),
                "program {seed} on {workers} workers: {program:#?}"
            );
            runs += 1;
        }
        seed += 1;
    }
    println!("programs {first}..{seed}, {runs} runs, {interleavings} simulated interleavings");
}

/// One program, many times: `REJOIN_PROGRAM=7 cargo test -p rejoin --test random one -- --ignored`.
#[test]
#[ignore = "runs the program that REJOIN_PROGRAM names"]
fn one() {
    let _alone = alone();
    let seed = std::env::var(PROGRAM)
        .ok()
        .and_then(|text| text.parse().ok());
    let seed = seed.expect("REJOIN_PROGRAM is the seed of a program");
    let program = Node::from_seed(seed, TASKS);
    for schedule in 0..1_000 {
        let _watchdog = watchdog(format!("program {seed}, schedule {schedule}"));
        if let Err(why) = simulate(&program, schedule, Fault::None) {
            panic!("{}", report(seed, schedule, program, &why));
        }
    }
    for workers in SIZES {
        for round in 0..200 {
            let _watchdog = watchdog(format!("program {seed} on {workers} workers"));
            assert_eq!(run(&program, workers, round % 2 == 0), Ok(()));
        }
    }
}

/// Run again and again under one schedule, a program leaves no allocation behind.
#[test]
fn no_allocation_is_left() {
    let _alone = alone();
    let _watchdog = watchdog("allocations of simulated programs");
    for seed in 0..60 {
        let program = Node::from_seed(seed, TASKS);
        let left = allocations_left(&program, seed, Fault::None);
        assert!(
            left <= 0,
            "program {seed} leaves {left} allocations each time"
        );
    }
}

#[test]
fn an_allocation_that_is_left_is_found() {
    let _alone = alone();
    let _watchdog = watchdog("canary: an allocation that is left");
    let steps = vec![Step::Spawn(Node::default()), Step::Detach];
    let detached = Node {
        steps,
        ..Node::default()
    };
    assert!(allocations_left(&detached, 0, Fault::ForgetHandle) > 0);
}

/// How many more allocations there are after one more run.
fn allocations_left(program: &Node, schedule: u64, fault: Fault) -> isize {
    // The first run may fill what is kept for the next executor.
    let _ = simulate(program, schedule, fault);
    // Somebody else in the process, the test harness, may allocate meanwhile; not every time.
    let left = (0..5).map(|_| {
        let region = Region::new(ALLOCATOR);
        let _ = simulate(program, schedule, fault);
        let change = region.change();
        change.allocations as isize - change.deallocations as isize
    });
    left.min().expect("five runs")
}

#[test]
fn a_forgotten_output_is_found_and_the_program_made_small() {
    let _alone = alone();
    let _watchdog = watchdog("canary: a forgotten handle");
    let smaller = found_and_shrunk(Fault::ForgetHandle);
    let detached = Node {
        steps: vec![Step::Spawn(Node::default()), Step::Detach],
        ..Node::default()
    };
    assert_eq!(smaller, detached);
}

#[test]
fn a_forgotten_future_is_found_and_the_program_made_small() {
    let _alone = alone();
    let _watchdog = watchdog("canary: a forgotten future");
    let smaller = found_and_shrunk(Fault::ForgetFuture);
    let [Step::Spawn(child)] = &smaller.steps[..] else {
        panic!("{smaller:#?}");
    };
    assert_eq!(child.steps.len(), 2, "{smaller:#?}");
}

/// The smallest program found in which the mistake shows.
fn found_and_shrunk(fault: Fault) -> Node {
    let found = (0..200).find_map(|seed| {
        let program = Node::from_seed(seed, TASKS);
        // Even schedules run to the end.
        simulate(&program, 0, fault).is_err().then_some(program)
    });
    smallest(
        found.expect("the mistake shows in none of 200 programs"),
        0,
        fault,
    )
    .0
}
