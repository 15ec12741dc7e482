//! The commands, as lines that could be typed by hand.

use anyhow::Result;
use xshell::{Shell, cmd};

/// The sets of features that the wait group is built and tested with, beside the default.
const WAIT_GROUP_FEATURES: [&[&str]; 3] = [
    &["--no-default-features", "--features", "spin"],
    &["--no-default-features", "--features", "critical-section"],
    &["--features", "trace"],
];

pub(crate) fn check(shell: &Shell) -> Result<()> {
    cmd!(shell, "cargo fmt --all --check").run()?;
    cmd!(
        shell,
        "cargo clippy --workspace --all-targets -- -D warnings"
    )
    .run()?;
    cmd!(
        shell,
        "cargo clippy --workspace --all-targets --all-features -- -D warnings"
    )
    .run()?;
    for features in WAIT_GROUP_FEATURES {
        cmd!(
            shell,
            "cargo clippy -p rejoin-wait-group --all-targets {features...} -- -D warnings"
        )
        .run()?;
    }
    let _bench = shell.push_dir("bench");
    cmd!(shell, "cargo fmt --check").run()?;
    cmd!(shell, "cargo clippy --release --all-targets -- -D warnings").run()?;
    Ok(())
}

pub(crate) fn test(shell: &Shell) -> Result<()> {
    cmd!(shell, "cargo test --workspace").run()?;
    cmd!(shell, "cargo test -p rejoin --all-features").run()?;
    for features in WAIT_GROUP_FEATURES {
        cmd!(shell, "cargo test -p rejoin-wait-group {features...}").run()?;
    }
    Ok(())
}

pub(crate) fn model(shell: &Shell) -> Result<()> {
    let _flags = shell.push_env("RUSTFLAGS", "--cfg rejoin_model");
    // Apart, so that the flag does not rebuild everything else each time.
    let _target = shell.push_env("CARGO_TARGET_DIR", "target/model");
    for package in ["rejoin", "rejoin-wait-group"] {
        // Canaries first: a model that cannot fail proves nothing.
        for models in ["model::canary", "model::"] {
            cmd!(shell, "cargo test --release -p {package} --lib {models}").run()?;
        }
    }
    Ok(())
}

pub(crate) fn docs(shell: &Shell) -> Result<()> {
    let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
    cmd!(shell, "cargo doc --workspace --no-deps --all-features").run()?;
    Ok(())
}

pub(crate) fn package(shell: &Shell) -> Result<()> {
    cmd!(
        shell,
        "cargo package --workspace --exclude xtask --allow-dirty"
    )
    .run()?;
    Ok(())
}

pub(crate) fn smoke(shell: &Shell) -> Result<()> {
    let _bench = shell.push_dir("bench");
    cmd!(shell, "cargo test --release").run()?;
    Ok(())
}

pub(crate) fn bench(shell: &Shell, arguments: Vec<String>) -> Result<()> {
    let _bench = shell.push_dir("bench");
    cmd!(shell, "cargo run --release -- {arguments...}").run()?;
    Ok(())
}
