//! Lines on stdout, complaints on stderr, and at the end what it took.

use std::collections::HashSet;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::hash::Outcome;
use crate::line;
use crate::walk::Not;

/// Lines are written when so many bytes of them have come together, and before every wait.
const FULL: usize = 64 << 10;

const BAR: &str = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}";

pub(crate) struct Report {
    lines: Vec<u8>,
    bar: ProgressBar,
    started: Instant,
    files: u64,
    bytes: u64,
    errors: u64,
    skipped: u64,
    threads: HashSet<ThreadId>,
}

/// Says what is wrong.
pub(crate) fn complain(what: fmt::Arguments<'_>) {
    // There is nobody to tell if that fails.
    let _ = writeln!(io::stderr(), "sha256tree: {what}");
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            lines: Vec::new(),
            bar: ProgressBar::hidden(),
            started: Instant::now(),
            files: 0,
            bytes: 0,
            errors: 0,
            skipped: 0,
            threads: HashSet::new(),
        }
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors
    }

    /// A progress bar, hidden unless stderr is a terminal. How far it has to go is found out by a walk
    /// of its own.
    pub(crate) fn bar(&mut self, root: &Path) -> ProgressBar {
        if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template(BAR).expect("a valid template");
            self.bar = ProgressBar::new(0).with_style(style);
            self.bar.enable_steady_tick(Duration::from_millis(100));
            let (root, bar) = (root.to_path_buf(), self.bar.clone());
            let count = blocking::unblock(move || {
                for entry in walkdir::WalkDir::new(root).follow_links(true) {
                    let metadata = entry.and_then(|entry| entry.metadata());
                    if let Some(file) = metadata.ok().filter(|metadata| metadata.is_file()) {
                        bar.inc_length(file.len());
                    }
                }
            });
            count.detach();
        }
        self.bar.clone()
    }

    /// Awaits `future`, and if that means to wait, writes what there is to write before.
    pub(crate) async fn before<F: Future>(&mut self, future: F) -> io::Result<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => match self.write() {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await
    }

    pub(crate) fn tell(&mut self, (path, outcome): Outcome) -> io::Result<()> {
        match outcome {
            Ok(hashed) => {
                self.files += 1;
                self.bytes += hashed.length;
                self.threads.insert(hashed.thread);
                line::push(&mut self.lines, &hashed.digest, &path);
                if self.lines.len() >= FULL {
                    self.write()?;
                }
            }
            Err(Not::Lost(why)) => {
                self.errors += 1;
                self.bar
                    .suspend(|| complain(format_args!("{path:?}: {why}")));
            }
            Err(Not::Special(kind)) => {
                self.skipped += 1;
                self.bar
                    .suspend(|| complain(format_args!("{path:?}: skipped, {kind}")));
            }
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = &self.lines;
        self.bar.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(lines)?;
            stdout.flush()
        })?;
        self.lines.clear();
        Ok(())
    }

    /// Writes what is left, and says what it took.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write()?;
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = HumanBytes((self.bytes as f64 / seconds) as u64);
        complain(format_args!(
            "{} files, {} bytes in {seconds:.3} s, {rate}/s, {} workers, {} errors, {} skipped",
            self.files,
            self.bytes,
            self.threads.len(),
            self.errors,
            self.skipped
        ));
        Ok(())
    }
}
