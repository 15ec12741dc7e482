//! What the wait group costs, beside `Arc` and beside its peers, in one run.
//!
//! `cargo run --release` prints the times, `cargo run --release -- instructions` counts instructions
//! under valgrind, and `cargo run --release --bin memory` counts bytes: a program of its own, because
//! counting slows every allocation down.

mod instructions;
mod measure;
mod peers;
mod workloads;

use std::env;

use measure::Samples;
use peers::{Asyncband, Crossbeam, Peer, Plain, Rejoin, Tracker, Wg};

/// The peers take turns this often; who begins changes each time.
const ROUNDS: usize = 31;

type Workload = fn() -> Option<f64>;

struct Row {
    what: &'static str,
    /// In the order of `PEERS`.
    run: [Workload; PEERS.len()],
    rounds: usize,
}

const PEERS: [&str; 6] = [
    Plain::NAME,
    Rejoin::NAME,
    Asyncband::NAME,
    Wg::NAME,
    Crossbeam::NAME,
    Tracker::NAME,
];

/// Our place in `PEERS`.
const OURS: usize = 1;

macro_rules! row {
    ($what:literal, $rounds:expr, $workload:ident $(, $parameter:literal)?) => {
        Row {
            what: $what,
            rounds: $rounds,
            run: [
                workloads::$workload::<Plain $(, $parameter)?>,
                workloads::$workload::<Rejoin $(, $parameter)?>,
                workloads::$workload::<Asyncband $(, $parameter)?>,
                workloads::$workload::<Wg $(, $parameter)?>,
                workloads::$workload::<Crossbeam $(, $parameter)?>,
                workloads::$workload::<Tracker $(, $parameter)?>,
            ],
        }
    };
}

fn rows() -> Vec<Row> {
    vec![
        row!("clone + drop", ROUNDS, clone_and_drop),
        row!("clone + drop, 2 threads", ROUNDS, clone_and_drop_by_two),
        row!("register + wake", ROUNDS, register_and_wake_only),
        row!("group made, registered, woken", ROUNDS, register_and_wake),
        row!("register + cancel", ROUNDS, register_and_cancel),
        row!("poll again, same waker", ROUNDS, poll_again),
        row!("fan-out of 10,000, per worker", ROUNDS, fan_out),
        row!("10,000 waiters, per waiter", ROUNDS, wake_many, 10_000),
        row!("100,000 waiters, per waiter", 7, wake_many, 100_000),
        row!("1,000,000 waiters, per waiter", 5, wake_many, 1_000_000),
    ]
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["loop", peer, times] => instructions::run(peer, times.parse().expect("a number")),
        ["instructions"] => instructions::table(),
        _ => times(),
    }
}

fn times() {
    println!("ns per operation: median (quartiles) of samples taken in turns");
    println!("| | {} |", PEERS.join(" | "));
    println!("|---|{}", "---:|".repeat(PEERS.len()));
    let mut per_waiter = Vec::new();
    for row in rows() {
        let mut samples: [Samples; PEERS.len()] = Default::default();
        for round in 0..row.rounds {
            for turn in 0..PEERS.len() {
                let peer = (round + turn) % PEERS.len();
                if let Some(nanoseconds) = row.run[peer]() {
                    samples[peer].add(nanoseconds);
                }
            }
        }
        if row.what.contains("per waiter") && !samples[OURS].is_empty() {
            per_waiter.push(samples[OURS].summary().0);
        }
        let cells = samples.iter().map(|samples| {
            if samples.is_empty() {
                return "-".to_owned();
            }
            let (median, low, high) = samples.summary();
            format!("{median:.1} ({low:.1}..{high:.1})")
        });
        println!(
            "| {} | {} |",
            row.what,
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
    // A hundred times the waiters leave every cache; a quadratic wake would cost a hundred times more
    // for each.
    let growth = per_waiter[per_waiter.len() - 1] / per_waiter[0];
    println!();
    println!("rejoin, each of 1,000,000 waiters beside each of 10,000: {growth:.2} times");
    assert!(growth < 5.0, "waking is linear");
}
