//! Every row on every peer, once and with little work: the answers are checked, the figures are not.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// The program, built beside this test; the counting one lies next to it.
const PROGRAM: &str = env!("CARGO_BIN_EXE_rejoin-bench");
const COUNTING: &str = env!("CARGO_BIN_EXE_rejoin-bench-counting");

fn run(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .output()
        .expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("figures are text")
}

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_row_runs_on_every_peer_that_can() {
    assert!(fs::exists(COUNTING).is_ok_and(|exists| exists));
    let out = directory("every_row");
    let text = run(&[
        "--quick",
        "--threads",
        "2",
        "--summary",
        "--out",
        out.to_str().expect("UTF-8"),
    ]);
    for expected in [
        "tokio/ping_pong",
        "memory/1000000 bytes",
        "latency/wake/0 p99.9",
        "The bars",
    ] {
        assert!(text.contains(expected), "{expected} is missing");
    }
    let csv = fs::read_to_string(out.join("samples.csv")).expect("it was written");
    assert!(
        csv.lines()
            .any(|line| line.starts_with("machine/atomic,machine,floor,0,time,ns,"))
    );
    assert!(
        fs::read_to_string(out.join("ratios.svg"))
            .expect("it was written")
            .ends_with("</svg>\n")
    );
}

#[test]
fn rows_that_run_only_when_named_run_when_named() {
    let text = run(&[
        "--quick",
        "--threads",
        "2",
        "--row",
        "growth",
        "--row",
        "skynet/1000000",
    ]);
    assert!(text.contains("growth/10000000 join") && text.contains("skynet/1000000"));
}

#[test]
fn the_steps_of_the_ladder_run_when_they_are_named() {
    let steps = [1, 2, 3, 4, 5].map(|step| format!("ladder-v{step}"));
    let mut arguments = vec!["--quick", "--threads", "2"];
    for row in ["task/", "tokio/", "fork_join", "memory"] {
        arguments.extend(["--row", row]);
    }
    for step in &steps {
        arguments.extend(["--peer", step]);
    }
    let text = run(&arguments);
    for step in &steps {
        assert!(text.contains(step.as_str()), "{step} is missing");
    }
}

#[test]
fn a_report_on_old_samples_is_the_report_of_their_run() {
    let out = directory("old_samples");
    let out = out.to_str().expect("UTF-8");
    let peers = ["--peer", "tokio", "--peer", "floor", "--row", "task/"];
    let first = run(&[
        &["--quick", "--rounds", "3", "--out", out],
        peers.as_slice(),
    ]
    .concat());
    let again = run(&[&["--from", &format!("{out}/samples.csv")], peers.as_slice()].concat());
    assert_eq!(first, again);
}

/// The samples of the newest record of this run.
fn newest_samples(run_of: &str) -> PathBuf {
    let records = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("records");
    let records = fs::read_dir(records).expect("there are records");
    let records = records.map(|record| record.expect("it can be read").path());
    let samples = records.map(|record| record.join(run_of).join("samples.csv"));
    let newest = samples.filter(|samples| samples.exists()).max();
    newest.expect("there is one")
}

#[test]
fn the_pages_show_what_the_newest_record_says() {
    let pages = [
        ("readme", "", "README.md"),
        ("groups", "", "DESIGN.md"),
        ("ladder", "ladder", "ladder/README.md"),
    ];
    for (page, run_of, file) in pages {
        let samples = newest_samples(run_of);
        let samples = samples.to_str().expect("UTF-8");
        let table = run(&["--from", samples, "--page", page]);
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(file);
        let text = fs::read_to_string(&file).expect("the page is there");
        let file = file.display();
        assert!(text.contains(&table), "{file} lacks the table:\n{table}");
    }
}

#[test]
fn the_reference_is_the_one_that_was_asked_for() {
    let text = run(&[
        "--quick",
        "--row",
        "task/spawn_await",
        "--peer",
        "tokio",
        "--peer",
        "smol",
        "--reference",
        "smol",
    ]);
    assert!(text.contains("ratio to smol"), "{text}");
}

#[test]
fn an_unknown_peer_is_refused() {
    let output = Command::new(PROGRAM)
        .args(["--peer", "nobody"])
        .output()
        .expect("the program starts");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody"));
}
