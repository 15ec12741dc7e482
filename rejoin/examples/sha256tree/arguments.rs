//! What the command line asks for.

use std::env;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::engine::Engine;

const HELP: &str = "\
Prints the SHA-256 of every file below DIR as sha256sum does, ordered by path.

Usage: sha256tree [--engine ENGINE] [DIR]

  DIR              a directory or a file; without it, the repository that we are in
  --engine ENGINE  what hashes, to compare: rejoin (as without it), rayon or sequential
  -h, --help       print this
  -V, --version    print the version

Links are followed; fifos, sockets and devices are skipped. The exit status is 1 if anything could not
be hashed, which stderr then names, and 2 if the command line makes no sense.
";

/// A command line that makes sense.
pub(crate) enum Asked {
    Hash(Arguments),
    Answer(String),
}

pub(crate) struct Arguments {
    pub(crate) root: PathBuf,
    pub(crate) engine: Engine,
}

pub(crate) fn parse() -> Result<Asked, lexopt::Error> {
    let mut root = None;
    let mut engine = Engine::Rejoin;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Asked::Answer(HELP.into())),
            Short('V') | Long("version") => {
                let version = concat!("sha256tree ", env!("CARGO_PKG_VERSION"), "\n");
                return Ok(Asked::Answer(version.into()));
            }
            Long("engine") => engine = parser.value()?.parse()?,
            Value(value) if root.is_none() => root = Some(PathBuf::from(value)),
            _ => return Err(argument.unexpected()),
        }
    }
    let root = root.unwrap_or_else(repository);
    Ok(Asked::Hash(Arguments { root, engine }))
}

/// The way from the current directory to the repository around it; `.` if there is none.
fn repository() -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    let depth = here.ancestors().position(|dir| dir.join(".git").exists());
    match depth {
        None | Some(0) => ".".into(),
        Some(depth) => std::iter::repeat_n("..", depth).collect(),
    }
}
