//! A step is a file that a person reads in ten minutes.

use std::fs;
use std::path::Path;

/// Most lines of a file, comments and all.
const LINES: usize = 150;

#[test]
fn no_file_of_the_ladder_is_longer_than_a_sitting() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let steps = ["v1", "v2", "v3", "v4", "v5"];
    let names = steps.map(|step| format!("{step}.rs"));
    let others = [
        "block_on.rs",
        "shared_queue.rs",
        "wait_group.rs",
        "v1/state.rs",
        "v5/injector.rs",
    ];
    for name in names.iter().map(String::as_str).chain(others) {
        let text = fs::read_to_string(source.join(name)).expect("the step has a file");
        let lines = text.lines().count();
        assert!(lines <= LINES, "{name} has {lines} lines");
    }
}
