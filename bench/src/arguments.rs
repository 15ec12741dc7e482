//! The command line.

use lexopt::prelude::*;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures rejoin and its peers. Without options: every row, every peer, half an hour.

  --row NAME       rows whose name contains NAME; may be repeated
  --peer NAME      this peer; may be repeated
  --threads N      workers [all cores]
  --time SECONDS   measuring time of a sample, half as much warm-up before it [0.08]
  --iterations N   measure so many iterations instead, without warm-up: for counting tools
  --rounds N       samples of each row and peer, interleaved [15]
  --seed N         of the order in which they run [1]
  --reference NAME whose time the others are divided by [rejoin]
  --out DIR        write samples.csv, table.md and ratios.svg there
  --from FILE      report on a samples.csv instead of measuring
  --summary        print the table of bars at the end
  --page NAME      print the table of a page of this repository instead: readme, groups, ladder
  --quick          everything once, with little work: are the answers right?
  --list           rows, peers, and what cannot be run
  --sample ROW PEER one row on one peer in this process: for profilers and counting tools
  --help           this

The rows that count memory run in a second program: `cargo build --release` builds both.
";

/// What to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Measure,
    List,
    Help,
    /// One row on one peer in this process.
    Sample {
        row: String,
        peer: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) task: Task,
    pub(crate) rows: Vec<String>,
    pub(crate) peers: Vec<String>,
    pub(crate) threads: usize,
    pub(crate) time: Duration,
    /// Measure so many iterations instead of for so long.
    pub(crate) iterations: Option<usize>,
    pub(crate) rounds: usize,
    pub(crate) seed: u64,
    pub(crate) reference: String,
    pub(crate) out: Option<PathBuf>,
    pub(crate) from: Option<PathBuf>,
    pub(crate) summary: bool,
    /// Print this page's table instead of everything.
    pub(crate) page: Option<String>,
    pub(crate) quick: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            task: Task::Measure,
            rows: Vec::new(),
            peers: Vec::new(),
            threads: thread::available_parallelism().map_or(1, usize::from),
            time: Duration::from_millis(80),
            iterations: None,
            rounds: 15,
            seed: 1,
            reference: "rejoin".to_owned(),
            out: None,
            from: None,
            summary: false,
            page: None,
            quick: false,
        }
    }
}

impl Arguments {
    pub(crate) fn parse() -> Result<Self, lexopt::Error> {
        let mut arguments = Self::default();
        let mut rounds = None;
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("row") => arguments.rows.push(parser.value()?.string()?),
                Long("peer") => arguments.peers.push(parser.value()?.string()?),
                Long("threads") => arguments.threads = parser.value()?.parse()?,
                Long("time") => {
                    arguments.time = parser.value()?.parse_with(|seconds| {
                        Duration::try_from_secs_f64(seconds.parse().map_err(|_| "not a number")?)
                            .map_err(|_| "not a duration")
                    })?;
                }
                Long("iterations") => arguments.iterations = Some(parser.value()?.parse()?),
                Long("rounds") => rounds = Some(parser.value()?.parse()?),
                Long("seed") => arguments.seed = parser.value()?.parse()?,
                Long("reference") => arguments.reference = parser.value()?.string()?,
                Long("out") => arguments.out = Some(parser.value()?.into()),
                Long("from") => arguments.from = Some(parser.value()?.into()),
                Long("summary") => arguments.summary = true,
                Long("page") => arguments.page = Some(parser.value()?.string()?),
                Long("quick") => arguments.quick = true,
                Long("list") => arguments.task = Task::List,
                Long("help") | Short('h') => arguments.task = Task::Help,
                Long("sample") => {
                    let (row, peer) = (parser.value()?.string()?, parser.value()?.string()?);
                    arguments.task = Task::Sample { row, peer };
                }
                _ => return Err(argument.unexpected()),
            }
        }
        arguments.rounds = rounds.unwrap_or(if arguments.quick { 1 } else { 15 });
        if arguments.threads == 0 || arguments.rounds == 0 {
            return Err("--threads and --rounds want at least one".into());
        }
        Ok(arguments)
    }
}
