//! Three programs that an ordinary test passes and a simulation breaks; watch it say how, and under which seed.

#![forbid(unsafe_code)]

mod programs;

use std::panic::catch_unwind;
use std::sync::mpsc;
use std::time::Instant;

use programs::{Program, RACES};
use rejoin::sim;

fn main() {
    for race in RACES {
        println!("== {}", race.name);
        ordinary(race.broken);
        println!("an ordinary test passes; under the simulation:");
        let begin = Instant::now();
        let found = catch_unwind(|| sim::check(0..1_000, race.broken));
        assert!(found.is_err(), "some seed breaks it");
        println!("found after {:.0?}", begin.elapsed());
        let seen = sim::check(0..1_000, race.fixed);
        println!("mended, it passes under {} schedules\n", seen.schedules());
    }
}

/// What most tests do: one thread, one run.
fn ordinary(program: fn() -> Program) {
    let executor = rejoin::Executor::builder().threads(1).build().unwrap();
    let (tell, told) = mpsc::channel();
    let test = executor.spawn(async move {
        program().await;
        tell.send(()).unwrap();
    });
    // Not in `block_on`, whose thread would take part.
    told.recv().unwrap();
    drop(test);
}
