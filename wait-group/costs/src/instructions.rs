//! Instructions for a clone and a drop, counted by callgrind.

use std::env;
use std::hint::black_box;
use std::process::Command;

use crate::peers::{Asyncband, Crossbeam, Peer, Plain, Rejoin, Tracker, Wg};

/// The loop that is counted: `costs loop PEER TIMES`.
pub fn run(peer: &str, times: usize) {
    fn clone_and_drop<P: Peer>(peer: &str, times: usize) {
        if P::NAME != peer {
            return;
        }
        let group = P::group();
        for _ in 0..times {
            P::done(black_box(P::worker(black_box(&group))));
        }
    }

    clone_and_drop::<Plain>(peer, times);
    clone_and_drop::<Rejoin>(peer, times);
    clone_and_drop::<Asyncband>(peer, times);
    clone_and_drop::<Wg>(peer, times);
    clone_and_drop::<Crossbeam>(peer, times);
    clone_and_drop::<Tracker>(peer, times);
}

/// Counts for each peer: the difference between two lengths of the loop, so that nothing but the loop
/// is in it.
pub fn table() {
    const FEW: usize = 10_000;
    const MANY: usize = 20_000;

    println!("instructions for a clone and a drop, loop included (callgrind):");
    for name in [
        Plain::NAME,
        Rejoin::NAME,
        Asyncband::NAME,
        Wg::NAME,
        Crossbeam::NAME,
        Tracker::NAME,
    ] {
        let (few, many) = (count(name, FEW), count(name, MANY));
        let each = (many - few) as f64 / (MANY - FEW) as f64;
        println!("  {name:12} {each:6.1}");
    }
}

fn count(peer: &str, times: usize) -> u64 {
    let this = env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["loop", peer, &times.to_string()])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    collected
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_else(|| panic!("no count in what valgrind says:\n{text}"))
}
