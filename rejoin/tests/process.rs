//! What needs a process of its own. This binary runs itself again, with the case's name in the
//! environment; the case must then end by itself.

#![forbid(unsafe_code)]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rejoin::{Executor, block_on, spawn};

use crate::watchdog::{step, watchdog};

const CASE: &str = "REJOIN_TEST_CASE";
const THREADS: &str = "REJOIN_THREADS";
const EFFORT: &str = "REJOIN_EFFORT";

/// A case, as a command to run.
fn command(case: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "a_case",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command
        .env(CASE, case)
        .env("RUST_BACKTRACE", "0")
        .env_remove(THREADS)
        .env_remove(EFFORT);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a case to its end; what it wrote to stdout and stderr.
fn run(command: &mut Command) -> (ExitStatus, String) {
    step("the child's end");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

fn passes(case: &str) {
    let _watchdog = watchdog(format!("process: {case}"));
    let (status, text) = run(&mut command(case));
    assert!(
        status.success() && text.contains("case done"),
        "{status}: {text}"
    );
}

/// Not a test: what the children run.
#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn a_case() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    match &*case {
        "hangs" => {
            let _watchdog = watchdog("a child that hangs");
            step("something that never comes");
            loop {
                std::thread::park();
            }
        }
        "counts threads" => println!("threads: {}", global_threads()),
        "spawns" => assert_eq!(block_on(spawn(async { 7 })), 7),
        "idles" => idle(),
        "spawns nothing" => spawns_nothing(),
        other => {
            assert!(starts(other) || ends(other), "no such case: {other}");
        }
    }
    println!("case done");
}

/// Cases of how the global executor starts.
fn starts(case: &str) -> bool {
    match case {
        "configures first" => {
            Executor::builder()
                .threads(3)
                .thread_name(|i| format!("mine-{i}"))
                .build_global()
                .unwrap();
            let name = block_on(spawn(async {
                std::thread::current().name().map(String::from)
            }));
            assert!(name.unwrap().starts_with("mine-"));
        }
        "configures too late" => {
            block_on(spawn(async {}));
            let error = Executor::builder().build_global().unwrap_err();
            assert!(error.is_already_started());
            assert_eq!(
                error.to_string(),
                "the global executor has already been started"
            );
        }
        "fails and tries again" => {
            let builder = Executor::builder().threads(2).stack_size(1 << 60);
            let error = builder.build_global().unwrap_err();
            assert!(!error.is_already_started());
            assert!(
                error
                    .to_string()
                    .starts_with("could not start thread 0 of 2"),
                "{error}"
            );
            assert_eq!(block_on(spawn(async { 7 })), 7);
        }
        "two first uses at once" => {
            let built: usize = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..8)
                    .map(|n| {
                        scope.spawn(move || {
                            Executor::builder().threads(n + 1).build_global().is_ok()
                        })
                    })
                    .collect();
                tries
                    .into_iter()
                    .filter(|_| true)
                    .map(|t| usize::from(t.join().unwrap()))
                    .sum()
            });
            assert_eq!(built, 1);
        }
        _ => return false,
    }
    true
}

/// Cases of what is there when `main` returns.
fn ends(case: &str) -> bool {
    match case {
        "main returns with tasks" => {
            spawn(std::future::pending::<()>()).detach();
            let (tell, told) = std::sync::mpsc::channel();
            spawn(async move {
                tell.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            })
            .detach();
            told.recv().unwrap();
        }
        "main returns with an executor in a thread local" => {
            thread_local! {
                static KEPT: RefCell<Option<Executor>> = const { RefCell::new(None) };
            }
            let executor = Executor::builder().threads(2).build().unwrap();
            executor.spawn(std::future::pending::<()>()).detach();
            KEPT.with_borrow_mut(|kept| *kept = Some(executor));
        }
        _ => return false,
    }
    true
}

fn spawns_nothing() {
    block_on(async { rejoin::yield_now().await });
    let threads = fs::read_dir("/proc/self/task").unwrap().count();
    // The harness's main thread and the one of this test.
    assert!(threads <= 2, "{threads} threads");
}

/// How many threads the global executor has, which this starts.
fn global_threads() -> usize {
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    block_on(spawn(async {}));
    threads() - before
}

#[test]
fn rejoin_threads_says_how_many() {
    let _watchdog = watchdog("REJOIN_THREADS");
    for (value, threads) in [("1", 1), ("3", 3), (" 5 ", 5)] {
        let (status, text) = run(command("counts threads").env(THREADS, value));
        assert!(
            status.success() && text.contains(&format!("threads: {threads}\n")),
            "{text}"
        );
    }
}

