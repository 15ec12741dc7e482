//! What is measured, and one sample of it.

use std::env;
use std::process::Command;
use std::time::Duration;

use crate::arguments::THREADS;
use crate::runtimes::Id;
use crate::sample::{PER_SECOND, Sample, Value};
use crate::server::Server;
use crate::service::Service;
use crate::statistics::quantile;
use crate::usage::Usage;
use crate::{echo, wrk};

pub(crate) const EXPIRE: &str = "timers/expire";
pub(crate) const CANCEL: &str = "timers/cancel";

/// What is run at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Requests of a web server, by so many connections.
    Plaintext {
        keep_alive: bool,
        connections: usize,
    },
    /// Messages that come back, by so many connections.
    Echo { connections: usize },
    /// Both rows of timers, which share a process.
    Timers,
}

/// What is run at a time, and the names of its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) names: &'static [&'static str],
    work: Work,
}

const fn plaintext(names: &'static [&'static str], keep_alive: bool, connections: usize) -> Row {
    let work = Work::Plaintext {
        keep_alive,
        connections,
    };
    Row { names, work }
}

const fn echo(names: &'static [&'static str], connections: usize) -> Row {
    let work = Work::Echo { connections };
    Row { names, work }
}

/// All there are, in the order of the report.
pub(crate) const ALL: [Row; 9] = [
    plaintext(&["plaintext/keep-alive/1"], true, 1),
    plaintext(&["plaintext/keep-alive/64"], true, 64),
    plaintext(&["plaintext/keep-alive/1024"], true, 1024),
    plaintext(&["plaintext/close/1"], false, 1),
    plaintext(&["plaintext/close/64"], false, 64),
    plaintext(&["plaintext/close/1024"], false, 1024),
    echo(&["echo/1"], 1),
    echo(&["echo/64"], 64),
    Row {
        names: &[EXPIRE, CANCEL],
        work: Work::Timers,
    },
];

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) seconds: u64,
    /// With little work, and no warm-up.
    pub(crate) quick: bool,
}

/// Timers in a run that only looks whether the answers are right.
const FEW_TIMERS: usize = 2_000;

/// The load comes for so long before it counts.
const WARM_UP: u64 = 1;

impl Row {
    pub(crate) fn needs_wrk(self) -> bool {
        matches!(self.work, Work::Plaintext { .. })
    }

    /// Measures `runtime` once, in a process of its own: a sample for each of the names.
    pub(crate) fn measure(self, runtime: Id, round: usize, amount: Amount) -> Vec<Sample> {
        let values = match self.work {
            Work::Plaintext {
                keep_alive,
                connections,
            } => {
                let plan = wrk::Plan {
                    connections,
                    keep_alive,
                    seconds: amount.seconds,
                };
                of_plaintext(runtime, plan, amount.quick).map(|values| vec![values])
            }
            Work::Echo { connections } => {
                of_echo(runtime, connections, amount).map(|values| vec![values])
            }
            Work::Timers => of_timers(runtime, amount.quick),
        };
        let sample = |(place, name): (usize, &&str)| Sample {
            row: (*name).to_owned(),
            runtime: runtime.name().to_owned(),
            round,
            outcome: values.clone().map(|values| values[place].clone()),
        };
        self.names.iter().enumerate().map(sample).collect()
    }
}

fn of_plaintext(runtime: Id, plan: wrk::Plan, quick: bool) -> Result<Vec<Value>, String> {
    let mut server = Server::start(runtime, Service::Plaintext, THREADS)?;
    if !quick {
        let seconds = WARM_UP;
        wrk::run(server.address, wrk::Plan { seconds, ..plan })?;
    }
    let before = server.usage()?;
    let seen = wrk::run(server.address, plan)?;
    let used = server.usage()? - before;
    let rate = Value::new("requests", PER_SECOND, seen.requests / seen.seconds);
    let mut values = vec![rate];
    values.extend(latencies(seen.latencies));
    values.extend(usage(used, seen.requests));
    Ok(values)
}

fn of_echo(runtime: Id, connections: usize, amount: Amount) -> Result<Vec<Value>, String> {
    let mut server = Server::start(runtime, Service::Echo, THREADS)?;
    let mut time = Duration::from_millis(100);
    if !amount.quick {
        echo::run(server.address, connections, Duration::from_secs(WARM_UP))?;
        time = Duration::from_secs(amount.seconds);
    }
    let before = server.usage()?;
    let trips = echo::run(server.address, connections, time)?;
    let used = server.usage()? - before;
    let mut values = latencies([0.5, 0.99, 0.999].map(|at| quantile(&trips, at))).to_vec();
    values.extend(usage(used, trips.len() as f64));
    Ok(values)
}

fn latencies([p50, p99, p999]: [f64; 3]) -> [Value; 3] {
    [
        Value::new("p50", "µs", p50),
        Value::new("p99", "µs", p99),
        Value::new("p99.9", "µs", p999),
    ]
}

/// What the server has used for each of so many requests.
fn usage(used: Usage, requests: f64) -> [Value; 2] {
    [
        Value::new("cpu", "µs", used.cpu / 1e3 / requests),
        Value::new("switches", "", used.switches / requests),
    ]
}

fn of_timers(runtime: Id, quick: bool) -> Result<Vec<Vec<Value>>, String> {
    let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    command.args(["timers", runtime.name(), "--threads", &THREADS.to_string()]);
    if quick {
        command.args(["--count", &FEW_TIMERS.to_string()]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, errors.trim()));
    }
    let of = |row: &str| -> Vec<Value> {
        let own = |line: &str| Value::from_line(line.strip_prefix(row)?.strip_prefix(',')?);
        text.lines().filter_map(own).collect()
    };
    Ok(vec![of(EXPIRE), of(CANCEL)])
}
