//! The table: every row, every peer, lost rows included.

use super::{Cell, Line, Report, short};
use crate::statistics::{Interval, quantile};
use std::collections::BTreeMap;

/// For the terminal.
pub(super) fn text(report: &Report) -> String {
    let mut text = report.head.join("\n") + "\n\n" + &explanation(report) + "\n";
    for line in &report.lines {
        text += &format!("\n{}  [{}, {}]\n", line.name(), line.family, unit(line));
        for cell in &line.cells {
            text += &format!("  {}\n", cell_text(cell));
        }
    }
    text + "\nWho does not run what, and why: --list.\n"
}

/// For the records: one matrix of ratios, then the same lines.
pub(super) fn markdown(report: &Report) -> String {
    let mut text = String::from("# A run of the benchmark\n\n");
    for line in &report.head {
        text += &format!("- {line}\n");
    }
    text += &format!("\n{}\n", explanation(report));
    text += &matrix(report);
    text += "\n## Every figure\n\n```text\n";
    for line in &report.lines {
        text += &format!("{}  [{}, {}]\n", line.name(), line.family, unit(line));
        for cell in &line.cells {
            text += &format!("  {}\n", cell_text(cell));
        }
    }
    text += "```\n";
    text += &distributions(report);
    text + &absences(report)
}

fn explanation(report: &Report) -> String {
    format!(
        "Median (quartiles) of the samples; ratio to {} with the 95 % interval of its median over the \
         pairs of a round (~: too few pairs for 95 %, all there was): above 1, {0} is ahead. Times: CPU \
         time and context switches per operation, and the 10th, 50th and 90th percentile of the \
         iterations inside a sample.",
        report.reference
    )
}

fn unit(line: &Line) -> String {
    if line.metric == "time" {
        format!("{} per operation", line.unit)
    } else {
        line.unit.clone()
    }
}

fn cell_text(cell: &Cell) -> String {
    let quartiles = format!(
        "({} .. {})",
        short(cell.low_quartile),
        short(cell.high_quartile)
    );
    let mut text = format!(
        "{:<22}{:>9}  {quartiles:<22}",
        cell.peer,
        short(cell.median)
    );
    text += &format!(
        "{:<24}",
        cell.ratio.as_ref().map(ratio_text).unwrap_or_default()
    );
    if let Some(s) = cell.spread {
        let percentiles = [s.p10, s.p50, s.p90].map(short).join(" ");
        text += &format!(
            "cpu {}  switches {}  iterations {percentiles}",
            short(s.cpu),
            short(s.switches)
        );
    }
    text.trim_end().to_owned()
}

fn ratio_text(ratio: &Interval) -> String {
    let mark = if ratio.is_95 { "" } else { "~" };
    format!(
        "{} [{mark}{}, {}]",
        short(ratio.median),
        short(ratio.low),
        short(ratio.high)
    )
}

/// A line a row, a column a peer; what is lost beyond doubt is bold.
fn matrix(report: &Report) -> String {
    let mut peers: Vec<&str> = Vec::new();
    for cell in report.lines.iter().flat_map(|line| &line.cells) {
        if cell.peer != report.reference && !peers.contains(&cell.peer.as_str()) {
            peers.push(&cell.peer);
        }
    }
    let mut text = format!("\n| row | {} | {} |\n", report.reference, peers.join(" | "));
    text += &format!("|---|{}\n", "---:|".repeat(peers.len() + 1));
    for line in &report.lines {
        let own = line.cell(&report.reference);
        let own = own.map_or("–".to_owned(), |cell| {
            format!("{} {}", short(cell.median), line.unit)
        });
        text += &format!("| {} | {own} |", line.name());
        for peer in &peers {
            let cell = line.cell(peer);
            text += &match cell.and_then(|cell| cell.ratio) {
                // Where the reference takes no part, the figure itself says more than a dash.
                None => cell.map_or(" – |".to_owned(), |cell| {
                    format!(" {} {} |", short(cell.median), line.unit)
                }),
                Some(ratio) if ratio.is_95 && ratio.high < 1.0 => {
                    format!(" **{}** |", short(ratio.median))
                }
                Some(ratio) => format!(" {} |", short(ratio.median)),
            };
        }
        text.push('\n');
    }
    text
}

/// The samples of the rows that have two peaks: where threads hand off to each other.
fn distributions(report: &Report) -> String {
    let mut text = String::from(
        "\n## Hand-offs: how the samples lie\n\nNanoseconds per operation at these shares of the \
         samples, and context switches.\n\n```text\n",
    );
    for line in report.lines.iter().filter(|line| line.family == "hand-off") {
        text += &format!("{:<30}", line.name());
        text += "least      10 %      25 %      50 %      75 %      90 %      most  switches\n";
        for cell in &line.cells {
            let values: Vec<f64> = cell.by_round.values().copied().collect();
            text += &format!("  {:<23}", cell.peer);
            for at in [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0] {
                text += &format!("{:>10}", short(quantile(&values, at)));
            }
            let switches = cell.spread.map_or(f64::NAN, |spread| spread.switches);
            text += &format!("{:>10}\n", short(switches));
        }
    }
    text + "```\n"
}

/// Who did not run what, peers and reasons once each.
fn absences(report: &Report) -> String {
    let mut grouped: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (row, peer, why) in &report.cannot {
        grouped.entry((peer, why)).or_default().push(row);
    }
    let mut text = String::from("\n## Not run\n\n");
    for ((peer, why), rows) in grouped {
        text += &format!("- {peer}: {why}: {}\n", rows.join(", "));
    }
    text
}
