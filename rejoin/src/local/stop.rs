//! What a cancel handle of a local task holds: it may be sent anywhere, the task not.
//!
//! # Invariants
//!
//! 1. After [`cancel`](Stop::cancel) has returned, the task is not polled again, whoever is about to.
//! 2. Nothing of the task is kept alive.
//!
//! # Why they hold
//!
//! The thread of the task asks [`is_over`](Stop::is_over) before each of its polls, of those tasks that have
//! such a handle. The request itself is posted like a wake-up; dropping the future is that thread's affair.

use std::sync::Arc;

use crate::cancel_handle::Cancels;
use crate::hooks::TaskInfo;
use crate::sync::Lock;

use super::inbox::Inbox;
use super::tasks::Key;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Stop {
    inbox: Arc<Inbox>,
    key: Key,
    info: TaskInfo,
    /// The task has ended, or was cancelled.
    over: Lock<bool>,
}

impl Stop {
    pub(super) fn new(inbox: &Arc<Inbox>, key: Key, info: TaskInfo, over: bool) -> Arc<Self> {
        Arc::new(Self {
            inbox: Arc::clone(inbox),
            key,
            info,
            over: Lock::new(over),
        })
    }

    /// Whether the task has ended or was cancelled.
    pub(super) fn is_over(&self) -> bool {
        *self.over.lock()
    }

    /// Says that it has; whether that was so before.
    pub(super) fn end(&self) -> bool {
        std::mem::replace(&mut *self.over.lock(), true)
    }
}

impl Cancels for Stop {
    fn cancel(&self) {
        if !self.end() {
            self.inbox.stop(self.key);
        }
    }

    fn is_finished(&self) -> bool {
        self.is_over()
    }

    fn info(&self) -> &TaskInfo {
        &self.info
    }

    fn count_in(&self) {}

    fn count_out(&self) {}
}
