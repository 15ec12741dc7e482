//! `cargo xtask`: what a developer and the gate run, one command each.

#![forbid(unsafe_code)]

mod steps;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};
use xshell::Shell;

const HELP: &str = "\
cargo xtask COMMAND

  ci       all of the below but sanitize, soak, soak-io, fuzz and bench, in this order
  check    rustfmt and clippy, in every set of features
  test     the tests in the sets of features that `cargo test --workspace` leaves out
  model    the models: every interleaving of the parts that have an ordering in them
  docs     the documentation, without a warning
  tidy     the rules of the house that no compiler knows
  package  what would be published, built from its package
  smoke    every row of the benchmark on every peer, small
  sanitize the tests under AddressSanitizer and LeakSanitizer, examples under valgrind, as far as they are there
  soak     made-up programs that nobody has seen, and scenarios of sleep and wake-ups, for so many seconds (60)
  soak-io  a web server and clients that come, go, stall and break, for so many seconds (60)
  fuzz     programs made up by libFuzzer, for so many seconds (60), or the input in a file
  bench    the benchmark; what follows goes to it";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let shell = Shell::new()?;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    shell.change_dir(&root);
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("ci") => {
            tidy::run(&root)?;
            steps::check(&shell)?;
            steps::test(&shell)?;
            steps::docs(&shell)?;
            steps::model(&shell)?;
            steps::package(&shell)?;
            steps::smoke(&shell)
        }
        Some("check") => steps::check(&shell),
        Some("test") => steps::test(&shell),
        Some("model") => steps::model(&shell),
        Some("docs") => steps::docs(&shell),
        Some("tidy") => tidy::run(&root),
        Some("package") => steps::package(&shell),
        Some("smoke") => steps::smoke(&shell),
        Some("sanitize") => steps::sanitize(&shell),
        Some("soak") => steps::soak(&shell, arguments.next().as_deref().unwrap_or("60")),
        Some("soak-io") => steps::soak_io(&shell, arguments.next().as_deref().unwrap_or("60")),
        Some("fuzz") => steps::fuzz(&shell, arguments.next().as_deref().unwrap_or("60")),
        Some("bench") => steps::bench(&shell, arguments.collect()),
        Some("help" | "--help" | "-h") | None => {
            println!("{HELP}");
            Ok(())
        }
        Some(unknown) => bail!("there is no command {unknown:?}\n\n{HELP}"),
    }
}
