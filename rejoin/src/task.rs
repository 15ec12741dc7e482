//! The wrapper around the user's future: catches panics, contains drops, the one way out of a task.
//!
//! # Invariants
//!
//! 1. No panic of user code leaves a task: not from a poll, not from the drop of the future, of the
//!    output or of a panic's payload. (`async-task` alone would abort the process in a drop.)
//! 2. Every way out of a task, by being ready, by a panic, by being cancelled or because the executor
//!    is gone, ends in [`leave`], once. Registry and hooks therefore see the same event once.
//! 3. A task that its executor cancels has an output all the same, which says so. A handle that is
//!    awaited never meets a task without one.
//!
//! # Why they hold
//!
//! The future lies in a pinned `State` that only this file sets to `Ended`, under `catch_unwind`; it
//! is `Running` until the task ends, and whoever finds it so calls `leave`: a poll that is its last one,
//! or the drop of the wrapper. The output lies in an [`Outcome`], whose drop is contained and bounces
//! off the stack.

mod outcome;

use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::contain::{Payload, contained};
use crate::current;
use crate::hooks::{Finish, TaskId, TaskInfo};
use crate::names::Rare;
use crate::registry::Key;
use crate::sync::has;

use outcome::drop_in_turn;
pub(crate) use outcome::{AsResult, Not, Outcome, Strategy};

/// Which executor a task belongs to: a place in the table of schedulers, and which of the executors
/// that had this place one after another. One word, because each wake-up compares two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExecutorId(u64);

impl ExecutorId {
    /// No executor has generation 0.
    pub(crate) fn new(index: u32, generation: u32) -> Self {
        Self(u64::from(generation) << 32 | u64::from(index))
    }

    /// The place.
    pub(crate) fn index(self) -> usize {
        self.0 as u32 as usize
    }

    /// Which of those that had it.
    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Where a task is spawned to: an executor, and what that does with panics by default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) id: ExecutorId,
    pub(crate) panics: PanicStrategy,
}

/// What rides in a task's header. The schedule function captures nothing: what it needs is here.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) executor: ExecutorId,
    pub(crate) id: TaskId,
    pub(crate) tag: u64,
    pub(crate) location: &'static Location<'static>,
    pub(crate) rare: Option<Arc<Rare>>,
}

impl Meta {
    pub(crate) fn info(&self) -> TaskInfo {
        TaskInfo {
            id: self.id,
            tag: self.tag,
            location: self.location,
            rare: self.rare.clone(),
        }
    }
}

/// What becomes of a panic in a task.
///
/// The third strategy changes the type of the output and is therefore chosen at the spawn:
/// [`Builder::spawn_result`](crate::Builder::spawn_result).
///
/// In any case the process's panic hook has printed the message, the executor's
/// [`on_panic`](crate::ExecutorBuilder::on_panic) hook hears of it at once, and the worker goes on.
///
/// # Examples
///
/// ```
/// use rejoin::{Builder, PanicStrategy};
///
/// let handle = Builder::new()
///     .panic_strategy(PanicStrategy::Ignore)
///     .spawn(async { panic!("nobody minds") });
/// let error = rejoin::block_on(handle.join()).unwrap_err();
/// assert!(error.is_panic());
/// assert!(error.into_panic().is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PanicStrategy {
    /// The payload resumes in whoever awaits the handle; with nobody to do so, it is dropped.
    #[default]
    Propagate,
    /// The payload is dropped at once. Awaiting the handle panics with a message of its own.
    Ignore,
}

pin_project! {
    /// A future, with what goes with it until it ends. One type for both, so that what goes with it may tell them apart: an
    /// `Option` of the future would take a word more.
    #[project = Now]
    pub(crate) enum State<F, D> {
        Running {
            #[pin]
            future: F,
            data: D,
        },
        Ended,
    }
}

impl<F, D> State<F, D> {
    pub(crate) fn new(future: F, data: D) -> Self {
        Self::Running { future, data }
    }

    /// What goes with the future, if that has not ended.
    #[inline]
    pub(crate) fn data(self: Pin<&mut Self>) -> Option<&mut D> {
        match self.project() {
            Now::Running { data, .. } => Some(data),
            Now::Ended => None,
        }
    }

    /// Drops the future.
    #[inline]
    pub(crate) fn end(mut self: Pin<&mut Self>) {
        self.set(Self::Ended);
    }
}

/// What goes with a task's future.
#[derive(Clone, Copy)]
struct Data<P> {
    key: Option<Key>,
    strategy: P,
}

pin_project! {
    /// The user's future as `async-task` sees it.
    pub(crate) struct Body<F, P> {
        #[pin]
        state: State<F, Data<P>>,
    }

    impl<F, P> PinnedDrop for Body<F, P> {
        fn drop(this: Pin<&mut Self>) {
            let mut state = this.project().state;
            if let Some(data) = state.as_mut().data() {
                let key = data.key;
                let thrown = contained(|| state.end());
                leave(key, Finish::Cancelled, thrown.as_ref());
            }
        }
    }
}

