//! The bars: what is asked of rejoin, and what this run reached.

use super::{Line, Report, short};
use crate::peers::Id;
use crate::statistics::{Interval, geometric_mean};

const FAMILIES: [&str; 6] = ["spawn", "join", "wake", "remote", "hand-off", "teardown"];

/// No row counts for more than this in a mean, so that none carries it.
const CAP: f64 = 10.0;

const OWN: &str = "rejoin";
const INSTANCE: &str = "rejoin-instance";

/// The table of bars; says so where a run lacks what a bar needs.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::from("\n## The bars\n\n| what | bar | reached |\n|---|---|---|\n");
    for (what, bar, reached) in time_bars(report).into_iter().chain(other_bars(report)) {
        text += &format!(
            "| {what} | {bar} | {} |\n",
            reached.unwrap_or_else(|| "not in this run".to_owned())
        );
    }
    text +=
        "\nCallgrind instructions and atomic operations are counted elsewhere; times stand here.\n";
    text + &lost_rows(report)
}

type Bar = (&'static str, &'static str, Option<String>);

fn time_bars(report: &Report) -> Vec<Bar> {
    vec![
        (
            "tokio's time over ours, mean of families",
            "at least 3.0",
            over_tokio(report),
        ),
        (
            "the best peer's of each row over ours",
            "at least 2.0",
            over_best(report),
        ),
        (
            "the same without smolscale, which accepts stalls of 50 ms",
            "beside",
            over_best_but(report, &["smolscale"]),
        ),
        (
            "rows lost to the best general-purpose peer",
            "at most 3, none below 0.85",
            lost_count(report),
        ),
        (
            "message passing against nexosim",
            "at least 0.88",
            over_nexosim(report),
        ),
        (
            "spawn one and await it in block_on, tokio's over ours",
            "at least 3",
            ratio(report, "async-executor/spawn_one", "time", "tokio"),
        ),
        (
            "detached spawn and run over the floor",
            "at most 2.0",
            over_floor(report, "one-worker/spawn_detached"),
        ),
        (
            "a yield cycle over the floor",
            "at most 1.4",
            over_floor(report, "one-worker/yield"),
        ),
        (
            "an own instance over the global one",
            "worst 1.25, mean 1.10",
            over_global(report),
        ),
    ]
}

fn other_bars(report: &Report) -> Vec<Bar> {
    vec![
        (
            "bytes per idle task, ours over tokio's",
            "at most 0.6",
            inverse(report, "memory/1000000", "bytes"),
        ),
        (
            "resident bytes per idle task",
            "beside",
            inverse(report, "memory/1000000", "resident"),
        ),
        (
            "allocations per spawn",
            "exactly 1",
            value(report, "memory/1000000", "allocations"),
        ),
        (
            "CPU per message at 10 % load, ours over tokio's",
            "at most 1.0",
            inverse(report, "load/messages/10", "cpu"),
        ),
        (
            "an idle pool's CPU time, ns/s",
            "0",
            value(report, "load/idle", "cpu"),
        ),
        (
            "an idle pool's context switches, 1/s",
            "0",
            value(report, "load/idle", "switches"),
        ),
    ]
}

fn line<'a>(report: &'a Report, row: &str, metric: &str) -> Option<&'a Line> {
    report
        .lines
        .iter()
        .find(|line| line.row == row && line.metric == metric)
}

fn times(report: &Report) -> impl Iterator<Item = &Line> {
    report
        .lines
        .iter()
        .filter(|line| line.metric == "time" && FAMILIES.contains(&line.family.as_str()))
}

fn is_general(peer: &str) -> bool {
    Id::by_name(peer).is_some_and(|id| id.info().is_general) && peer != OWN && peer != INSTANCE
}

fn interval(ratio: &Interval) -> String {
    format!(
        "{} [{}, {}]",
        short(ratio.median),
        short(ratio.low),
        short(ratio.high)
    )
}

/// A peer's figure over ours.
fn between(report: &Report, row: &str, metric: &str, peer: &str, own: &str) -> Option<Interval> {
    let line = line(report, row, metric)?;
    line.cell(peer)?.ratio_to(line.cell(own)?, |_| true)
}

fn ratio(report: &Report, row: &str, metric: &str, peer: &str) -> Option<String> {
    between(report, row, metric, peer, OWN)
        .as_ref()
        .map(interval)
}

/// Ours over tokio's.
fn inverse(report: &Report, row: &str, metric: &str) -> Option<String> {
    between(report, row, metric, OWN, "tokio")
        .as_ref()
        .map(interval)
}

fn over_floor(report: &Report, row: &str) -> Option<String> {
    between(report, row, "time", OWN, "floor")
        .as_ref()
        .map(interval)
}

