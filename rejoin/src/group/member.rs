//! A task of a group, as its executor sees it: the user's future, and a seat that tells the group how it
//! ended.
//!
//! # Invariant
//!
//! The group hears of the end of each task once, at once, and after the task's future is gone.
//!
//! # Why it holds
//!
//! When the future is ready, it is dropped, and then the seat tells. In every other case the seat tells
//! when it is dropped, and it is declared after the future. It knows a panic from a cancellation by
//! whether a poll had begun that did not come back: the executor's own wrapper catches the panic and
//! drops what panicked before it does anything else.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::shared::Shared;
use super::state::How;
use crate::contain::bounce;

/// A task's place in its group.
pub(super) struct Seat<R: Send + 'static> {
    shared: Arc<Shared<R>>,
    key: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The group was cancelled before the task began: it never does.
    Doomed,
    Waiting,
    Polling,
    Told,
}

impl<R: Send + 'static> Seat<R> {
    pub(super) fn new(shared: &Arc<Shared<R>>, key: usize) -> Self {
        Self {
            shared: Arc::clone(shared),
            key,
            stage: Stage::Waiting,
        }
    }

    /// The seat of a task that is spawned only to be cancelled.
    pub(super) fn doomed(shared: &Arc<Shared<R>>, key: usize) -> Self {
        let mut seat = Self::new(shared, key);
        seat.stage = Stage::Doomed;
        seat
    }
}

impl<R: Send + 'static> Drop for Seat<R> {
    fn drop(&mut self) {
        match self.stage {
            Stage::Told => {}
            Stage::Polling => self.shared.end(self.key, How::Failed),
            Stage::Waiting | Stage::Doomed => self.shared.end(self.key, How::Cancelled),
        }
    }
}

pin_project! {
    pub(super) struct InGroup<F, R> where R: Send, R: 'static {
        #[pin]
        future: Option<F>,
        // After the future, so that it is dropped after it.
        seat: Seat<R>,
    }
}

impl<F, R: Send + 'static> InGroup<F, R> {
    pub(super) fn new(future: F, seat: Seat<R>) -> Self {
        Self {
            future: Some(future),
            seat,
        }
    }
}

impl<F: Future<Output = R>, R: Send + 'static> Future for InGroup<F, R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        if this.seat.stage == Stage::Doomed || this.seat.shared.is_cancelled() {
            // Whoever spawned it so, or is only now spawning it, or cancelled the group, is about to cancel it.
            return Poll::Pending;
        }
        this.seat.stage = Stage::Polling;
        let future = this.future.as_mut().as_pin_mut();
        let polled = future.expect("a task that has ended is not run").poll(cx);
        let Poll::Ready(output) = polled else {
            this.seat.stage = Stage::Waiting;
            return Poll::Pending;
        };
        if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            // Not by unwinding: a drop that panics while another panic unwinds ends the process.
            bounce(|| drop(output));
            resume_unwind(thrown);
        }
        let how = if this.seat.shared.is_failure(&output) {
            How::Failed
        } else {
            How::Ready
        };
        this.seat.stage = Stage::Told;
        this.seat.shared.end(this.seat.key, how);
        Poll::Ready(output)
    }
}
