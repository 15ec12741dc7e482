//! One situation after another, again and again, on new executors: sleep, wake-ups, hand-overs and ends, in processes that
//! take each other's cores away. A worker that sleeps beside work shows here in seconds, where a suite that runs each
//! situation once finds it in weeks.
//!
//! `cargo xtask soak [SECONDS]` runs every scenario for its share of the time; without it each runs a few times.

#![forbid(unsafe_code)]

#[path = "../it/support.rs"]
#[allow(dead_code, reason = "what the other suite needs")]
mod support;
#[path = "../it/watchdog.rs"]
mod watchdog;

mod busy;
mod ends;
mod slow;
mod waits;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rejoin::{Effort, Executor, block_on};

use crate::support::Random;
use crate::watchdog::{step, watchdog};

/// What a scenario draws from: the number of workers, and what else is left to chance.
pub(crate) struct Stage {
    pub(crate) workers: usize,
    pub(crate) random: Random,
}

impl Stage {
    /// That of a repetition, the same each time.
    fn new(repetition: u64, least: usize) -> Self {
        let mut random = Random::new(repetition);
        random.below(1);
        // Mostly many more than there are cores: threads are then held up anywhere.
        let sizes = [16, 2, 16, 4, 1, 3];
        let workers = sizes[random.below(sizes.len() as u64) as usize].max(least);
        Self { workers, random }
    }

    /// A new executor; mostly with the effort that it has by itself.
    pub(crate) fn executor(&mut self) -> Executor {
        let effort = match self.random.below(6) {
            0 => Effort::Thrifty,
            1 => Effort::Eager,
            _ => Effort::Balanced,
        };
        let builder = Executor::builder().threads(self.workers).effort(effort);
        builder.build().expect("threads can be started")
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

struct Scenario {
    name: &'static str,
    /// Fewest workers with which it comes to an end.
    workers: usize,
    run: fn(&mut Stage),
}

const fn scenario(name: &'static str, workers: usize, run: fn(&mut Stage)) -> Scenario {
    Scenario { name, workers, run }
}

const SCENARIOS: [Scenario; 17] = [
    scenario("a burst that meets", 2, slow::burst),
    scenario("a slot behind a slow poll", 2, slow::slot),
    scenario("all workers slow but one", 2, slow::all_but_one),
    scenario("pushes late in a slow poll", 2, slow::late),
    scenario("a guest that computes beside short polls", 2, slow::guest),
    scenario("outside beside tasks that yield", 1, busy::outside),
    scenario("a storm of joins", 1, busy::joins),
    scenario("many at once", 1, busy::many),
    scenario("channels between tasks", 1, busy::channels),
    scenario("a ping from outside", 1, waits::ping),
    scenario("block_on on all workers", 1, waits::blocks),
    scenario("guests that come and go", 1, waits::guests),
    scenario("blocking calls that meet", 1, waits::blocking),
    scenario("local tasks woken from outside", 1, waits::local),
    scenario("nothing is left", 1, waits::idle),
    scenario("an end beside wake-ups", 1, ends::wakes),
    scenario("an end with a deadline", 1, ends::deadline),
];

/// The scenario that [`a_share`] runs.
const SCENARIO: &str = "REJOIN_STRESS";
/// For so many seconds, which with [`SOAK`] all of them share.
const SHARE: &str = "REJOIN_STRESS_SHARE";
/// From this repetition on.
const FIRST: &str = "REJOIN_STRESS_FIRST";
const SOAK: &str = "REJOIN_SOAK";
/// Processes at once.
const PROCESSES: u64 = 5;
/// How often each runs without being asked for more.
const FEW: u64 = 12;
/// Much longer than a repetition, and short enough for a soak: minutes of the watchdog.
const PATIENCE: &str = "REJOIN_TEST_PATIENCE";

fn repeat(scenario: &Scenario, repetition: u64) {
    let mut stage = Stage::new(repetition, scenario.workers);
    let (name, workers) = (scenario.name, stage.workers);
    let what = format!("stress: {name:?}, repetition {repetition}, on {workers} workers");
    let _watchdog = watchdog(what.clone());
    let run = catch_unwind(AssertUnwindSafe(|| (scenario.run)(&mut stage)));
    assert!(run.is_ok(), "{what}: a wrong answer");
}

#[test]
fn every_scenario_comes_to_its_end() {
    for scenario in &SCENARIOS {
        (0..FEW).for_each(|repetition| repeat(scenario, repetition));
    }
}

/// Not a test: what the processes of [`soak`] run.
#[test]
#[ignore = "run by the soak, in processes of its own"]
fn a_share() {
    let Ok(name) = std::env::var(SCENARIO) else {
        return;
    };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, seconds) = (number(FIRST).unwrap_or(0), number(SHARE).unwrap_or(1));
    let until = Instant::now() + Duration::from_secs(seconds);
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("no such scenario: {name}"));
    let mut repetition = first;
    while Instant::now() < until {
        repeat(scenario, repetition);
        repetition += 1;
    }
    println!("repetitions: {}", repetition - first);
}

