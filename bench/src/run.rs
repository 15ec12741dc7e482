//! The order of a run: every sample in a process of its own, peers interleaved, order seeded.

use crate::arguments::{Arguments, HELP, Task};
use crate::environment;
use crate::peers::Id;
use crate::record::{HEADER, Sample, Value};
use crate::report::Report;
use crate::session::Session;
use crate::usage::Heap;
use crate::workloads::{self, Row};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode, exit};
use std::time::{Duration, Instant};
use std::{env, fs, io, io::Write, thread};

/// The whole program. `heap` reads the counting allocator in the program that has one.
pub fn main(heap: Option<fn() -> Heap>) -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            return ExitCode::FAILURE;
        }
    };
    let done = match &arguments.task {
        Task::Help => {
            print!("{HELP}");
            Ok(())
        }
        Task::List => {
            list(&arguments);
            Ok(())
        }
        Task::Sample { row, peer } => sample(&arguments, row, peer, heap),
        Task::Measure => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A sample that takes longer hangs, and its row fails.
const LIMIT: Duration = Duration::from_secs(60);

/// What the samples' lines begin with.
const VALUE: &str = "value,";

/// One row on one peer, here and now.
fn sample(
    arguments: &Arguments,
    row: &str,
    peer: &str,
    heap: Option<fn() -> Heap>,
) -> Result<(), String> {
    let row = workloads::by_name(row).ok_or_else(|| format!("no row is called {row}"))?;
    let peer = Id::by_name(peer).ok_or_else(|| format!("no peer is called {peer}"))?;
    // Asleep until the row is over or hangs: it takes no time from anybody.
    thread::spawn(|| {
        thread::sleep(LIMIT);
        eprintln!("no end after {LIMIT:?}");
        exit(124);
    });
    let threads = row.threads(arguments.threads);
    let mut session = Session::new(
        arguments.time,
        (arguments.quick, arguments.iterations),
        threads,
        row.parameter,
        heap,
    );
    (row.body)(peer, &mut session);
    let mut out = io::stdout().lock();
    for value in session.into_values() {
        writeln!(out, "{VALUE}{}", value.to_line()).map_err(|error| error.to_string())?;
    }
    out.flush().map_err(|error| error.to_string())?;
    // Without unwinding what the row left behind: busy tasks, threads, a million timers.
    exit(0);
}

/// The rows and peers that the arguments name; all there are for a page, which picks its own.
fn chosen(arguments: &Arguments) -> Result<(Vec<&'static Row>, Vec<Id>), String> {
    let named = |row: &Row, pattern: &String| {
        if row.extra {
            row.name == pattern || row.name.starts_with(&format!("{pattern}/"))
        } else {
            row.name.contains(pattern.as_str())
        }
    };
    let rows: Vec<_> = workloads::all()
        .filter(|row| match arguments.rows.as_slice() {
            [] => !row.extra || arguments.page.is_some(),
            patterns => patterns.iter().any(|pattern| named(row, pattern)),
        })
        .collect();
    let mut peers = Vec::new();
    for name in &arguments.peers {
        peers.push(Id::by_name(name).ok_or_else(|| format!("no peer is called {name}"))?);
    }
    if peers.is_empty() {
        peers.extend(
            Id::ALL
                .iter()
                .filter(|peer| !peer.is_extra() || arguments.page.is_some()),
        );
    }
    if rows.is_empty() {
        Err("no row is called so".to_owned())
    } else {
        Ok((rows, peers))
    }
}

fn measure(arguments: &Arguments) -> Result<(), String> {
    let (rows, peers) = chosen(arguments)?;
    let mut head = environment::lines(arguments, &peers);
    let (samples, failures) = match &arguments.from {
        None => collect(arguments, &rows, &peers),
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
            head = text
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .map(str::to_owned)
                .collect();
            (
                text.lines().filter_map(Sample::from_line).collect(),
                Vec::new(),
            )
        }
    };
    let cells: Vec<_> = rows
        .iter()
        .flat_map(|&row| peers.iter().map(move |&peer| (row, peer)))
        .collect();
    let order: Vec<_> = cells
        .iter()
        .map(|(row, peer)| (row.name, peer.info().name))
        .collect();
    let absences = cells.iter().filter_map(|&(row, peer)| {
        row.cannot(peer, arguments.threads)
            .map(|why| (row.name, peer.info().name, why))
    });
    let report = Report::new(
        head.clone(),
        &samples,
        &order,
        &arguments.reference,
        arguments.summary,
    )
    .with_absences(absences);
    match &arguments.page {
        None => print!("{}", report.text()),
        Some(page) => print!("{}", report.page(page)?),
    }
    if let Some(directory) = &arguments.out {
        report
            .write(directory, &csv(&head, &samples))
            .map_err(|error| error.to_string())?;
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

fn csv(head: &[String], samples: &[Sample]) -> String {
    let mut text = String::new();
    for line in head {
        text += &format!("# {line}\n");
    }
    text += HEADER;
    text.push('\n');
    for sample in samples {
        text += &sample.to_line();
        text.push('\n');
    }
    text
}

/// Runs everything; the second part names what failed.
fn collect(
    arguments: &Arguments,
    rows: &[&'static Row],
    peers: &[Id],
) -> (Vec<Sample>, Vec<String>) {
    let mut rng = Rng::with_seed(arguments.seed);
    let (mut samples, mut failures) = (Vec::new(), BTreeMap::new());
    let start = Instant::now();
    for round in 0..arguments.rounds {
        let mut rows = rows.to_vec();
        rng.shuffle(&mut rows);
        for row in rows {
            // All peers of a row follow each other, so that a slow minute of the machine hits a pair.
            let mut peers = peers.to_vec();
            rng.shuffle(&mut peers);
            for peer in peers {
                let key = (row.name, peer.info().name);
                if row.cannot(peer, arguments.threads).is_some() || failures.contains_key(&key) {
                    continue;
                }
                match in_own_process(arguments, row, peer) {
                    Ok(values) => samples.extend(values.into_iter().map(|value| Sample {
                        row: row.name.to_owned(),
                        family: row.family.name().to_owned(),
                        peer: peer.info().name.to_owned(),
                        round,
                        value,
                    })),
                    Err(error) => {
                        eprintln!("{} on {}: {error}", row.name, peer.info().name);
                        failures.insert(key, error);
                    }
                }
            }
        }
        eprintln!(
            "round {} of {} after {:.0?}",
            round + 1,
            arguments.rounds,
            start.elapsed()
        );
    }
    let failures = failures
        .into_iter()
        .map(|((row, peer), error)| format!("{row} on {peer}: {error}"));
    (samples, failures.collect())
}

/// The program to run `row` in: this one, or the one that counts.
fn program(row: &Row) -> Result<PathBuf, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    if !row.counting {
        return Ok(this);
    }
    let counting = this.with_file_name(format!("rejoin-bench-counting{}", env::consts::EXE_SUFFIX));
    if counting.exists() {
        Ok(counting)
    } else {
        Err("needs the counting program; `cargo build --release` builds it".to_owned())
    }
}

fn in_own_process(arguments: &Arguments, row: &Row, peer: Id) -> Result<Vec<Value>, String> {
    let mut command = Command::new(program(row)?);
    command.args(["--sample", row.name, peer.info().name]);
    command.args(["--threads", &arguments.threads.to_string()]);
    command.args(["--time", &arguments.time.as_secs_f64().to_string()]);
    if arguments.quick {
        command.arg("--quick");
    }
    if let Some(iterations) = arguments.iterations {
        command.args(["--iterations", &iterations.to_string()]);
    }
    command.env_remove("REJOIN_THREADS");
    if let Some(variable) = peer.info().threads_variable {
        command.env(variable, row.threads(arguments.threads).to_string());
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let values: Vec<Value> = text
        .lines()
        .filter_map(|line| Value::from_line(line.strip_prefix(VALUE)?))
        .collect();
    if values.is_empty() {
        Err("no figure came back".to_owned())
    } else {
        Ok(values)
    }
}

fn list(arguments: &Arguments) {
    for row in workloads::all() {
        let extra = if row.extra { ", only when named" } else { "" };
        println!(
            "{} ({}{extra})\n    {}",
            row.name,
            row.family.name(),
            row.stresses
        );
    }
    println!();
    for &peer in Id::ALL {
        let info = peer.info();
        let extra = if peer.is_extra() {
            ", only when named"
        } else {
            ""
        };
        println!(
            "{} ({} {}{extra})",
            info.name,
            info.package,
            environment::version(info.package).unwrap_or("?")
        );
        for row in workloads::all() {
            if let Some(why) = row.cannot(peer, arguments.threads) {
                println!("    not {}: {why}", row.name);
            }
        }
    }
}
