//! Reads large files, each on a thread of its own where that may block, page by page for its task.
//!
//! Only so many at a time: a reader that meets one more waits. It holds no page then, so those that
//! stream get theirs.

use std::path::PathBuf;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use indicatif::ProgressBar;
use rejoin::spawn;

use crate::hash::large_file;
use crate::page::{Pages, Slice};
use crate::reader::Promise;
use crate::source::Source;
use crate::walk::Not;

/// How many pages of a file may wait for its task.
const AHEAD: usize = 4;

#[derive(Clone)]
pub(crate) struct Streams {
    pages: Arc<Pages>,
    bar: ProgressBar,
    /// Has a place for each stream.
    enter: Sender<()>,
    leave: Receiver<()>,
}

impl Streams {
    pub(crate) fn new(at_once: usize, pages: Arc<Pages>, bar: ProgressBar) -> Self {
        let (enter, leave) = async_channel::bounded(at_once);
        Self {
            pages,
            bar,
            enter,
            leave,
        }
    }

    /// Spawns a task for a large file of which `first` has been read, and reads on for it.
    pub(crate) fn start(&self, path: PathBuf, first: Slice, source: Source) -> Promise {
        let (send, rest) = async_channel::bounded(AHEAD);
        let promise = spawn(large_file(path, first, rest));
        let _ = self.enter.send_blocking(());
        let streams = self.clone();
        blocking::unblock(move || {
            streams.read(source, &send);
            let _ = streams.leave.try_recv();
        })
        .detach();
        promise
    }

    fn read(&self, mut source: Source, send: &Sender<Result<Option<Slice>, Not>>) {
        loop {
            let mut page = self.pages.take();
            let part = match source.fill(page.space()) {
                Ok(0) => Ok(None),
                Ok(length) => {
                    self.bar.inc(length as u64);
                    let range = page.add(length);
                    Ok(Some(Slice::of(&Arc::new(page), range)))
                }
                Err(error) => Err(error.into()),
            };
            let over = !matches!(part, Ok(Some(_)));
            if send.send_blocking(part).is_err() || over {
                return;
            }
        }
    }
}
