//! The commands, as lines that could be typed by hand.

use std::os::unix::process::ExitStatusExt;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// The sets of features that the wait group is built and tested with, beside the default.
const WAIT_GROUP: [&[&str]; 5] = [
    &["--features", "trace"],
    &["--features", "portable-atomic"],
    &["--no-default-features", "--features", "spin"],
    &["--no-default-features", "--features", "critical-section"],
    &[
        "--no-default-features",
        "--features",
        "portable-atomic,critical-section",
    ],
];

/// What lists the models' cfg must be told to.
const MODEL: &str = "--cfg rejoin_model --cfg st3_loom";

pub(crate) fn check(shell: &Shell) -> Result<()> {
    cmd!(shell, "cargo fmt --all --check").run()?;
    cmd!(
        shell,
        "cargo clippy --workspace --all-targets -- -D warnings"
    )
    .run()?;
    cmd!(
        shell,
        "cargo clippy -p rejoin --all-targets --all-features -- -D warnings"
    )
    .run()?;
    cmd!(
        shell,
        "cargo clippy -p rejoin-io --all-targets --all-features -- -D warnings"
    )
    .run()?;
    for features in WAIT_GROUP {
        let package = "rejoin-wait-group";
        cmd!(
            shell,
            "cargo clippy -p {package} --all-targets {features...} -- -D warnings"
        )
        .run()?;
    }
    without_a_lock(shell)?;
    for workspace in ["bench", "bench/http", "wait-group/costs"] {
        let _there = shell.push_dir(workspace);
        cmd!(shell, "cargo fmt --check").run()?;
        cmd!(shell, "cargo clippy --all-targets -- -D warnings").run()?;
    }
    Ok(())
}

/// Without std and without a choice of lock, the wait group must say so, and once.
fn without_a_lock(shell: &Shell) -> Result<()> {
    let check = cmd!(
        shell,
        "cargo check --quiet -p rejoin-wait-group --no-default-features"
    );
    let output = check.ignore_status().output()?;
    let message = String::from_utf8_lossy(&output.stderr);
    if output.status.success() || !message.contains("critical-section") {
        bail!("the wait group without a lock does not say what is missing:\n{message}");
    }
    Ok(())
}

/// What the README's test command leaves out.
pub(crate) fn test(shell: &Shell) -> Result<()> {
    // What sees a difference. `cargo test --workspace` has run all else already, and that of `rejoin-io` with its feature,
    // which the recipes ask for.
    for tests in ["--lib", "--doc"] {
        cmd!(shell, "cargo test -p rejoin --all-features {tests}").run()?;
    }
    for features in WAIT_GROUP {
        cmd!(shell, "cargo test -p rejoin-wait-group {features...}").run()?;
    }
    panic_abort(shell)?;
    cmd!(shell, "cargo run -q -p rejoin --example races").run()?;
    cmd!(shell, "cargo check -p rejoin --no-default-features").run()?;
    for example in ["readiness", "deadline", "shutdown", "thread"] {
        let package = "rejoin-wait-group";
        cmd!(
            shell,
            "cargo run -q -p {package} --features trace --example {example}"
        )
        .run()?;
    }
    Ok(())
}

/// Under `panic = "abort"` the first panic of a task ends the process, and no hook hears of it. No test of the harness
/// could say so: it cannot run then.
fn panic_abort(shell: &Shell) -> Result<()> {
    let abort = "profile.dev.panic='abort'";
    let example = "panic_strategies";
    let program = cmd!(
        shell,
        "cargo run -q -p rejoin --example {example} --config {abort} --target-dir target/abort"
    );
    let output = program.ignore_status().output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    // SIGABRT; cargo becomes the program that it runs.
    if output.status.signal() != Some(6) || !said.is_empty() {
        bail!("under panic = \"abort\" the example {example} did not abort at once:\n{said}");
    }
    Ok(())
}

pub(crate) fn model(shell: &Shell) -> Result<()> {
    let _flags = shell.push_env("RUSTFLAGS", MODEL);
    // Apart, so that the flag does not rebuild everything else each time.
    let _target = shell.push_env("CARGO_TARGET_DIR", "target/model");
    // The models take seconds; what takes minutes is to build all that their packages' tests depend on.
    let _debug = shell.push_env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    let _level = shell.push_env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    for package in ["rejoin", "rejoin-wait-group", "rejoin-io", "rejoin-ladder"] {
        // Canaries first: a model that cannot fail proves nothing.
        for tests in ["canary", "model::"] {
            // With what they print: how many interleavings there were.
            let run = cmd!(
                shell,
                "cargo test --release -p {package} --lib {tests} -- --show-output"
            );
            let output = run.read()?;
            println!("{output}");
            if output.contains("running 0 tests") {
                bail!("{package} has no models called {tests:?}");
            }
        }
    }
    Ok(())
}

pub(crate) fn docs(shell: &Shell) -> Result<()> {
    let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
    cmd!(shell, "cargo doc --workspace --no-deps").run()?;
    cmd!(shell, "cargo doc --workspace --no-deps --all-features").run()?;
    Ok(())
}

pub(crate) fn package(shell: &Shell) -> Result<()> {
    cmd!(
        shell,
        "cargo package --workspace --exclude xtask --exclude rejoin-ladder --allow-dirty"
    )
    .run()?;
    Ok(())
}

pub(crate) fn smoke(shell: &Shell) -> Result<()> {
    for workspace in ["bench", "bench/http"] {
        let _there = shell.push_dir(workspace);
        cmd!(shell, "cargo test").run()?;
    }
    Ok(())
}

