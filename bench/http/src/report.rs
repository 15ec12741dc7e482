//! From samples to a table. Knows no row and no runtime but the one that the others are compared with.

use std::collections::BTreeMap;

use crate::rows;
use crate::runtimes::Id;
use crate::sample::{PER_SECOND, Sample, Value};
use crate::statistics::{Interval, median, median_interval, quantile};

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    head: &'a [String],
    reference: &'a str,
    runtimes: Vec<&'a str>,
    lines: Vec<Line<'a>>,
    /// Row, runtime, round, and what was amiss.
    invalid: Vec<(&'a str, &'a str, usize, &'a str)>,
}

/// One metric of one row.
#[derive(Debug)]
struct Line<'a> {
    row: &'a str,
    metric: &'a str,
    unit: &'a str,
    /// By runtime, the figure of each round.
    cells: BTreeMap<&'a str, BTreeMap<usize, f64>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(head: &'a [String], samples: &'a [Sample]) -> Self {
        let took_part = |id: &Id| samples.iter().any(|sample| sample.runtime == id.name());
        let runtimes = Id::ALL.into_iter().filter(took_part).map(Id::name);
        let runtimes: Vec<&str> = runtimes.collect();
        let invalid = samples.iter().filter_map(|sample| {
            let why = sample.outcome.as_ref().err()?;
            Some((&*sample.row, &*sample.runtime, sample.round, &**why))
        });
        let mut report = Self {
            head,
            reference: runtimes.first().copied().unwrap_or("nobody"),
            runtimes,
            lines: Vec::new(),
            invalid: invalid.collect(),
        };
        for row in rows::ALL.iter().flat_map(|row| row.names) {
            for sample in samples.iter().filter(|sample| sample.row == *row) {
                let values = sample.outcome.as_deref().unwrap_or(&[]);
                values.iter().for_each(|value| report.enter(sample, value));
            }
        }
        report
    }

    fn enter(&mut self, sample: &'a Sample, value: &'a Value) {
        let is_it = |line: &Line<'_>| line.row == sample.row && line.metric == value.metric;
        let place = self.lines.iter().position(is_it).unwrap_or_else(|| {
            self.lines.push(Line {
                row: &sample.row,
                metric: &value.metric,
                unit: &value.unit,
                cells: BTreeMap::new(),
            });
            self.lines.len() - 1
        });
        let cell = self.lines[place].cells.entry(&sample.runtime).or_default();
        cell.insert(sample.round, value.value);
    }

    /// The whole page: what is lost beyond doubt is bold, what was amiss stands where the figure would.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("# Servers and timers under load\n\n");
        text.extend(self.head.iter().map(|line| format!("- {line}\n")));
        text += &format!(
            "\nMedian of the rounds (quartiles); beside it, for the others, how {0} compares, as the median over the \
             rounds with its 95 % interval (~: too few rounds for 95 %, all there was). The first table has the first figure \
             of each row and the CPU time, and of the others only how {0} compares. Above 1 {0} is ahead: it answers more \
             requests, or takes less time. What {0} loses beyond doubt is bold.\n",
            self.reference
        );
        text += &self.glance();
        let mut row = "";
        for line in &self.lines {
            if line.row != row {
                row = line.row;
                text += &format!("\n## {row}\n\n| | {} |\n", self.runtimes.join(" | "));
                text += &format!("|---|{}\n", "---:|".repeat(self.runtimes.len()));
            }
            let cells = self.runtimes.iter().map(|runtime| self.cell(line, runtime));
            let cells = cells.collect::<Vec<_>>().join(" | ");
            text += &format!("| {} | {cells} |\n", line.label());
        }
        if !self.invalid.is_empty() {
            text += "\n## Invalid\n\n";
            for (row, runtime, round, why) in &self.invalid {
                text += &format!("- {row} on {runtime}, round {}: {why}\n", round + 1);
            }
        }
        text
    }

    /// The first figure of each row and what it costs: the reference's own, and how it compares with the others.
    fn glance(&self) -> String {
        let mut text = format!("\n| | {} |\n", self.runtimes.join(" | "));
        text += &format!("|---|{}\n", "---:|".repeat(self.runtimes.len()));
        let mut row = "";
        for line in &self.lines {
            let is_first = line.row != row;
            row = line.row;
            if !is_first && line.metric != "cpu" {
                continue;
            }
            let cells = self.runtimes.iter().map(|runtime| {
                if self.is_invalid(row, runtime) {
                    return "invalid".to_owned();
                }
                match (line.cells.get(runtime), self.compared(line, runtime)) {
                    (None, _) => "–".to_owned(),
                    (Some(_), Some(ratio)) => emphasized(&ratio),
                    (Some(cell), None) => {
                        let values: Vec<f64> = cell.values().copied().collect();
                        short(median(&values))
                    }
                }
            });
            let cells = cells.collect::<Vec<_>>().join(" | ");
            text += &format!("| {row}: {} | {cells} |\n", line.label());
        }
        text
    }

    /// How the reference compares with `runtime`, if both are valid.
    fn compared(&self, line: &Line<'_>, runtime: &str) -> Option<Interval> {
        let is_other = runtime != self.reference && !self.is_invalid(line.row, self.reference);
        let own = line.cells.get(self.reference).filter(|_| is_other)?;
        line.ratio(own, line.cells.get(runtime)?)
    }

    fn is_invalid(&self, row: &str, runtime: &str) -> bool {
        let mut invalid = self.invalid.iter();
        invalid.any(|(at, on, ..)| *at == row && *on == runtime)
    }

    fn cell(&self, line: &Line<'_>, runtime: &str) -> String {
        if self.is_invalid(line.row, runtime) {
            return "invalid".to_owned();
        }
        let Some(cell) = line.cells.get(runtime) else {
            return "–".to_owned();
        };
        let values: Vec<f64> = cell.values().copied().collect();
        let mut text = short(median(&values));
        if values.len() > 1 {
            let (low, high) = (quantile(&values, 0.25), quantile(&values, 0.75));
            text += &format!(" ({} .. {})", short(low), short(high));
        }
        if let Some(ratio) = self.compared(line, runtime) {
            let mark = if ratio.is_95 { "" } else { "~" };
            let (low, high) = (short(ratio.low), short(ratio.high));
            text += &format!("; {} [{mark}{low}, {high}]", emphasized(&ratio));
        }
        text
    }
}

