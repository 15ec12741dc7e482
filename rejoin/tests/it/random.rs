//! Programs made up by a seeded generator, and an oracle: each future is dropped exactly once, and
//! each output is delivered or dropped exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rejoin::{Executor, JoinHandle, block_on, spawn, yield_now};

use crate::support::{Random, SIZES, executor};
use crate::watchdog::{step, watchdog};

const PROGRAMS: u64 = 75;

#[derive(Default)]
struct Oracle {
    futures: AtomicUsize,
    futures_dropped: AtomicUsize,
    outputs: AtomicUsize,
    outputs_dropped: AtomicUsize,
}

/// Counts one future's life, from its making to its drop.
struct Future(Arc<Oracle>);

impl Future {
    fn new(oracle: &Arc<Oracle>) -> Self {
        oracle.futures.fetch_add(1, SeqCst);
        Self(Arc::clone(oracle))
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        self.0.futures_dropped.fetch_add(1, SeqCst);
    }
}

/// Counts one output's life.
struct Output(Arc<Oracle>);

impl Drop for Output {
    fn drop(&mut self) {
        self.0.outputs_dropped.fetch_add(1, SeqCst);
    }
}

/// A task that does so many random things, and spawns smaller ones.
fn node(
    oracle: Arc<Oracle>,
    seed: u64,
    size: u64,
) -> impl std::future::Future<Output = Output> + Send {
    let life = Future::new(&oracle);
    async move {
        let _life = life;
        let mut random = Random::new(seed);
        let mut children: Vec<JoinHandle<Output>> = Vec::new();
        for _ in 0..random.below(6) {
            match random.below(10) {
                0..=3 if size > 1 => {
                    let child = node_boxed(Arc::clone(&oracle), random.below(1 << 40), size / 2);
                    children.push(spawn(child));
                }
                4 => yield_now().await,
                5 => drop(children.pop()),
                6 => {
                    if let Some(child) = children.pop() {
                        let cancel = child.cancel();
                        if random.below(2) == 0 {
                            cancel_quietly(cancel).await;
                        }
                    }
                }
                7 => {
                    if let Some(child) = children.last_mut() {
                        let stop = child.cancel_handle();
                        if random.below(2) == 0 {
                            stop.cancel();
                        }
                    }
                }
                8 if random.below(4) == 0 => std::panic::resume_unwind(Box::new("made up")),
                _ => {
                    if let Some(child) = children.pop() {
                        drop(child.join().await);
                    }
                }
            }
        }
        oracle.outputs.fetch_add(1, SeqCst);
        Output(oracle)
    }
}

fn node_boxed(
    oracle: Arc<Oracle>,
    seed: u64,
    size: u64,
) -> std::pin::Pin<Box<dyn std::future::Future<Output = Output> + Send>> {
    Box::pin(node(oracle, seed, size))
}

/// A child that had panicked resumes in whoever awaits its cancel; here it is caught.
async fn cancel_quietly(cancel: rejoin::Cancel<Output>) {
    let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(cancel)).await;
    drop(caught);
}

fn run(executor: Executor, seed: u64) {
    let oracle = Arc::new(Oracle::default());
    let roots: Vec<_> = (0..8)
        .map(|root| executor.spawn(node(Arc::clone(&oracle), seed * 8 + root, 64)))
        .collect();
    let mut random = Random::new(seed);
    for root in roots {
        match random.below(4) {
            0 => drop(root),
            1 => drop(block_on(futures::FutureExt::catch_unwind(root.cancel()))),
            _ => drop(block_on(root.join())),
        }
    }
    // Some programs are cut short by the end of their executor.
    step("the executor's end");
    drop(executor);
    let count = |number: &AtomicUsize| number.load(SeqCst);
    assert_eq!(
        count(&oracle.futures),
        count(&oracle.futures_dropped),
        "futures, seed {seed}"
    );
    assert_eq!(
        count(&oracle.outputs),
        count(&oracle.outputs_dropped),
        "outputs, seed {seed}"
    );
}

#[test]
fn whatever_a_program_does_nothing_is_lost_and_nothing_lives_twice() {
    for workers in SIZES {
        for seed in 0..PROGRAMS {
            let _watchdog = watchdog(format!("random program {seed} with {workers} workers"));
            run(executor(workers), seed);
        }
    }
}
