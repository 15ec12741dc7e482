//! Every row on every runtime, once and briefly: the answers are checked, the figures are not.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{fs, thread};

const RUNTIMES: [&str; 4] = ["rejoin", "rejoin+async-io", "tokio", "smol"];

/// Rows, and how many figures each has.
const ALWAYS: [(&str, usize); 4] = [
    ("echo/1", 5),
    ("echo/64", 5),
    ("timers/expire", 5),
    ("timers/cancel", 3),
];
const BY_WRK: [(&str, usize); 6] = [
    ("plaintext/keep-alive/1", 6),
    ("plaintext/keep-alive/64", 6),
    ("plaintext/keep-alive/1024", 6),
    ("plaintext/close/1", 6),
    ("plaintext/close/64", 6),
    ("plaintext/close/1024", 6),
];

fn program(arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_rejoin-bench-http"))
        .args(arguments)
        .output();
    program.expect("the program starts")
}

/// Runs the rows whose names contain one of `patterns`; every figure of `rows` must be there.
fn runs(patterns: &[&str], rows: &[(&str, usize)]) {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(patterns.join("-"));
    let out = out.to_str().expect("UTF-8");
    let mut arguments = vec!["load", "--quick", "--out", out];
    arguments.extend(patterns.iter().flat_map(|pattern| ["--row", pattern]));
    let ended = program(&arguments);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{errors}");
    let table = String::from_utf8_lossy(&ended.stdout);
    let csv = fs::read_to_string(format!("{out}/samples.csv")).expect("it was written");
    for (row, figures) in rows {
        for runtime in RUNTIMES {
            let begin = format!("{row},{runtime},0,");
            let found = csv.lines().filter(|line| line.starts_with(&begin)).count();
            assert_eq!(found, *figures, "{row} on {runtime}: {csv}");
        }
        assert!(table.contains(&format!("## {row}\n")), "{table}");
    }
    // The same table from the same samples.
    let again = program(&["load", "--from", &format!("{out}/samples.csv")]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), table);
}

#[test]
fn messages_come_back_and_timers_expire_on_every_runtime() {
    runs(&["echo", "timers"], &ALWAYS);
}

#[test]
fn every_runtime_answers_every_request_of_wrk() {
    if Command::new("wrk").arg("-v").output().is_err() {
        eprintln!("SKIPPED: there is no wrk (apt-get install wrk)");
        let refused = program(&["load", "--quick", "--row", "plaintext"]);
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && errors.contains("apt-get install wrk"));
        return;
    }
    runs(&["plaintext"], &BY_WRK);
}

#[test]
fn an_unknown_runtime_and_an_unknown_row_are_refused() {
    let refused = program(&["load", "--runtime", "nobody"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nobody"));
    let refused = program(&["load", "--row", "nothing"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("timers/cancel"));
}

#[test]
fn a_driven_server_ends_with_its_input() {
    // `output` gives it an input that has ended.
    let server = thread::spawn(|| program(&["serve", "rejoin", "--driven", "--port", "0"]));
    assert!(server.join().expect("no panic").status.success());
}
