//! A fixed number of pages: all the memory that the content of files ever takes.
//!
//! # Nobody waits in vain
//!
//! A thread that reads waits for pages only while it holds none, and holds at most one: a page per reader
//! and one per stream, a quarter of all. The other pages are held by tasks, which hash them and let go of
//! them without waiting for anything but a worker. So while all that read wait, all pages become free,
//! and half of them is what they wait for.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Large enough that a system call per page does not count, small enough for a processor's own cache.
pub(crate) const SIZE: usize = 256 << 10;

/// How many pages there are for each reader: enough that readers and workers seldom wait for each other.
pub(crate) const PER_READER: usize = 8;

/// The pages that nobody holds.
pub(crate) struct Pages {
    /// The one that was used last is the first to be used again: it may still be in a cache.
    free: Mutex<Vec<Box<[u8]>>>,
    /// Told when half of all are free again. Who found none waits for that: it is woken for a while
    /// of work, not for each page.
    enough: Condvar,
    half: usize,
}

/// A page in the hands of a reader.
pub(crate) struct Page {
    bytes: Box<[u8]>,
    used: usize,
    pages: Arc<Pages>,
}

/// A file's part of a page. The page is free again when the last slice of it is gone.
pub(crate) struct Slice {
    page: Arc<Page>,
    range: Range<usize>,
}

impl Pages {
    pub(crate) fn new(readers: usize) -> Self {
        let count = readers * PER_READER;
        // Memory is taken at a page's first use.
        let free = std::iter::repeat_with(Box::default).take(count).collect();
        Self {
            free: Mutex::new(free),
            enough: Condvar::new(),
            half: count / 2,
        }
    }

    /// Waits for a free page.
    pub(crate) fn take(self: &Arc<Self>) -> Page {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            free = self
                .enough
                .wait_while(free, |free| free.len() < self.half)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = free.pop().expect("there are enough");
        drop(free);
        if bytes.is_empty() {
            bytes = vec![0; SIZE].into();
        }
        Page {
            bytes,
            used: 0,
            pages: Arc::clone(self),
        }
    }

    fn give_back(&self, bytes: Box<[u8]>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(bytes);
        let enough = free.len() == self.half;
        drop(free);
        if enough {
            self.enough.notify_all();
        }
    }
}

impl Page {
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..]
    }

    /// Counts so many bytes of the space as used, and says where they lie.
    pub(crate) fn add(&mut self, length: usize) -> Range<usize> {
        let start = self.used;
        self.used += length;
        start..self.used
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.pages.give_back(std::mem::take(&mut self.bytes));
    }
}

impl Slice {
    pub(crate) fn of(page: &Arc<Page>, range: Range<usize>) -> Self {
        Self {
            page: Arc::clone(page),
            range,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.page.bytes[self.range.clone()]
    }
}
