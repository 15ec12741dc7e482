//! A process that is forked beside the threads of an executor, which stay in the parent. This binary runs itself
//! again for each case, so that no other test is going on when it forks.

#![forbid(unsafe_code)]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use fork::{Fork, WEXITSTATUS, WIFEXITED, fork, waitpid};
use rejoin::{Executor, block_on, spawn};

use crate::watchdog::{step, watchdog};

const CASE: &str = "REJOIN_TEST_CASE";

/// Runs a case to its end.
fn passes(case: &str) {
    let _watchdog = watchdog(format!("fork: {case}"));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_case", "--ignored", "--nocapture"]);
    command.arg("--test-threads=1").env(CASE, case);
    step("the child's end");
    let output = command.env("RUST_BACKTRACE", "0").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let status = output.status;
    assert!(
        status.success() && text.contains("case done"),
        "{status}: {text}"
    );
}

/// Not a test: what the children run.
#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn a_case() {
    match &*std::env::var(CASE).unwrap_or_default() {
        "a child spawns on the global executor" => {
            block_on(spawn(async {}));
            // If its workers sleep at that moment, which they soon do.
            let told = (0..1_000).any(|_| {
                in_child(|| {
                    let thrown = catch_unwind(|| drop(spawn(async {})));
                    thrown.is_err_and(|message| {
                        let message = message.downcast::<String>().unwrap();
                        message.contains("this process was forked from the one in which it runs")
                    })
                })
            });
            assert!(told);
            assert_eq!(block_on(spawn(async { 7 })), 7, "in the parent all is well");
        }
        "a child with an executor of its own" => {
            block_on(spawn(async {}));
            assert!(in_child(|| {
                let own = own_executor();
                let twice = own.spawn(async { spawn(async { 3 }).await + 4 });
                let seven = block_on(twice) == 7;
                drop(own);
                seven && block_on(async { 7 }) == 7
            }));
        }
        "a child drops an executor" => {
            let (own, other) = (own_executor(), own_executor());
            own.spawn(std::future::pending::<()>()).detach();
            assert!(in_child(|| {
                drop(own);
                !other.shutdown(Duration::MAX).is_complete()
            }));
        }
        _ => return,
    }
    println!("case done");
}

fn own_executor() -> Executor {
    Executor::builder().threads(2).build().unwrap()
}

/// Forks, and says what `child` said in the child.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    match fork().unwrap() {
        Fork::Child => {
            let well = catch_unwind(AssertUnwindSafe(child)).unwrap_or(false);
            // Not by a return: the harness's other threads are not here.
            std::process::exit(if well { 0 } else { 1 });
        }
        Fork::Parent(pid) => {
            let status = waitpid(pid).unwrap();
            WIFEXITED(status) && WEXITSTATUS(status) == 0
        }
    }
}

#[test]
fn a_forked_child_that_spawns_on_its_parents_executor_is_told() {
    passes("a child spawns on the global executor");
}

#[test]
fn a_forked_child_with_an_executor_of_its_own_goes_on() {
    passes("a child with an executor of its own");
}

#[test]
fn a_forked_child_that_drops_its_parents_executor_does_not_wait() {
    passes("a child drops an executor");
}