impl Line<'_> {
    fn label(&self) -> String {
        match self.unit {
            "" => self.metric.to_owned(),
            PER_SECOND => format!("{}/s", self.metric),
            unit => format!("{}, {unit}", self.metric),
        }
    }

    /// How the reference compares with another runtime, over the rounds that both have.
    fn ratio(&self, own: &BTreeMap<usize, f64>, other: &BTreeMap<usize, f64>) -> Option<Interval> {
        let pairs = own
            .iter()
            .filter_map(|(round, own)| Some((own, other.get(round)?)));
        let ratios = pairs.map(|(own, other)| match self.unit {
            PER_SECOND => own / other,
            _ => other / own,
        });
        median_interval(&ratios.filter(|ratio| ratio.is_finite()).collect::<Vec<_>>())
    }
}

/// Bold if it is lost beyond doubt.
fn emphasized(ratio: &Interval) -> String {
    let middle = short(ratio.median);
    if ratio.is_95 && ratio.high < 1.0 {
        format!("**{middle}**")
    } else {
        middle
    }
}

/// Three digits that matter, whatever the size.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{value:.4}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(row: &str, runtime: &str, round: usize, values: &[(&str, &str, f64)]) -> Sample {
        let value = |&(metric, unit, value): &_| Value::new(metric, unit, value);
        Sample {
            row: row.to_owned(),
            runtime: runtime.to_owned(),
            round,
            outcome: Ok(values.iter().map(value).collect()),
        }
    }

    #[test]
    fn more_requests_and_less_time_are_both_above_1() {
        let mut samples = Vec::new();
        for round in 0..6 {
            let ours = [("requests", PER_SECOND, 200.0), ("p50", "µs", 10.0)];
            let theirs = [("requests", PER_SECOND, 100.0), ("p50", "µs", 5.0)];
            samples.push(sample("echo/1", "rejoin", round, &ours));
            samples.push(sample("echo/1", "tokio", round, &theirs));
        }
        let text = Report::new(&[], &samples).text();
        assert!(
            text.contains(
                "| requests/s | 200 (200 .. 200) | 100 (100 .. 100); 2.00 [2.00, 2.00] |"
            )
        );
        assert!(
            text.contains("| echo/1: requests/s | 200 | 2.00 |"),
            "{text}"
        );
        assert!(text.contains(
            "| p50, µs | 10.0 (10.0 .. 10.0) | 5.00 (5.00 .. 5.00); **0.50** [0.50, 0.50] |"
        ));
    }

    #[test]
    fn one_invalid_round_makes_the_row_invalid_and_says_why() {
        let mut samples = vec![
            sample("echo/1", "rejoin", 0, &[("p50", "µs", 10.0)]),
            sample("echo/1", "tokio", 0, &[("p50", "µs", 20.0)]),
            sample("echo/1", "tokio", 1, &[("p50", "µs", 20.0)]),
        ];
        samples[2].outcome = Err("3 timeouts".to_owned());
        let text = Report::new(&[], &samples).text();
        assert!(text.contains("| p50, µs | 10.0 | invalid |"), "{text}");
        assert!(
            text.contains("- echo/1 on tokio, round 2: 3 timeouts"),
            "{text}"
        );
    }
}
