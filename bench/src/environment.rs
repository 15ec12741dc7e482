//! Where a run took place, and with which versions.

use crate::arguments::Arguments;
use crate::peers::Id;
use std::fs;
use std::process::Command;
use std::thread;

const LOCK: &str = include_str!("../Cargo.lock");

/// The lines that head every table and CSV file.
pub(crate) fn lines(arguments: &Arguments, peers: &[Id]) -> Vec<String> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let (threads, rounds, seed) = (arguments.threads, arguments.rounds, arguments.seed);
    let time = arguments.time.as_secs_f64();
    let mut lines = vec![
        format!(
            "{}; commit {}; {}",
            date(),
            commit(),
            output("rustc", &["--version"])
        ),
        format!(
            "{cores} cores, {}; {}; {} allocator",
            processor(),
            kernel(),
            allocator()
        ),
        format!("{threads} workers; {rounds} rounds, {time} s a sample, seed {seed}"),
    ];
    let versions: Vec<String> = peers
        .iter()
        .map(|peer| {
            let info = peer.info();
            let version = version(info.package).unwrap_or("?");
            if info.name == info.package {
                format!("{} {version}", info.name)
            } else {
                format!("{} ({} {version})", info.name, info.package)
            }
        })
        .collect();
    lines.push(versions.join(", "));
    lines
}

/// The version of a package in the lock file that this program was built from: the newest, where
/// peers of ours bring older ones along.
pub(crate) fn version(package: &str) -> Option<&'static str> {
    let mut lines = LOCK.lines();
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

fn date() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
}

fn commit() -> String {
    let here = env!("CARGO_MANIFEST_DIR");
    output(
        "git",
        &["-C", here, "describe", "--always", "--dirty", "--exclude=*"],
    )
}

fn kernel() -> String {
    format!("{} {}", output("uname", &["-s"]), output("uname", &["-r"]))
}

fn processor() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown");
    name.trim_start_matches([' ', '\t', ':']).to_owned()
}

fn allocator() -> &'static str {
    if cfg!(feature = "mimalloc") {
        "mimalloc"
    } else {
        "system"
    }
}

/// The first line that a command prints, or `unknown`.
fn output(command: &str, arguments: &[&str]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_version() {
        for peer in Id::ALL {
            assert!(
                version(peer.info().package).is_some(),
                "{}",
                peer.info().name
            );
        }
    }
}
