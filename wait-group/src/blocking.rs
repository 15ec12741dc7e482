//! Threads as waiters.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::Wait;

impl Wait {
    /// Blocks this thread until the group is done.
    ///
    /// Not for use inside a task: it blocks the executor's thread, and the workers it waits for may
    /// need that thread.
    ///
    /// # Cost
    ///
    /// Nothing if the group is done. Else one allocation, and one waiter's place in the group.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let worker = group.clone();
    /// std::thread::spawn(move || drop(worker));
    /// group.wait().wait_blocking();
    /// ```
    pub fn wait_blocking(&self) {
        self.block(|| {
            thread::park();
            true
        });
    }

    /// Blocks this thread until the group is done, or for `timeout`.
    ///
    /// A timeout too long to be expressed as an [`Instant`] is none. A zero timeout looks once. Not
    /// for use inside a task, like [`wait_blocking`](Self::wait_blocking); there, see
    /// [`or`](Self::or).
    ///
    /// # Errors
    ///
    /// If the time is over and the group is not done. The error says how many workers are left, and
    /// with the feature `trace` which.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let worker = group.named("backup");
    ///
    /// let waiter = group.wait();
    /// let error = waiter.wait_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.workers(), 1);
    /// assert!(error.to_string().starts_with("1 worker is not done"));
    ///
    /// drop(worker);
    /// assert!(waiter.wait_timeout(Duration::ZERO).is_ok());
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> Result<(), StillRunning> {
        // `None`, for a time that no clock will reach, is waited for without a limit.
        let deadline = Instant::now().checked_add(timeout);
        self.block(|| {
            let Some(deadline) = deadline else {
                thread::park();
                return true;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            thread::park_timeout(left);
            !left.is_zero()
        });
        match self.workers() {
            0 => Ok(()),
            workers => Err(StillRunning {
                workers,
                #[cfg(feature = "trace")]
                outstanding: self.outstanding(),
            }),
        }
    }

    /// Blocks until the group is done, or `sleep` says that it will not sleep any longer.
    fn block(&self, mut sleep: impl FnMut() -> bool) {
        if self.is_done() {
            return;
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        // The polls need a place of their own to keep the waker in. Whoever else unparks this thread
        // makes for one more poll.
        let mut wait = self.clone();
        while Pin::new(&mut wait).poll(&mut cx).is_pending() {
            if !sleep() {
                return;
            }
        }
    }
}

/// A waker that unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// A group was not done in time.
///
/// Its `Display` says how many workers were left and, with the feature `trace`, who they were.
#[derive(Clone, Debug)]
pub struct StillRunning {
    workers: usize,
    #[cfg(feature = "trace")]
    outstanding: Vec<crate::Outstanding>,
}

impl StillRunning {
    /// How many workers were left: at least one.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Who they were: what [`Wait::outstanding`] said when the time was over. A worker that left in
    /// between may have been counted and not be listed.
    #[cfg(feature = "trace")]
    pub fn outstanding(&self) -> &[crate::Outstanding] {
        &self.outstanding
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.workers {
            1 => f.write_str("1 worker is not done")?,
            workers => write!(f, "{workers} workers are not done")?,
        }
        #[cfg(feature = "trace")]
        self.fmt_outstanding(f)?;
        Ok(())
    }
}

#[cfg(feature = "trace")]
impl StillRunning {
    /// A line of a log holds about as many; [`outstanding`](Self::outstanding) has all.
    const SHOWN: usize = 8;

    fn fmt_outstanding(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, handle) in self.outstanding.iter().take(Self::SHOWN).enumerate() {
            let between = if index == 0 { ": " } else { ", " };
            write!(f, "{between}{handle}")?;
        }
        match self.outstanding.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl std::error::Error for StillRunning {}
