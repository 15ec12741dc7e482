//! What a record says of the machine and the moment.

use std::fs;
use std::process::Command;
use std::thread;

/// When, out of which commit, by which compiler.
pub(crate) fn moment() -> String {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
    let here = env!("CARGO_MANIFEST_DIR");
    let commit = first_line(
        "git",
        &["-C", here, "describe", "--always", "--dirty", "--exclude=*"],
    );
    format!(
        "{now}; commit {commit}; {}",
        first_line("rustc", &["--version"])
    )
}

/// Cores, processor, kernel.
pub(crate) fn hardware() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let (system, release) = (first_line("uname", &["-s"]), first_line("uname", &["-r"]));
    format!("{cores} cores, {}; {system} {release}", processor())
}

/// The version of a package in a lock file: the newest, where others bring older ones along.
pub(crate) fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    let mut newest = None;
    let wanted = format!("name = \"{package}\"");
    while lines.any(|line| line == wanted) {
        newest = lines
            .next()?
            .strip_prefix("version = \"")?
            .strip_suffix('"');
    }
    newest
}

fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown");
    name.trim_start_matches([' ', '\t', ':']).to_owned()
}

/// The first line that a command prints, or `unknown`.
fn first_line(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| output.stdout);
    let text = text.map(|bytes| {
        String::from_utf8_lossy(&bytes)
            .lines()
            .next()
            .unwrap_or("")
            .to_owned()
    });
    text.filter(|line| !line.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
