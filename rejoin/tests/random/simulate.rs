//! Runs a program in a simulation.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use rejoin::sim::Simulation;

use crate::oracle::Oracle;
use crate::play::{Fault, play};
use crate::program::Node;

/// Runs `program` in a simulation, and asks the oracle; a hash of the interleaving.
pub(crate) fn simulate(program: &Node, schedule: u64, fault: Fault) -> Result<u64, String> {
    let (oracle, ending) = (
        Arc::new(Oracle::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let simulation = Simulation::new(schedule);
    let (program, seen) = (program.clone(), Arc::clone(&oracle));
    let run = catch_unwind(AssertUnwindSafe(|| {
        let run = simulation.run(move || async move {
            // Every second one is cut short: the rest is cancelled with the executor.
            let to_the_end = schedule % 2 == 0;
            play(program, seen, Arc::clone(&ending), to_the_end, fault).await;
            ending.store(true, SeqCst);
        });
        run.trace()
    }));
    let trace = run.map_err(|thrown| message(&*thrown))?;
    oracle.verdict().map(|()| trace)
}

/// What a panic says.
pub(crate) fn message(thrown: &(dyn Any + Send)) -> String {
    let text = thrown.downcast_ref::<String>().cloned();
    let literal = || thrown.downcast_ref::<&str>().map(|text| text.to_string());
    let other = || "the program panicked with something that is no text".to_owned();
    text.or_else(literal).unwrap_or_else(other)
}