#[test]
fn a_bad_rejoin_threads_is_a_panic_that_names_variable_and_value() {
    let _watchdog = watchdog("bad REJOIN_THREADS");
    let bad: [&[u8]; 6] = [b"0", b"four", b"", b"-1", b"1.5", b"\xff\xfe"];
    for value in bad {
        let (status, text) = run(command("spawns").env(THREADS, OsStr::from_bytes(value)));
        assert!(!status.success());
        let shown = String::from_utf8_lossy(value);
        let message = format!("REJOIN_THREADS is {shown:?}, but must be a number of threads");
        assert!(text.contains(&message), "{text}");
    }
}

#[test]
fn an_absurd_rejoin_threads_is_refused_at_once() {
    let _watchdog = watchdog("absurd REJOIN_THREADS");
    let (status, text) = run(command("spawns").env(THREADS, "18446744073709551615"));
    assert!(!status.success());
    assert!(
        text.contains("could not be started") && text.contains("18446744073709551615"),
        "{text}"
    );
}

#[test]
fn rejoin_effort_is_the_name_of_an_effort() {
    let _watchdog = watchdog("REJOIN_EFFORT");
    for value in ["thrifty", " balanced ", "eager"] {
        let (status, text) = run(command("spawns").env(EFFORT, value));
        assert!(status.success(), "{text}");
    }
    for value in ["", "frantic", "Eager"] {
        let (status, text) = run(command("spawns").env(EFFORT, value));
        assert!(!status.success());
        let message = format!("REJOIN_EFFORT is {value:?}, but must be thrifty, balanced or eager");
        assert!(text.contains(&message), "{text}");
    }
}

#[test]
fn the_global_executor_is_configured_before_its_first_use() {
    passes("configures first");
}

#[test]
fn the_global_executor_is_not_configured_after_its_first_use() {
    passes("configures too late");
}

#[test]
fn after_a_failed_start_a_later_call_works() {
    passes("fails and tries again");
}

#[test]
fn of_two_first_uses_at_once_one_wins() {
    passes("two first uses at once");
}

#[test]
fn main_returns_with_tasks_pending_and_running() {
    passes("main returns with tasks");
}

#[test]
fn main_returns_with_an_executor_in_a_thread_local() {
    passes("main returns with an executor in a thread local");
}

#[test]
fn a_block_on_that_spawns_nothing_starts_no_thread() {
    passes("spawns nothing");
}

#[test]
fn the_watchdog_names_the_test_that_hangs_and_what_it_waits_for() {
    let (status, text) = run(command("hangs").env("REJOIN_TEST_PATIENCE", "0.005"));
    assert!(!status.success());
    assert!(
        text.contains("HUNG: a child that hangs, waiting for something that never comes"),
        "{text}"
    );
}

/// Load, then nothing to do: pending tasks, an own instance, a past `block_on`.
fn idle() {
    let own = Executor::builder().threads(2).build().unwrap();
    for executor in [None, Some(&own)] {
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let work = async { rejoin::yield_now().await };
                match executor {
                    Some(executor) => executor.spawn(work),
                    None => spawn(work),
                }
            })
            .collect();
        tasks.into_iter().for_each(block_on);
    }
    for _ in 0..1_000 {
        spawn(std::future::pending::<()>()).detach();
        own.spawn(std::future::pending::<()>()).detach();
    }
    let blocking = own.spawn(async { block_on(spawn(async { rejoin::yield_now().await })) });
    own.block_on(blocking);
    println!("idle now");
    std::io::stdout().flush().unwrap();
    let mut end = String::new();
    std::io::stdin().read_to_string(&mut end).unwrap();
}

/// Context switches and nanoseconds on a processor of every thread of a process.
fn usage(child: &Child) -> Vec<(String, String, String)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let mut usage: Vec<_> = tasks
        .map(|task| {
            let path = task.unwrap().path();
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            let switches: Vec<_> = status
                .lines()
                .filter(|line| line.contains("ctxt_switches"))
                .collect();
            let schedstat = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let on_processor = schedstat.split(' ').next().unwrap_or_default().to_owned();
            (
                path.display().to_string(),
                switches.join(", "),
                on_processor,
            )
        })
        .collect();
    usage.sort();
    usage
}

fn watch_an_idle_process(length: Duration) {
    let _watchdog = watchdog("an idle process");
    let mut child = command("idles").spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    step("the load's end");
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"idle now") && stdout.read(&mut byte).unwrap() == 1 {
        text.push(byte[0]);
    }
    step("two readings that are equal");
    let mut before = usage(&child);
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = usage(&child);
        if now == before {
            break;
        }
        before = now;
    }
    let begun = Instant::now();
    std::thread::sleep(length);
    let after = usage(&child);
    assert!(before.len() > 4, "{before:?}");
    assert_eq!(before, after, "after {:?}", begun.elapsed());
    drop(child.stdin.take());
    step("the child's end");
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_idle_process_uses_no_processor_time() {
    watch_an_idle_process(Duration::from_secs(2));
}

#[test]
#[ignore = "takes ten seconds"]
fn an_idle_process_uses_no_processor_time_for_long() {
    watch_an_idle_process(Duration::from_secs(10));
}
