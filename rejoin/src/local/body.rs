//! A local task's future, and what came of it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::contain::contained;
use crate::task::{Not, Outcome, Strategy, poll_to_end};

/// A task, whatever its types. None of these unwinds.
pub(super) trait Body {
    /// Polls the future; says whether it has ended, and is gone.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;

    /// Drops the future.
    fn cancel(self: Pin<&mut Self>);

    /// An `Option<Outcome<R>>` with what came of the future.
    fn outcome(self: Pin<&mut Self>) -> &mut dyn Any;
}

pin_project! {
    /// See [`Body`].
    pub(super) struct Task<F, P, R> {
        #[pin]
        future: Option<F>,
        outcome: Option<Outcome<R>>,
        strategy: P,
    }
}

impl<F, P, R> Task<F, P, R>
where
    F: Future<Output: 'static> + 'static,
    P: Strategy<F::Output, Output = R>,
    R: 'static,
{
    pub(super) fn boxed(future: F, strategy: P) -> Pin<Box<dyn Body>> {
        Box::pin(Self {
            future: Some(future),
            outcome: None,
            strategy,
        })
    }
}

impl<F, P, R> Body for Task<F, P, R>
where
    F: Future<Output: 'static> + 'static,
    P: Strategy<F::Output, Output = R>,
    R: 'static,
{
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        let Poll::Ready(result) = poll_to_end(this.future, cx) else {
            return false;
        };
        *this.outcome = Some(match result {
            Ok(output) => this.strategy.ready(output),
            Err(thrown) => this.strategy.panicked(thrown),
        });
        true
    }

    fn cancel(self: Pin<&mut Self>) {
        let mut this = self.project();
        drop(contained(|| this.future.set(None)));
        *this.outcome = Some(Outcome::not(Not::Cancelled));
    }

    fn outcome(self: Pin<&mut Self>) -> &mut dyn Any {
        self.project().outcome
    }
}
