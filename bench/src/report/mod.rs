//! From samples to a table, a picture and the bars. Knows no workload.

mod bars;
mod pages;
mod picture;
mod table;

use crate::record::{Sample, Spread};
use crate::statistics::{Interval, median, median_interval, quantile};
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// All figures of a run.
#[derive(Debug)]
pub(crate) struct Report {
    head: Vec<String>,
    lines: Vec<Line>,
    reference: String,
    /// Row, peer, and why the peer cannot run the row.
    cannot: Vec<(String, String, String)>,
    with_bars: bool,
}

/// One metric of one row, for every peer.
#[derive(Debug)]
struct Line {
    row: String,
    family: String,
    metric: String,
    unit: String,
    /// The reference first, then as they came.
    cells: Vec<Cell>,
}

/// One metric of one row on one peer.
#[derive(Debug)]
struct Cell {
    peer: String,
    by_round: BTreeMap<usize, f64>,
    median: f64,
    low_quartile: f64,
    high_quartile: f64,
    /// This peer's figure over the reference's of the same round: above 1 the reference is ahead.
    ratio: Option<Interval>,
    /// The medians of what the samples say about their iterations.
    spread: Option<Spread>,
}

impl Line {
    /// The row's name, with the metric where it is not the time.
    fn name(&self) -> String {
        if self.metric == "time" {
            self.row.clone()
        } else {
            format!("{} {}", self.row, self.metric)
        }
    }

    fn cell(&self, peer: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.peer == peer)
    }
}

impl Cell {
    fn new(peer: &str, samples: &[&Sample]) -> Self {
        let values: Vec<f64> = samples.iter().map(|sample| sample.value.value).collect();
        let spreads: Vec<Spread> = samples
            .iter()
            .filter_map(|sample| sample.value.spread)
            .collect();
        let of = |part: fn(&Spread) -> f64| median(&spreads.iter().map(part).collect::<Vec<_>>());
        let spread = (!spreads.is_empty()).then(|| Spread {
            p10: of(|s| s.p10),
            p50: of(|s| s.p50),
            p90: of(|s| s.p90),
            cpu: of(|s| s.cpu),
            switches: of(|s| s.switches),
            iterations: spreads.iter().map(|s| s.iterations).sum(),
        });
        Self {
            peer: peer.to_owned(),
            by_round: samples
                .iter()
                .map(|sample| (sample.round, sample.value.value))
                .collect(),
            median: median(&values),
            low_quartile: quantile(&values, 0.25),
            high_quartile: quantile(&values, 0.75),
            ratio: None,
            spread,
        }
    }

    /// This peer's figure over `other`'s in the rounds that `keep` picks.
    fn ratio_to(&self, other: &Cell, keep: impl Fn(usize) -> bool) -> Option<Interval> {
        let pairs = self.by_round.iter().filter(|&(&round, _)| keep(round));
        let ratios: Vec<f64> = pairs
            .filter_map(|(round, value)| other.by_round.get(round).map(|theirs| value / theirs))
            .filter(|ratio| !ratio.is_nan())
            .collect();
        median_interval(&ratios)
    }
}

impl Report {
    /// Groups the samples by row and metric, in the order in which the rows are given first in
    /// `order`, and divides by `reference`: by the first peer of the run where it took no part.
    pub(crate) fn new(
        head: Vec<String>,
        samples: &[Sample],
        order: &[(&str, &str)],
        reference: &str,
        with_bars: bool,
    ) -> Self {
        let mut lines: Vec<Line> = Vec::new();
        for &(row, peer) in order {
            let of_cell = samples
                .iter()
                .filter(|sample| sample.row == row && sample.peer == peer);
            let mut by_metric: Vec<(&str, Vec<&Sample>)> = Vec::new();
            for sample in of_cell {
                match by_metric
                    .iter_mut()
                    .find(|(metric, _)| *metric == sample.value.metric)
                {
                    Some((_, samples)) => samples.push(sample),
                    None => by_metric.push((&sample.value.metric, vec![sample])),
                }
            }
            for (metric, samples) in by_metric {
                let cell = Cell::new(peer, &samples);
                match lines
                    .iter_mut()
                    .find(|line| line.row == row && line.metric == metric)
                {
                    Some(line) => line.cells.push(cell),
                    None => lines.push(Line {
                        row: row.to_owned(),
                        family: samples[0].family.clone(),
                        metric: metric.to_owned(),
                        unit: samples[0].value.unit.clone(),
                        cells: vec![cell],
                    }),
                }
            }
        }
        let took_part = |name: &str| samples.iter().any(|sample| sample.peer == name);
        let first = order
            .iter()
            .map(|(_, peer)| *peer)
            .find(|peer| took_part(peer));
        let reference = if took_part(reference) {
            reference
        } else {
            first.unwrap_or(reference)
        };
        for line in &mut lines {
            line.divide_by(reference);
        }
        Self {
            head,
            lines,
            reference: reference.to_owned(),
            cannot: Vec::new(),
            with_bars,
        }
    }

    /// Notes who did not run what, and why.
    pub(crate) fn with_absences<'a>(
        mut self,
        cannot: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
    ) -> Self {
        self.cannot = cannot
            .map(|(row, peer, why)| (row.to_owned(), peer.to_owned(), why.to_owned()))
            .collect();
        self
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        let mut text = table::text(self);
        if self.with_bars {
            text += &bars::text(self);
        }
        text
    }

    /// The table that the page with this name shows.
    pub(crate) fn page(&self, name: &str) -> Result<String, String> {
        pages::text(self, name)
    }

    /// Writes `samples.csv`, `table.md` and `ratios.svg`.
    pub(crate) fn write(&self, directory: &Path, csv: &str) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("samples.csv"), csv)?;
        fs::write(
            directory.join("table.md"),
            table::markdown(self) + &bars::text(self),
        )?;
        let picture = picture::svg(self).map_err(io::Error::other)?;
        fs::write(directory.join("ratios.svg"), picture)
    }
}

impl Line {
    fn divide_by(&mut self, reference: &str) {
        let Some(place) = self.cells.iter().position(|cell| cell.peer == reference) else {
            return;
        };
        let own = self.cells.remove(place);
        for cell in &mut self.cells {
            cell.ratio = cell.ratio_to(&own, |_| true);
        }
        self.cells.insert(0, own);
    }
}

/// Three digits that matter, whatever the size.
fn short(value: f64) -> String {
    if !value.is_finite() {
        return "∞".to_owned();
    }
    match value.abs() {
        size if size >= 1e6 => format!("{:.3e}", value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        size if size < 0.01 => format!("{value:.1e}"),
        _ => format!("{value:.2}"),
    }
}
