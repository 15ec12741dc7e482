//! A process that is stopped in the middle of its work and goes on. This binary runs itself again for that.

#![forbid(unsafe_code)]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use rejoin::{block_on, spawn};

use crate::watchdog::{step, watchdog};

const CASE: &str = "REJOIN_TEST_CASE";

fn command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "the_work", "--ignored", "--nocapture"]);
    command.env(CASE, "works").env("REJOIN_THREADS", "2");
    command.stdout(Stdio::piped());
    command
}

/// Not a test: what the child runs.
#[test]
#[ignore = "run by the other test, in a process of its own"]
fn the_work() {
    if std::env::var_os(CASE).is_some() {
        works();
        println!("case done");
    }
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
    let mut child = command().spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut begin = [0; 1];
    output.read_exact(&mut begin).unwrap();
    let signal = |name: &str| {
        let pid = child.id().to_string();
        // The child may have ended meanwhile.
        let kill = Command::new("kill").args(["-s", name, &pid]).output();
        kill.expect("kill is there").status.success()
    };
    step("a child that is stopped again and again");
    let mut stops = 0;
    for _ in 0..20 {
        stops += usize::from(signal("STOP"));
        // Longer than the longest tick of a watcher.
        std::thread::sleep(Duration::from_millis(5));
        signal("CONT");
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