/// New programs for one half of `seconds`, and scenarios of sleep, wake-ups, hand-overs and ends for the other; what fails
/// names its seeds, or the scenario and what hung.
pub(crate) fn soak(shell: &Shell, seconds: &str) -> Result<()> {
    let seconds: u64 = seconds.parse().context("soak takes a number of seconds")?;
    let _seconds = shell.push_env("REJOIN_SOAK", seconds.div_ceil(2).to_string());
    let _backtrace = shell.push_env("RUST_BACKTRACE", "0");
    for tests in ["random", "stress"] {
        cmd!(
            shell,
            "cargo test --release -p rejoin --test {tests} soak -- --ignored --nocapture"
        )
        .run()?;
    }
    Ok(())
}

/// A web server and clients that come, go, stall and break, for `seconds`.
pub(crate) fn soak_io(shell: &Shell, seconds: &str) -> Result<()> {
    let _seconds = shell.push_env("REJOIN_SOAK", seconds);
    cmd!(
        shell,
        "cargo test --release -p rejoin-io --features hyper --test soak -- --nocapture"
    )
    .run()?;
    Ok(())
}

/// What libFuzzer needs to be told of the code that it runs.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1";

/// Programs that the fuzzer makes up, guided by what they reach, for `seconds`; or the input in a file, once.
pub(crate) fn fuzz(shell: &Shell, what: &str) -> Result<()> {
    let _fuzz = shell.push_dir("fuzz");
    let _flags = shell.push_env("RUSTFLAGS", COVERAGE);
    // A target is named so that the flags leave build scripts alone.
    cmd!(
        shell,
        "cargo build --release --target x86_64-unknown-linux-gnu"
    )
    .run()?;
    let program = "target/x86_64-unknown-linux-gnu/release/programs";
    if what.parse::<u64>().is_err() {
        cmd!(shell, "{program} {what}").run()?;
        return Ok(());
    }
    shell.create_dir("corpus")?;
    let seconds = format!("-max_total_time={what}");
    cmd!(
        shell,
        "{program} corpus {seconds} -timeout=60 -max_len=512 -print_final_stats=1"
    )
    .run()?;
    Ok(())
}

/// What the sanitizers are not to see: why.
const NOT_SANITIZED: [&str; 7] = [
    // Fills a stack on purpose, and frames under the sanitizer are larger than it reckons with.
    "a_large_stack_is_really_there",
    // What the drop of a payload throws could go on for ever, and is leaked on purpose.
    "a_payload_whose_drop_panics_goes_off_harmlessly",
    "a_panic_whose_payload_panics_in_its_drop_harms_nobody",
    // The oracle is to notice what is leaked on purpose.
    "an_allocation_that_is_left_is_found",
    "a_forgotten_future_is_found_and_the_program_made_small",
    "a_forgotten_output_is_found_and_the_program_made_small",
    // What somebody forgets stays.
    "a_forgotten_handle_keeps_the_group_open_and_is_counted",
];

/// The tests under AddressSanitizer, which looks for leaks too, if there is a nightly; and examples under valgrind, if
/// there is one. Says so if not.
pub(crate) fn sanitize(shell: &Shell) -> Result<()> {
    memcheck(shell)?;
    if !is_there(shell, "cargo", "+nightly") {
        eprintln!("sanitize: SKIPPED, no nightly toolchain (rustup toolchain install nightly)");
        return Ok(());
    }
    let _flags = shell.push_env("RUSTFLAGS", "-Zsanitizer=address");
    let _target = shell.push_env("CARGO_TARGET_DIR", "target/sanitize");
    // What lives as long as the process is reachable from a static, and no leak.
    let _options = shell.push_env("ASAN_OPTIONS", "detect_leaks=1");
    let _patience = shell.push_env("REJOIN_TEST_PATIENCE", "10");
    let skipped = &NOT_SANITIZED.map(|test| format!("--skip={test}"));
    // A target is named so that the flag leaves build scripts and macros alone.
    let target = "x86_64-unknown-linux-gnu";
    for tests in ["it", "random"] {
        cmd!(
            shell,
            "cargo +nightly test --release -p rejoin --target {target} --test {tests} -- {skipped...}"
        )
        .run()?;
    }
    cmd!(
        shell,
        "cargo +nightly test --release -p rejoin-wait-group --target {target} --tests -- {skipped...}"
    )
    .run()?;
    Ok(())
}

/// Examples under valgrind's memcheck: nothing is used after its end, nothing is lost. Its helgrind and DRD take every
/// handshake by atomics for a race, and are of no use here.
fn memcheck(shell: &Shell) -> Result<()> {
    if !is_there(shell, "valgrind", "") {
        eprintln!("sanitize: SKIPPED, no valgrind (apt-get install valgrind)");
        return Ok(());
    }
    cmd!(shell, "cargo build --release -p rejoin --examples").run()?;
    for example in ["walk", "replicas", "drain"] {
        let program = format!("target/release/examples/{example}");
        let kinds = "--errors-for-leak-kinds=definite,indirect";
        cmd!(
            shell,
            "valgrind --leak-check=full {kinds} --error-exitcode=1 {program}"
        )
        .run()?;
    }
    Ok(())
}

/// Whether a program can be called, in the version that `toolchain` names.
fn is_there(shell: &Shell, program: &str, toolchain: &str) -> bool {
    let toolchain = Some(toolchain).filter(|toolchain| !toolchain.is_empty());
    cmd!(shell, "{program} {toolchain...} --version")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}

pub(crate) fn bench(shell: &Shell, arguments: Vec<String>) -> Result<()> {
    let _bench = shell.push_dir("bench");
    // Both programs: the memory row runs in the one with the counting allocator.
    cmd!(shell, "cargo build --release").run()?;
    cmd!(shell, "cargo run --release -- {arguments...}").run()?;
    Ok(())
}
