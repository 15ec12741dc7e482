//! What hashes the files: rejoin, or for comparison rayon or nobody beside us.
//!
//! All three walk, read and hash with the same code, and print the same lines.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::hash::{Hash, Hashed, Outcome};
use crate::page::{self, Pages};
use crate::reader::{Reader, Turns};
use crate::report::Report;
use crate::source::Source;
use crate::stream::Streams;
use crate::walk::{Found, walk};

/// So many readers keep a disk busy; a machine with more processors also gets more readers. As many
/// large files are streamed at a time.
const READERS: usize = 4;

/// How many turns of the readers may wait to be printed.
const PROMISED: usize = 64;

pub(crate) enum Engine {
    Rejoin,
    Rayon,
    Sequential,
}

impl Engine {
    /// Reports every file below `root`. Fails only where the report cannot be written.
    pub(crate) fn run(&self, root: &Path, report: &mut Report) -> io::Result<()> {
        match self {
            Self::Rejoin => rejoin::block_on(tasks(root, report)),
            Self::Rayon => par_iter(root, report),
            Self::Sequential => one_by_one(root, report),
        }
    }
}

impl FromStr for Engine {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "rejoin" => Ok(Self::Rejoin),
            "rayon" => Ok(Self::Rayon),
            "sequential" => Ok(Self::Sequential),
            _ => Err("not an engine"),
        }
    }
}

async fn tasks(root: &Path, report: &mut Report) -> io::Result<()> {
    let readers = thread::available_parallelism().map_or(READERS, |n| READERS.max(n.get()));
    let (promise, promised) = async_channel::bounded(PROMISED);
    let turns = Arc::new(Turns::new(walk(root), promise));
    let pages = Arc::new(Pages::new(readers));
    let bar = report.bar(root);
    let streams = Streams::new(readers, Arc::clone(&pages), bar.clone());
    let readers: Vec<_> = (0..readers)
        .map(|_| {
            let reader = Reader::new(Arc::clone(&pages), streams.clone(), bar.clone());
            let turns = Arc::clone(&turns);
            blocking::unblock(move || reader.run(&turns))
        })
        .collect();
    drop(turns);
    while let Ok(promises) = report.before(promised.recv()).await? {
        while let Ok(promise) = report.before(promises.recv()).await? {
            for outcome in report.before(promise).await? {
                report.tell(outcome)?;
            }
        }
    }
    for reader in readers {
        reader.await;
    }
    Ok(())
}

/// Walks first: with `par_bridge`, which would walk meanwhile, rayon is slower.
fn par_iter(root: &Path, report: &mut Report) -> io::Result<()> {
    let found: Vec<Found> = walk(root).collect();
    let outcomes = found
        .into_par_iter()
        .map_init(|| vec![0; page::SIZE], |buffer, found| hash(found, buffer));
    let outcomes: Vec<Outcome> = outcomes.collect();
    outcomes
        .into_iter()
        .try_for_each(|outcome| report.tell(outcome))
}

fn one_by_one(root: &Path, report: &mut Report) -> io::Result<()> {
    let mut buffer = vec![0; page::SIZE];
    walk(root).try_for_each(|found| report.tell(hash(found, &mut buffer)))
}

/// Reads and hashes one file on the spot.
fn hash((path, file): Found, buffer: &mut [u8]) -> Outcome {
    let hashed = file.and_then(|()| Ok(hash_file(&path, buffer)?));
    (path, hashed)
}

fn hash_file(path: &Path, buffer: &mut [u8]) -> io::Result<Hashed> {
    let mut source = Source::open(path)?;
    let mut hash = Hash::default();
    loop {
        let read = source.fill(buffer)?;
        hash.update(&buffer[..read]);
        if read < buffer.len() {
            return Ok(hash.finish());
        }
    }
}
