//! The tables that pages of this repository show: each is what the newest record says, and a test compares.

use super::{Line, Report, short};

/// A table on a page.
#[derive(Debug)]
struct Page {
    name: &'static str,
    /// The reference first.
    peers: &'static [&'static str],
    /// What a line is called, its row, its metric.
    lines: &'static [(&'static str, &'static str, &'static str)],
    figures: Figures,
}

/// What stands in a table's cells.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figures {
    /// The reference's own figure, and the others' over it.
    Ratios,
    /// Everybody's own.
    Medians,
}

const PAGES: &[Page] = &[
    Page {
        name: "readme",
        peers: &["rejoin", "tokio", "async-executor-static", "smol"],
        lines: &[
            ("spawn from a task, detached", "task/spawn_detached", "time"),
            (
                "spawn one and await it, in a task",
                "task/spawn_await",
                "time",
            ),
            (
                "spawn one and await it, in `block_on`",
                "block_on/spawn_await",
                "time",
            ),
            ("fork-join, fib(20)", "fork-join/fib/20", "time"),
            ("skynet, 100,000 leaves", "skynet/100000", "time"),
            ("yield, 200 tasks", "tokio/yield_many", "time"),
            ("pinball, 1 ball", "tachyobench/pinball/1", "time"),
            ("spawn from 4 threads", "tokio/remote_spawn/4", "time"),
            (
                "spawn from outside beside yielding tasks",
                "tokio/spawn_many_remote_busy1",
                "time",
            ),
            (
                "spawn from outside beside spawning tasks",
                "tokio/spawn_many_remote_busy2",
                "time",
            ),
            (
                "10,000 tasks of a group, joined",
                "group/spawn_join/10000",
                "time",
            ),
            (
                "memory of an idle task, resident",
                "memory/1000000",
                "resident",
            ),
            (
                "CPU time per message at 10 % load",
                "load/messages/10",
                "cpu",
            ),
        ],
        figures: Figures::Ratios,
    },
    Page {
        name: "groups",
        peers: &[
            "rejoin",
            "tokio",
            "futures-unordered",
            "futures-concurrency",
        ],
        lines: &[
            (
                "10,000 members, spawned and joined",
                "group/spawn_join/10000",
                "time",
            ),
            (
                "first error, until 1,000 others are gone",
                "group/first_error/1000",
                "time",
            ),
            (
                "1,000,000 members, 100 at a time",
                "group/limit_100/1000000",
                "time",
            ),
            ("memory of a waiting member", "group/memory/100000", "bytes"),
        ],
        figures: Figures::Medians,
    },
    Page {
        name: "ladder",
        peers: &[
            "ladder-v1",
            "ladder-v2",
            "ladder-v3",
            "ladder-v4",
            "ladder-v5",
            "rejoin",
        ],
        lines: &[
            ("spawn from a task, detached", "task/spawn_detached", "time"),
            (
                "spawn one and await it, in a task",
                "task/spawn_await",
                "time",
            ),
            ("fork-join, fib(20)", "fork-join/fib/20", "time"),
            ("yield, 200 tasks", "tokio/yield_many", "time"),
            ("ping-pong, 1,000 pairs", "tokio/ping_pong", "time"),
            (
                "spawn from outside, idle pool",
                "tokio/spawn_many_remote_idle",
                "time",
            ),
        ],
        figures: Figures::Medians,
    },
];

/// The table of the page with this name, or what there is.
pub(super) fn text(report: &Report, name: &str) -> Result<String, String> {
    let Some(page) = PAGES.iter().find(|page| page.name == name) else {
        let names: Vec<_> = PAGES.iter().map(|page| page.name).collect();
        return Err(format!(
            "no page is called {name}; there are {}",
            names.join(", ")
        ));
    };
    let mut text = format!("| row | {} |\n", page.peers.join(" | "));
    text += &format!("|---|{}\n", "---:|".repeat(page.peers.len()));
    for &(label, row, metric) in page.lines {
        let line = report
            .lines
            .iter()
            .find(|line| line.row == row && line.metric == metric);
        let line = line.ok_or_else(|| format!("the run has no {row} {metric}"))?;
        let cells = page.peers.iter().map(|peer| cell(page, line, peer));
        text += &format!("| {label} | {} |\n", cells.collect::<Vec<_>>().join(" | "));
    }
    Ok(text)
}

fn cell(page: &Page, line: &Line, peer: &str) -> String {
    let is_reference = page.peers[0] == peer;
    match line.cell(peer) {
        None => "–".to_owned(),
        Some(cell) if is_reference || page.figures == Figures::Medians => {
            format!("{} {}", short(cell.median), line.unit)
        }
        Some(cell) => match cell.ratio {
            None => "–".to_owned(),
            Some(ratio) if ratio.is_95 && ratio.high < 1.0 => {
                format!("**{}**", short(ratio.median))
            }
            Some(ratio) => short(ratio.median),
        },
    }
}
