//! The tasks: one for each file, and one for each page of small files that forks and joins theirs.

use std::path::PathBuf;
use std::thread::{self, ThreadId};

use async_channel::Receiver;
use rejoin::spawn;
use sha2::{Digest, Sha256};

use crate::page::Slice;
use crate::walk::Not;

/// What came of one path.
pub(crate) type Outcome = (PathBuf, Result<Hashed, Not>);

/// A file that has been hashed.
pub(crate) struct Hashed {
    pub(crate) digest: [u8; 32],
    pub(crate) length: u64,
    /// The thread that hashed it, or the end of it.
    pub(crate) thread: ThreadId,
}

/// The slices of a large file after its first. `None` is its end: a channel that closes without is one
/// whose reader has panicked.
pub(crate) type Rest = Receiver<Result<Option<Slice>, Not>>;

pub(crate) async fn small_files(files: Vec<(PathBuf, Result<Slice, Not>)>) -> Vec<Outcome> {
    let fork = |file: Result<Slice, Not>| file.map(|slice| spawn(small_file(slice)));
    let files = files.into_iter().map(|(path, file)| (path, fork(file)));
    let files: Vec<_> = files.collect();
    let mut outcomes = Vec::with_capacity(files.len());
    for (path, file) in files {
        let outcome = match file {
            Ok(handle) => Ok(handle.await),
            Err(not) => Err(not),
        };
        outcomes.push((path, outcome));
    }
    outcomes
}

async fn small_file(content: Slice) -> Hashed {
    let mut hash = Hash::default();
    hash.update(content.bytes());
    hash.finish()
}

pub(crate) async fn large_file(path: PathBuf, first: Slice, rest: Rest) -> Vec<Outcome> {
    vec![(path, in_slices(first, rest).await)]
}

async fn in_slices(first: Slice, rest: Rest) -> Result<Hashed, Not> {
    let mut hash = Hash::default();
    hash.update(first.bytes());
    drop(first);
    loop {
        match rest.recv().await {
            Ok(Ok(Some(slice))) => hash.update(slice.bytes()),
            Ok(Ok(None)) => return Ok(hash.finish()),
            Ok(Err(not)) => return Err(not),
            Err(_) => return Err(Not::Lost("its reader is gone".into())),
        }
    }
}

/// A hash and how much has gone into it.
#[derive(Default)]
pub(crate) struct Hash {
    sha256: Sha256,
    length: u64,
}

impl Hash {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.length += bytes.len() as u64;
    }

    pub(crate) fn finish(self) -> Hashed {
        Hashed {
            digest: self.sha256.finalize().into(),
            length: self.length,
            thread: thread::current().id(),
        }
    }
}
