//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::runtimes::Id;
use crate::service::Service;

/// What `help` prints.
pub(crate) const HELP: &str = "\
Servers and timers on rejoin, tokio and smol under the same load.

  load                 measures all of them, each in processes of its own
    --row NAME         rows whose name contains NAME; may be repeated
    --runtime NAME     this runtime; may be repeated
    --time SECONDS     of a sample, whole ones [5]
    --rounds N         samples of each row and runtime, interleaved [5]
    --seed N           of the order in which they run [1]
    --out DIR          write samples.csv and table.md there
    --from FILE        report on a samples.csv instead of measuring
    --quick            everything once and briefly: are the answers right?
  serve RUNTIME        one server, until it is killed
    --echo             sends back what it gets, instead of speaking HTTP
    --port N           [8080]; 0: any that is free
    --threads N        [2]
    --driven           tells what it has used at each line of its input, and ends with it
  timers RUNTIME       the rows of timers, in this process
    --threads N        [2]
    --count N          timers at a time [100000]
  help                 this

The runtimes are rejoin, rejoin+async-io, tokio and smol. The load on the web servers comes from wrk
(apt-get install wrk).
";

/// Threads of every server, and of whoever has timers.
pub(crate) const THREADS: usize = 2;

/// Timers that are there at the same time.
const TIMERS: usize = 100_000;

#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Load(Load),
    Serve(Serve),
    Timers(Timers),
}

#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) rows: Vec<String>,
    pub(crate) runtimes: Vec<Id>,
    pub(crate) seconds: u64,
    pub(crate) rounds: usize,
    pub(crate) seed: u64,
    pub(crate) out: Option<PathBuf>,
    pub(crate) from: Option<PathBuf>,
    pub(crate) quick: bool,
}

#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) runtime: Id,
    pub(crate) service: Service,
    pub(crate) port: u16,
    pub(crate) threads: usize,
    pub(crate) driven: bool,
}

#[derive(Debug)]
pub(crate) struct Timers {
    pub(crate) runtime: Id,
    pub(crate) threads: usize,
    pub(crate) count: usize,
}

pub(crate) fn parse() -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_env();
    let Some(command) = parser.next()? else {
        return Ok(Command::Help);
    };
    match command {
        Value(name) if name == "load" => load(parser),
        Value(name) if name == "serve" => serve(parser),
        Value(name) if name == "timers" => timers(parser),
        Value(name) if name == "help" => Ok(Command::Help),
        Long("help") | Short('h') => Ok(Command::Help),
        other => Err(other.unexpected()),
    }
}

fn load(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut load = Load {
        rows: Vec::new(),
        runtimes: Vec::new(),
        seconds: 5,
        rounds: 5,
        seed: 1,
        out: None,
        from: None,
        quick: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("row") => load.rows.push(parser.value()?.string()?),
            Long("runtime") => load.runtimes.push(parser.value()?.parse_with(Id::named)?),
            Long("time") => load.seconds = parser.value()?.parse()?,
            Long("rounds") => load.rounds = parser.value()?.parse()?,
            Long("seed") => load.seed = parser.value()?.parse()?,
            Long("out") => load.out = Some(parser.value()?.into()),
            Long("from") => load.from = Some(parser.value()?.into()),
            Long("quick") => load.quick = true,
            _ => return Err(argument.unexpected()),
        }
    }
    if load.quick {
        (load.seconds, load.rounds) = (1, 1);
    }
    if load.seconds == 0 || load.rounds == 0 {
        return Err("--time and --rounds want at least one".into());
    }
    if load.runtimes.is_empty() {
        load.runtimes = Id::ALL.to_vec();
    }
    Ok(Command::Load(load))
}

fn runtime(parser: &mut lexopt::Parser) -> Result<Id, lexopt::Error> {
    match parser.next()? {
        Some(Value(name)) => name.parse_with(Id::named),
        Some(other) => Err(other.unexpected()),
        None => Err("which runtime?".into()),
    }
}

fn serve(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut serve = Serve {
        runtime: runtime(&mut parser)?,
        service: Service::Plaintext,
        port: 8080,
        threads: THREADS,
        driven: false,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("echo") => serve.service = Service::Echo,
            Long("port") => serve.port = parser.value()?.parse()?,
            Long("threads") => serve.threads = parser.value()?.parse()?,
            Long("driven") => serve.driven = true,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Serve(serve))
}

fn timers(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut timers = Timers {
        runtime: runtime(&mut parser)?,
        threads: THREADS,
        count: TIMERS,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("threads") => timers.threads = parser.value()?.parse()?,
            Long("count") => timers.count = parser.value()?.parse()?,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Timers(timers))
}
