//! A process that is stopped in the middle of its work and goes on. This binary runs itself again for that.

#![forbid(unsafe_code)]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rejoin::sim::Simulation;
use rejoin::{block_on, spawn};

use crate::watchdog::{step, watchdog};

const CASE: &str = "REJOIN_TEST_CASE";

fn command(case: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_work", "--ignored", "--nocapture"]);
    command.env(CASE, case).env("REJOIN_THREADS", "2");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Sends `child` a signal; says whether it was still there.
fn signal(child: &Child, name: &str) -> bool {
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-s", name, &pid]).output();
    kill.expect("kill is there").status.success()
}

/// Not a test: what the child runs.
#[test]
#[ignore = "run by the other test, in a process of its own"]
fn the_work() {
    match std::env::var(CASE).as_deref() {
        Ok("works") => works(),
        Ok("simulates") => simulates(),
        _ => return,
    }
    println!("case done");
}

/// Rounds of work while the process is stopped and goes on.
const ROUNDS: usize = 4_000;

/// Tasks, wakes from a foreign thread and parked workers, all the time; every round waits for all that it started.
fn works() {
    println!("at work");
    for round in 0..ROUNDS {
        let (tell, told) = async_channel::bounded(4);
        let waits = spawn(async move { told.recv().await.unwrap() });
        let thread = (round % 16 == 0).then(|| {
            let tell = tell.clone();
            std::thread::spawn(move || tell.send_blocking(round).unwrap())
        });
        let tasks: Vec<_> = (0..16).map(|n| spawn(async move { n })).collect();
        if thread.is_none() {
            spawn(async move { tell.send(round).await.unwrap() }).detach();
        }
        let sum: usize = tasks.into_iter().map(block_on).sum();
        assert_eq!((sum, block_on(waits)), (120, round));
        if let Some(thread) = thread {
            thread.join().unwrap();
        }
    }
}

/// Wherever the process stands still, and however much later it goes on, nothing is lost: no wake-up depends on one
/// that came in time. `Instant`, by which alone ticks are measured, does not jump when the clock is set.
#[test]
fn a_process_that_is_stopped_and_goes_on_loses_nothing() {
    let _watchdog = watchdog("process: stopped and continued");
    let mut child = command("works").spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut begin = [0; 1];
    output.read_exact(&mut begin).unwrap();
    step("a child that is stopped again and again");
    let mut stops = 0;
    for _ in 0..20 {
        stops += usize::from(signal(&child, "STOP"));
        // Longer than the longest tick of a watcher.
        std::thread::sleep(Duration::from_millis(5));
        signal(&child, "CONT");
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    assert!(
        status.success() && text.contains("case done"),
        "{status}: {text}"
    );
    assert!(stops > 0);
}

/// What a simulation waits for until it says that a thread is stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// One that waits, unseen by its simulation, for a byte.
fn simulates() {
    Simulation::new(1).patience(PATIENCE).run(|| async {
        println!("at work");
        std::io::stdin().read_exact(&mut [0; 1]).unwrap();
    });
}

/// The time in which a debugger holds the process, say, is not counted.
#[test]
fn a_simulation_that_is_stopped_for_longer_than_its_patience_is_not_stuck() {
    let _watchdog = watchdog("process: a simulation stopped");
    let mut child = command("simulates").spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 1]).unwrap();
    step("a simulation that is stopped for longer than its patience");
    // Until it has begun to count.
    std::thread::sleep(PATIENCE / 2);
    assert!(signal(&child, "STOP"));
    std::thread::sleep(PATIENCE + PATIENCE / 8);
    assert!(signal(&child, "CONT"));
    // Enough for it to find out what time it is.
    std::thread::sleep(PATIENCE / 50);
    child.stdin.take().unwrap().write_all(b"!").unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    assert!(
        status.success() && text.contains("case done"),
        "{status}: {text}"
    );
}
