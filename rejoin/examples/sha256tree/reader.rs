//! Reads files in the order of the walk, on a thread where that may block.
//!
//! Small files share a page, whose task hashes them: handing over costs one wake-up per page, not per
//! file. A file that fills its page is large: the rest of it is [streamed](crate::stream) while the
//! reader goes on to the next.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_channel::{Receiver, Sender};
use indicatif::ProgressBar;
use rejoin::{JoinHandle, spawn};

use crate::hash::{Outcome, small_files};
use crate::page::{Page, Pages, Slice};
use crate::source::Source;
use crate::stream::Streams;
use crate::walk::{Found, Not};

/// How many files a reader takes from the walk at a time.
const TURN: usize = 64;

/// A task that has the outcomes of a page.
pub(crate) type Promise = JoinHandle<Vec<Outcome>>;

/// The walk that the readers share, and where they promise what they take from it: in order, because
/// both happen under one lock.
pub(crate) struct Turns<W> {
    walk: Mutex<W>,
    promised: Sender<Receiver<Promise>>,
}

impl<W: Iterator<Item = Found>> Turns<W> {
    pub(crate) fn new(walk: W, promised: Sender<Receiver<Promise>>) -> Self {
        let walk = Mutex::new(walk);
        Self { walk, promised }
    }

    /// The next files of the walk, and where to promise what comes of them. `None` at the end of the
    /// walk, and when nobody listens any more.
    fn next(&self) -> Option<(Vec<Found>, Sender<Promise>)> {
        let mut walk = self.walk.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<Found> = walk.by_ref().take(TURN).collect();
        if found.is_empty() {
            return None;
        }
        let (promise, promises) = async_channel::unbounded();
        self.promised.send_blocking(promises).ok()?;
        Some((found, promise))
    }
}

pub(crate) struct Reader {
    pages: Arc<Pages>,
    page: Option<Page>,
    /// What lies where in the page.
    small: Vec<(PathBuf, Result<Range<usize>, Not>)>,
    streams: Streams,
    bar: ProgressBar,
}

impl Reader {
    pub(crate) fn new(pages: Arc<Pages>, streams: Streams, bar: ProgressBar) -> Self {
        Self {
            pages,
            page: None,
            small: Vec::new(),
            streams,
            bar,
        }
    }

    /// Reads until the walk is over.
    pub(crate) fn run<W: Iterator<Item = Found>>(mut self, turns: &Turns<W>) {
        while let Some((found, promise)) = turns.next() {
            for (path, file) in found {
                let source = file.and_then(|()| Ok(Source::open(&path)?));
                match source {
                    Ok(source) => self.read(path, source, &promise),
                    Err(not) => self.small.push((path, Err(not))),
                }
            }
            self.end_page(&promise);
        }
    }

    fn read(&mut self, path: PathBuf, mut source: Source, promise: &Sender<Promise>) {
        let fits = |page: &mut Page| source.length < page.space().len() as u64;
        if !self.page.as_mut().is_none_or(fits) {
            self.end_page(promise);
        }
        let page = self.page.get_or_insert_with(|| self.pages.take());
        match source.fill(page.space()) {
            Err(error) => self.small.push((path, Err(error.into()))),
            Ok(length) => {
                self.bar.inc(length as u64);
                let range = page.add(length);
                if !page.space().is_empty() {
                    self.small.push((path, Ok(range)));
                } else if let Some(page) = self.end_page(promise) {
                    let first = Slice::of(&page, range);
                    let _ = promise.send_blocking(self.streams.start(path, first, source));
                }
            }
        }
    }

    /// Spawns a task for the small files in the page, if there is anything to tell of them.
    fn end_page(&mut self, promise: &Sender<Promise>) -> Option<Arc<Page>> {
        let page = self.page.take().map(Arc::new);
        if !self.small.is_empty() {
            let slice = |range| match &page {
                Some(page) => Slice::of(page, range),
                None => unreachable!("what was read lies in a page"),
            };
            let small = self.small.drain(..);
            let small = small.map(|(path, range)| (path, range.map(slice)));
            // If nobody listens, the task is detached and ends by itself.
            let _ = promise.send_blocking(spawn(small_files(small.collect())));
        }
        page
    }
}
