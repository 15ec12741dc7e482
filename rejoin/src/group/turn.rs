//! A spawner that waits for a place.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::places::Turn;
use super::shared::Shared;
use super::state::Admitted;

/// A future of the key of a new member that has a place; `None` if the group takes no more tasks.
///
/// Given up while it waits, it leaves the queue; given up after a place was handed to it, it hands it on.
pub(super) struct InTurn<R: Send + 'static> {
    shared: Arc<Shared<R>>,
    ticket: Option<u64>,
}

impl<R: Send + 'static> InTurn<R> {
    pub(super) fn new(shared: Arc<Shared<R>>) -> Self {
        Self {
            shared,
            ticket: None,
        }
    }
}

impl<R: Send + 'static> Future for InTurn<R> {
    type Output = Option<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        if self.ticket.is_none() {
            let admitted = self.shared.with(super::state::State::admit);
            match admitted {
                Admitted::Taken(key) => return Poll::Ready(Some(key)),
                Admitted::Refused => return Poll::Ready(None),
                Admitted::Full => {}
            }
        }
        // Cloned before the lock is taken, dropped after it was given back: both are the user's code.
        let mut waker = Some(cx.waker().clone());
        let mut before = None;
        let ticket = self.ticket;
        let (polled, ticket) = self.shared.with(|state| {
            if state.refuses() {
                return (Poll::Ready(None), None);
            }
            let Some(ticket) = ticket else {
                // There may be a place by now.
                if let Admitted::Taken(key) = state.admit() {
                    return (Poll::Ready(Some(key)), None);
                }
                let waker = waker.take().expect("taken once");
                return (
                    Poll::Pending,
                    Some(state.places.enter(Turn::Spawner(waker))),
                );
            };
            match (state.places.waker(ticket), waker.take()) {
                (Some(place), Some(waker)) => {
                    before = Some(std::mem::replace(place, waker));
                    (Poll::Pending, Some(ticket))
                }
                (_, unused) => {
                    before = unused;
                    (Poll::Ready(Some(state.enter())), None)
                }
            }
        });
        self.ticket = ticket;
        polled
    }
}

impl<R: Send + 'static> Drop for InTurn<R> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let (waker, next) = self.shared.with(|state| {
            if state.refuses() {
                return (None, None);
            }
            match state.places.leave(ticket) {
                Some(waker) => (Some(waker), None),
                None => (None, state.places.pass_on()),
            }
        });
        drop(waker);
        if let Some(turn) = next {
            self.shared.give_turn(turn);
        }
    }
}
