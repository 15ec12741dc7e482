//! Watch a million tasks fan out over all workers and come back as one sum, and what each one costs.

#![forbid(unsafe_code)]

use std::time::Instant;

use rejoin::{JoinHandle, block_on, spawn};

/// How many tasks spawn how many each.
const BRANCHES: u64 = 1_000;
const LEAVES: u64 = 1_000;

fn main() {
    let started = Instant::now();
    let sum = block_on(fan_out());
    let elapsed = started.elapsed();

    let tasks = BRANCHES + BRANCHES * LEAVES;
    let each = elapsed.as_nanos() / u128::from(tasks);
    println!("{tasks} tasks in {elapsed:.1?}: {each} ns for each spawn, run and join");
    assert_eq!(sum, (0..BRANCHES * LEAVES).sum());
    println!("they sum up to {sum}, and so they should");
}

async fn fan_out() -> u64 {
    let branches = (0..BRANCHES).map(|branch| spawn(branch_out(branch)));
    join(branches.collect()).await
}

async fn branch_out(branch: u64) -> u64 {
    // On a worker, a spawn goes to that worker's own queue; idle workers steal half of it.
    let leaves = (0..LEAVES).map(|leaf| spawn(async move { branch * LEAVES + leaf }));
    join(leaves.collect()).await
}

async fn join(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    sum
}
