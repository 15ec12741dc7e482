//! Watch how many workers share the files, and how the lines still come in order.
//!
//! Hashes every file below a directory in parallel and prints what `sha256sum` would print:
//!
//! ```text
//! cargo run --release --example sha256tree -- DIR > SUMS
//! sha256sum --check --quiet SUMS
//! ```
//!
//! The path of the data: a *walk* finds the files in the order of their paths; a few *readers*, threads
//! of the `blocking` crate, read them into *pages*; a task per file hashes the content on a worker; the
//! main thread awaits the tasks in order and *reports*.
//!
//! # What bounds the memory
//!
//! All content lies in a fixed number of pages ([`page::SIZE`] times [`page::PER_READER`] for each
//! reader); a reader that finds none free waits for tasks to let go of some. Files whose lines cannot be
//! printed yet are bounded by the queue between readers and main thread. What is left is the walk, which
//! keeps the names of the directories that it is in: sorting needs them all.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

mod arguments;
mod walk;
mod source;
mod page;
mod reader;
mod stream;
mod hash;
mod engine;
mod report;
mod line;

use arguments::Asked;
use report::Report;

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Asked::Hash(arguments)) => arguments,
        Ok(Asked::Answer(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            report::complain(format_args!("{error}; --help says more"));
            return ExitCode::from(2);
        }
    };
    if let Err(error) = arguments.root.metadata() {
        report::complain(format_args!("{:?}: {error}", arguments.root));
        return ExitCode::FAILURE;
    }
    let mut report = Report::new();
    let run = arguments.engine.run(&arguments.root, &mut report);
    let errors = report.errors();
    match run.and_then(|()| report.finish()) {
        Ok(()) if errors == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        // Whoever read the lines has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            report::complain(format_args!("cannot write the lines: {error}"));
            ExitCode::FAILURE
        }
    }
}
