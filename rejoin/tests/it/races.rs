//! What the simulation is for: three races that an ordinary test does not see.

use std::panic::catch_unwind;
use std::sync::mpsc;

use rejoin::sim;

use crate::support::{executor, watched};

#[path = "../../examples/races/programs.rs"]
mod programs;

use programs::RACES;

#[test]
fn an_ordinary_test_passes_all_of_them_every_time() {
    watched(|| {
        for race in RACES {
            for _ in 0..200 {
                let executor = executor(1);
                let (tell, told) = mpsc::channel();
                let test = executor.spawn(async move {
                    (race.broken)().await;
                    tell.send(()).unwrap();
                });
                // Not in `block_on`, whose thread would take part.
                told.recv().unwrap();
                drop(test);
            }
        }
    });
}

#[test]
fn the_simulation_finds_each_of_them_within_a_hundred_seeds() {
    watched(|| {
        for race in RACES {
            let found = catch_unwind(|| sim::check(0..100, race.broken));
            assert!(found.is_err(), "{}", race.name);
        }
    });
}

#[test]
fn mended_they_pass_under_every_seed() {
    watched(|| {
        for race in RACES {
            let seen = sim::check(0..500, race.fixed);
            assert!(seen.distinct() > 250, "{}: {seen:?}", race.name);
        }
    });
}