impl<F, P> Body<F, P> {
    pub(crate) fn new(future: F, strategy: P) -> Self {
        let key = None;
        Self {
            state: State::new(future, Data { key, strategy }),
        }
    }
}

impl<F, P> Future for Body<F, P>
where
    F: Future<Output: Send + 'static>,
    P: Strategy<F::Output>,
{
    type Output = Outcome<P::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let data = state.as_mut().data();
        let Data { key, strategy } = *data.expect("a task that has ended is not run");
        if current::begin_poll(key.is_some()) {
            let thrown = contained(|| state.end());
            leave(key, Finish::Cancelled, thrown.as_ref());
            return Poll::Ready(Outcome::not(Not::Cancelled));
        }
        match poll_to_end(state.as_mut(), cx) {
            Poll::Pending => {
                if key.is_none() {
                    if let Some(data) = state.data() {
                        enter(&mut data.key, cx);
                    }
                } else if has!(AskClosed) && current::is_closing() {
                    // The wake-up by `Registry::close` may have come when this poll was scheduled and not
                    // yet begun, and then did nothing; but then it happened before this poll, and so did
                    // the closing. Run once more, to be cancelled.
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Poll::Ready(Ok(output)) => {
                leave(key, Finish::Ready, None);
                Poll::Ready(strategy.ready(output))
            }
            Poll::Ready(Err(thrown)) => {
                leave(key, Finish::Panicked, Some(&thrown));
                Poll::Ready(strategy.panicked(thrown))
            }
        }
    }
}

/// Polls the future, which is there, and drops it if it has ended: what it gave, or what it or its drop threw.
#[inline(always)]
pub(crate) fn poll_to_end<F, D>(
    mut state: Pin<&mut State<F, D>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Payload>>
where
    F: Future<Output: 'static>,
{
    let mut output = None;
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let polled = match state.as_mut().project() {
            Now::Running { future, .. } => future.poll(cx),
            Now::Ended => unreachable!("a task that has ended is not run"),
        };
        polled.map(|ready| {
            output = Some(ready);
            // The future goes before the output is seen.
            state.as_mut().end();
        })
    }));
    match (polled, output) {
        (Ok(_), None) => Poll::Pending,
        (Ok(_), Some(output)) => Poll::Ready(Ok(output)),
        (Err(thrown), output) => {
            // Gone already if it was its drop that threw; after a panic of the poll its drop may throw again.
            drop(contained(|| state.end()));
            if let Some(output) = output {
                drop_in_turn(output);
            }
            Poll::Ready(Err(Payload::new(thrown)))
        }
    }
}

/// Enters the task, which is about to return Pending for the first time, into the registry.
fn enter(key: &mut Option<Key>, cx: &mut Context<'_>) {
    let Some((registry, shard)) = current::registry() else {
        return;
    };
    match registry.enter(shard, cx.waker().clone()) {
        Ok(entered) => *key = Some(entered),
        // The executor is closing: run once more, to be cancelled.
        Err(waker) => waker.wake(),
    }
}

/// The one way out of a task, taken once its future is gone.
#[inline]
fn leave(key: Option<Key>, how: Finish, thrown: Option<&Payload>) {
    if let Some(key) = key {
        leave_registry(key);
    }
    if current::minds_ends() {
        mind(how, thrown);
    }
}

fn leave_registry(key: Key) {
    // The waker is dropped outside the registry's lock; it is not the task's last reference,
    // because the task is being run.
    drop(current::registry().and_then(|(registry, _)| registry.leave(key)));
}

/// Tells whoever wants to hear of it that the task that is polled ended: hooks, and who shuts its executor down.
#[cold]
fn mind(how: Finish, thrown: Option<&Payload>) {
    if current::is_hooked() {
        if let Some(payload) = thrown {
            current::tell_panic(payload);
        }
        current::tell_finish(how);
    }
    if let Some((registry, _)) = current::registry() {
        registry.count_end(how);
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_size_that_was_planned() {
        assert_eq!(size_of::<Meta>(), 40);
        assert_eq!(size_of::<Outcome<()>>(), 16);
        assert_eq!(size_of::<Outcome<u64>>(), 24);
        // A future of 24 bytes without a niche, its wrapper, and nothing else.
        struct Leaf(#[allow(dead_code, reason = "only its size matters")] [u64; 3]);
        assert_eq!(size_of::<Body<Leaf, PanicStrategy>>(), 32);
    }

    #[test]
    fn a_payload_is_handed_out_once() {
        let outcome: Outcome<u32> = PanicStrategy::Propagate.panicked(Payload::new(Box::new(7)));
        let Err(Not::Panicked(payload)) = outcome.into_result() else {
            panic!("expected a payload");
        };
        assert_eq!(payload.into_inner().downcast_ref(), Some(&7));
    }
}
