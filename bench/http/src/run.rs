//! The order of a run: rows and runtimes interleaved, seeded.

use std::fs;
use std::time::Instant;

use fastrand::Rng;

use crate::arguments::{Load, THREADS};
use crate::report::Report;
use crate::rows::{ALL, Amount, Row};
use crate::runtimes::Id;
use crate::sample::{HEADER, Sample};
use crate::{machine, wrk};

const LOCK: &str = include_str!("../Cargo.lock");

/// Measures, or reads what was measured, and reports. What is invalid is an error, after the report.
pub(crate) fn load(load: &Load) -> Result<(), String> {
    let (head, samples) = match &load.from {
        None => {
            let rows = chosen(&load.rows)?;
            let head = head(load, rows.iter().any(|row| row.needs_wrk()))?;
            (head, collect(load, &rows))
        }
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
            let head = text.lines().filter_map(|line| line.strip_prefix("# "));
            (head.map(str::to_owned).collect(), Sample::from_text(&text))
        }
    };
    let report = Report::new(&head, &samples);
    print!("{}", report.text());
    if let Some(directory) = &load.out {
        let written = fs::create_dir_all(directory)
            .and_then(|()| fs::write(directory.join("samples.csv"), csv(&head, &samples)))
            .and_then(|()| fs::write(directory.join("table.md"), report.text()));
        written.map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    match samples
        .iter()
        .filter(|sample| sample.outcome.is_err())
        .count()
    {
        0 => Ok(()),
        invalid => Err(format!("{invalid} samples are invalid")),
    }
}

fn chosen(patterns: &[String]) -> Result<Vec<Row>, String> {
    let named = |row: &Row| {
        let mut patterns = patterns.iter();
        patterns.any(|pattern| row.names.iter().any(|name| name.contains(&**pattern)))
    };
    let rows = ALL
        .into_iter()
        .filter(|row| patterns.is_empty() || named(row));
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        let names = ALL.iter().flat_map(|row| row.names).copied();
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(format!("no row is called so; there are {names}"));
    }
    Ok(rows)
}

/// The lines that head every table and CSV file.
fn head(load: &Load, with_wrk: bool) -> Result<Vec<String>, String> {
    let versions: Vec<String> = load
        .runtimes
        .iter()
        .chain(&[Id::Rejoin])
        .map(|id| id.package())
        .chain(["hyper"])
        .map(|package| {
            let version = machine::version(LOCK, package).unwrap_or("?");
            format!("{package} {version}")
        })
        .fold(Vec::new(), |mut all, one| {
            if !all.contains(&one) {
                all.push(one);
            }
            all
        });
    let load_by = if with_wrk {
        format!("{}, one thread", wrk::version()?)
    } else {
        "no wrk".to_owned()
    };
    let (rounds, seconds, seed) = (load.rounds, load.seconds, load.seed);
    Ok(vec![
        machine::moment(),
        machine::hardware(),
        format!("{THREADS} threads a server; {rounds} rounds, {seconds} s a sample, seed {seed}"),
        format!("{}; load: {load_by}", versions.join(", ")),
    ])
}

fn collect(load: &Load, rows: &[Row]) -> Vec<Sample> {
    let amount = Amount {
        seconds: load.seconds,
        quick: load.quick,
    };
    let mut rng = Rng::with_seed(load.seed);
    let (mut samples, start) = (Vec::new(), Instant::now());
    for round in 0..load.rounds {
        let mut rows = rows.to_vec();
        rng.shuffle(&mut rows);
        for row in rows {
            // All runtimes of a row follow each other, so that a slow minute of the machine hits a pair.
            let mut runtimes = load.runtimes.clone();
            rng.shuffle(&mut runtimes);
            for runtime in runtimes {
                let measured = row.measure(runtime, round, amount);
                for sample in &measured {
                    if let Err(why) = &sample.outcome {
                        eprintln!("{} on {}: {why}", sample.row, sample.runtime);
                    }
                }
                samples.extend(measured);
            }
        }
        let (done, took) = (round + 1, start.elapsed());
        eprintln!("round {done} of {} after {took:.0?}", load.rounds);
    }
    samples
}

fn csv(head: &[String], samples: &[Sample]) -> String {
    let mut text: String = head.iter().map(|line| format!("# {line}\n")).collect();
    text += &format!("{HEADER}\n");
    text.extend(samples.iter().map(Sample::to_lines));
    text
}
