//! Where a run took place, and with which versions.

use crate::arguments::Arguments;
use crate::machine;
use crate::peers::Id;

const LOCK: &str = include_str!("../Cargo.lock");

/// The lines that head every table and CSV file.
pub(crate) fn lines(arguments: &Arguments, peers: &[Id]) -> Vec<String> {
    let (threads, rounds, seed) = (arguments.threads, arguments.rounds, arguments.seed);
    let time = arguments.time.as_secs_f64();
    let mut lines = vec![
        machine::moment(),
        format!("{}; {} allocator", machine::hardware(), allocator()),
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

/// The version of a package in the lock file that this program was built from.
pub(crate) fn version(package: &str) -> Option<&'static str> {
    machine::version(LOCK, package)
}

fn allocator() -> &'static str {
    if cfg!(feature = "mimalloc") {
        "mimalloc"
    } else {
        "system"
    }
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