fn value(report: &Report, row: &str, metric: &str) -> Option<String> {
    line(report, row, metric)?
        .cell(OWN)
        .map(|cell| short(cell.median))
}

/// The geometric mean within each family and then over them, each row capped.
fn mean_of_families(report: &Report, of_row: impl Fn(&Line) -> Option<f64>) -> Option<String> {
    let mut means = Vec::new();
    let mut parts = Vec::new();
    for family in FAMILIES {
        let rows = times(report).filter(|line| line.family == family);
        if let Some(mean) = geometric_mean(rows.filter_map(&of_row).map(|ratio| ratio.min(CAP))) {
            means.push(mean);
            parts.push(format!("{family} {}", short(mean)));
        }
    }
    geometric_mean(means).map(|mean| format!("{} ({})", short(mean), parts.join(", ")))
}

fn over_tokio(report: &Report) -> Option<String> {
    mean_of_families(report, |line| {
        Some(
            line.cell("tokio")?
                .ratio_to(line.cell(OWN)?, |_| true)?
                .median,
        )
    })
}

fn over_best(report: &Report) -> Option<String> {
    over_best_but(report, &[])
}

/// Picked on every other round and compared on those between, so that luck does not pick.
fn over_best_but(report: &Report, without: &[&str]) -> Option<String> {
    mean_of_families(report, |line| {
        let own = line.cell(OWN)?;
        let best = best_peer(line, without, |round| round % 2 == 1)?;
        Some(
            line.cell(best)?
                .ratio_to(own, |round| round % 2 == 0)?
                .median,
        )
    })
}

/// The general-purpose peer whose ratio to us is lowest in the rounds that `keep` picks.
fn best_peer<'a>(
    line: &'a Line,
    without: &[&str],
    keep: impl Fn(usize) -> bool + Copy,
) -> Option<&'a str> {
    let own = line.cell(OWN)?;
    line.cells
        .iter()
        .filter(|cell| is_general(&cell.peer) && !without.contains(&cell.peer.as_str()))
        .filter_map(|cell| Some((cell.ratio_to(own, keep)?.median, cell.peer.as_str())))
        .min_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, peer)| peer)
}

/// Rows in which the whole interval against the best peer lies below 1, worst first.
fn lost(report: &Report) -> Vec<(&str, &str, Interval)> {
    let mut lost: Vec<_> = times(report)
        .filter_map(|line| {
            let peer = best_peer(line, &[], |_| true)?;
            let ratio = line.cell(peer)?.ratio_to(line.cell(OWN)?, |_| true)?;
            (ratio.high < 1.0).then_some((line.row.as_str(), peer, ratio))
        })
        .collect();
    lost.sort_by(|one, other| one.2.median.total_cmp(&other.2.median));
    lost
}

fn lost_count(report: &Report) -> Option<String> {
    times(report).find_map(|line| line.cell(OWN))?;
    let lost = lost(report);
    let theirs = lost
        .iter()
        .filter(|(row, ..)| row.starts_with("tokio/") || row.starts_with("async-executor/"));
    let worst = lost
        .first()
        .map_or("none".to_owned(), |(_, _, ratio)| short(ratio.median));
    Some(format!(
        "{}, worst {worst}, of tokio's or async-executor's own {}",
        lost.len(),
        theirs.count()
    ))
}

fn lost_rows(report: &Report) -> String {
    let mut text = String::new();
    for (row, peer, ratio) in lost(report) {
        text += &format!(
            "\n- lost: {row} to {peer}, {} of {} pairs",
            interval(&ratio),
            ratio.count
        );
        text += if ratio.is_95 {
            ""
        } else {
            " (too few for 95 %)"
        };
    }
    if text.is_empty() { text } else { text + "\n" }
}

fn over_nexosim(report: &Report) -> Option<String> {
    let ratios: Vec<f64> = report
        .lines
        .iter()
        .filter_map(|line| {
            Some(
                line.cell("nexosim")?
                    .ratio_to(line.cell(OWN)?, |_| true)?
                    .median,
            )
        })
        .collect();
    let worst = ratios.iter().copied().min_by(f64::total_cmp)?;
    let mean = geometric_mean(ratios)?;
    Some(format!("worst {}, mean {}", short(worst), short(mean)))
}

fn over_global(report: &Report) -> Option<String> {
    let ratios: Vec<(f64, &str)> = times(report)
        .filter_map(|line| {
            let ratio = line.cell(INSTANCE)?.ratio_to(line.cell(OWN)?, |_| true)?;
            Some((ratio.median, line.row.as_str()))
        })
        .collect();
    let &(worst, row) = ratios
        .iter()
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    let mean = geometric_mean(ratios.iter().map(|&(ratio, _)| ratio))?;
    Some(format!(
        "worst {} ({row}), mean {}",
        short(worst),
        short(mean)
    ))
}
