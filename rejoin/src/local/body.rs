//! A local task's future, and what came of it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::contain::contained;
use crate::task::{Not, Outcome, State, Strategy, poll_to_end};

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
        state: State<F, P>,
        outcome: Option<Outcome<R>>,
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
            state: State::new(future, strategy),
            outcome: None,
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
        let mut this = self.project();
        let strategy = this.state.as_mut().data();
        let strategy = *strategy.expect("a task that has ended is not polled");
        let Poll::Ready(result) = poll_to_end(this.state, cx) else {
            return false;
        };
        *this.outcome = Some(match result {
            Ok(output) => strategy.ready(output),
            Err(thrown) => strategy.panicked(thrown),
        });
        true
    }

    fn cancel(self: Pin<&mut Self>) {
        let this = self.project();
        drop(contained(|| this.state.end()));
        *this.outcome = Some(Outcome::not(Not::Cancelled));
    }

    fn outcome(self: Pin<&mut Self>) -> &mut dyn Any {
        self.project().outcome
    }
}