/// For long. `cargo xtask soak [SECONDS]`; with the name of a scenario in `REJOIN_STRESS` only that one.
#[test]
#[ignore = "runs for as long as REJOIN_SOAK says"]
fn soak() {
    let seconds = std::env::var(SOAK).ok().and_then(|text| text.parse().ok());
    let only = std::env::var(SCENARIO).ok();
    let chosen = |scenario: &&Scenario| only.as_ref().is_none_or(|name| name == scenario.name);
    let chosen: Vec<_> = SCENARIOS.iter().filter(chosen).collect();
    let share = (seconds.unwrap_or(60) / chosen.len().max(1) as u64).max(1);
    let begun = std::process::id();
    let mut failed = Vec::new();
    for scenario in chosen {
        let processes: Vec<_> = (0..PROCESSES)
            .map(|process| {
                let first = (u64::from(begun) * PROCESSES + process) << 24;
                start(scenario.name, share, first)
            })
            .collect();
        let ends = processes.into_iter().map(|process| {
            let output = process.wait_with_output().expect("it can be waited for");
            let text =
                String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let said = text
                .lines()
                .find_map(|line| line.strip_prefix("repetitions: "));
            match said.and_then(|said| said.parse().ok()) {
                Some(repetitions) if output.status.success() => Ok::<u64, String>(repetitions),
                _ => Err(text),
            }
        });
        match ends.sum::<Result<u64, String>>() {
            Ok(repetitions) => println!("{}: {repetitions} repetitions", scenario.name),
            Err(text) => {
                println!("{}: FAILED", scenario.name);
                failed.push(text);
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn start(scenario: &str, seconds: u64, first: u64) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "a_share", "--ignored", "--nocapture"]);
    command
        .env(SCENARIO, scenario)
        .env(SHARE, seconds.to_string());
    command
        .env(FIRST, first.to_string())
        .env("RUST_BACKTRACE", "0");
    if std::env::var_os(PATIENCE).is_none() {
        command.env(PATIENCE, "0.5");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("a process can be started")
}

/// A worker that sleeps beside work is what all of this is for: so is saying so.
#[test]
fn a_scenario_that_hangs_is_named_with_what_it_waits_for() {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "hangs", "--ignored", "--nocapture"]);
    let output = command.env(PATIENCE, "0.005").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    let line =
        "HUNG: stress: \"hangs\", repetition 7, on 3 workers, waiting for a task that never ends";
    assert!(!output.status.success() && text.contains(line), "{text}");
}

/// Not a test: what hangs.
#[test]
#[ignore = "hangs"]
fn hangs() {
    let run = |stage: &mut Stage| {
        step("a task that never ends");
        block_on(stage.executor().spawn(pending::<()>()));
    };
    repeat(&scenario("hangs", 1, run), 7);
}
