//! The commands, as lines that could be typed by hand.

use anyhow::{Result, bail};
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
const MODEL: &str = "--cfg rejoin_model";

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
    cmd!(shell, "cargo test -p rejoin --all-features").run()?;
    cmd!(shell, "cargo test -p rejoin-io --all-features").run()?;
    for features in WAIT_GROUP {
        cmd!(shell, "cargo test -p rejoin-wait-group {features...}").run()?;
    }
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

pub(crate) fn model(shell: &Shell) -> Result<()> {
    let _flags = shell.push_env("RUSTFLAGS", MODEL);
    // Apart, so that the flag does not rebuild everything else each time.
    let _target = shell.push_env("CARGO_TARGET_DIR", "target/model");
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
    let _bench = shell.push_dir("bench");
    cmd!(shell, "cargo test").run()?;
    Ok(())
}

/// New programs for `seconds`; what fails names its seeds.
pub(crate) fn soak(shell: &Shell, seconds: &str) -> Result<()> {
    let _seconds = shell.push_env("REJOIN_SOAK", seconds);
    let _backtrace = shell.push_env("RUST_BACKTRACE", "0");
    cmd!(
        shell,
        "cargo test --release -p rejoin --test random soak -- --ignored --nocapture"
    )
    .run()?;
    Ok(())
}

/// The tests under AddressSanitizer, which looks for leaks too, if there is a nightly; says so if not.
pub(crate) fn sanitize(shell: &Shell) -> Result<()> {
    if cmd!(shell, "cargo +nightly --version")
        .quiet()
        .ignore_stderr()
        .run()
        .is_err()
    {
        eprintln!(
            "sanitize: SKIPPED, there is no nightly toolchain (rustup toolchain install nightly)"
        );
        return Ok(());
    }
    let _flags = shell.push_env("RUSTFLAGS", "-Zsanitizer=address");
    let _target = shell.push_env("CARGO_TARGET_DIR", "target/sanitize");
    // What lives as long as the process is reachable from a static, and no leak.
    let _options = shell.push_env("ASAN_OPTIONS", "detect_leaks=1");
    let _patience = shell.push_env("REJOIN_TEST_PATIENCE", "10");
    for tests in ["it", "random"] {
        // A target is named so that the flag leaves build scripts and macros alone. One test fills a stack on purpose, and
        // frames under the sanitizer are larger than it reckons with.
        cmd!(
            shell,
            "cargo +nightly test --release -p rejoin --target x86_64-unknown-linux-gnu --test {tests} -- --skip a_large_stack_is_really_there"
        )
        .run()?;
    }
    cmd!(
        shell,
        "cargo +nightly test --release -p rejoin-wait-group --target x86_64-unknown-linux-gnu --tests"
    )
    .run()?;
    Ok(())
}

pub(crate) fn bench(shell: &Shell, arguments: Vec<String>) -> Result<()> {
    let _bench = shell.push_dir("bench");
    // Both programs: the memory row runs in the one with the counting allocator.
    cmd!(shell, "cargo build --release").run()?;
    cmd!(shell, "cargo run --release -- {arguments...}").run()?;
    Ok(())
}
