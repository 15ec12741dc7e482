//! The owner's side of a group: outputs as they come, or all of them.

use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::TaskGroup;
use super::outcome::{Late, Outcome};
use super::state::{Held, Member, Settled, State};
use crate::contain::bounce;
use crate::hooks::TaskInfo;
use crate::join_error::JoinError;
use crate::join_handle::Join;
use crate::yield_now::yield_now;

/// A task that has ended; its output is there, or will be in a moment.
pub(super) struct Ending<R> {
    task: TaskInfo,
    join: Option<Join<R>>,
    is_first_failure: bool,
}

impl<R> Ending<R> {
    fn of(member: Member<R>, is_first_failure: bool) -> Self {
        let (task, join) = match member.held {
            Held::Handle(handle) => (handle.info(), Some(handle.join())),
            Held::Cancelled(info) => (*info, None),
            Held::Nothing => unreachable!("a settled member has one or the other"),
        };
        Self {
            task,
            join,
            is_first_failure,
        }
    }
}

impl<R> Ending<R> {
    fn outcome(self, result: Result<R, JoinError>) -> Outcome<R> {
        Outcome {
            task: self.task,
            result,
            is_first_failure: self.is_first_failure,
        }
    }
}

impl<R> Future for Ending<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.join {
            Some(join) => Pin::new(join).poll(cx),
            None => Poll::Ready(Err(JoinError::cancelled())),
        }
    }
}

/// Passes on what the task panicked with.
fn propagate(error: JoinError) -> ! {
    match error.into_panic() {
        Some(payload) => resume_unwind(payload),
        None => panic!(
            "a task of the group panicked, and its strategy was to ignore that; use \
             TaskGroup::outcomes to learn of it without a panic"
        ),
    }
}

const CANCELLED: &str = "a task group was joined after tasks of it had been cancelled; use \
                         TaskGroup::outcomes to learn of the others' outputs";

impl<R: Send + 'static> TaskGroup<R> {
    /// The next output, in the order in which tasks end; `None` if no task is left.
    ///
    /// Tasks that were cancelled give nothing. More may be spawned meanwhile and afterwards, and then there
    /// is a next one again. The returned future may be dropped at any time and loses nothing.
    ///
    /// # Panics
    ///
    /// Passes on the panic of a task, when it is its turn. See [`next_outcome`](Self::next_outcome) for the
    /// way without.
    ///
    /// # Cost
    ///
    /// A lock, twice if it has to wait; what awaiting a [`JoinHandle`](crate::JoinHandle) costs.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let mut group = TaskGroup::new();
    /// for number in 1..=3 {
    ///     group.spawn(async move { number });
    /// }
    /// let mut sum = 0;
    /// while let Some(number) = block_on(group.next()) {
    ///     sum += number;
    /// }
    /// assert_eq!(sum, 6);
    /// ```
    #[doc(alias = "join_next")]
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator blocks; this is the name that streams have for it"
    )]
    pub fn next(&mut self) -> Next<'_, R> {
        Next { group: self }
    }

    /// What became of the next task that ends, whatever it was; `None` if no task is left. Every task that
    /// the group took is told of once.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let mut group = TaskGroup::new();
    /// group.named("bad").spawn(async { if true { panic!("on purpose") } });
    /// let outcome = block_on(group.next_outcome()).unwrap();
    /// assert_eq!(outcome.task().name(), Some("bad"));
    /// assert!(outcome.result().unwrap_err().is_panic());
    /// ```
    pub fn next_outcome(&mut self) -> NextOutcome<'_, R> {
        NextOutcome { group: self }
    }

    /// Waits for all tasks, and gives their outputs in the order in which they were spawned.
    ///
    /// It returns when every task of the group and of the groups below has ended and its future is gone,
    /// also if one failed. Tasks may go on spawning into the group until then. Dropping the returned
    /// future drops the group, which cancels it.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a task; the others were cancelled at once when it happened. Panics also
    /// if tasks were cancelled for another reason, because then not every one has an output: by
    /// [`cancel`](Self::cancel), after a [`deadline`](Self::deadline), because an `Err` in a
    /// [`fallible`](Self::fallible) group stopped the others, or because their executor is gone.
    ///
    /// # Cost
    ///
    /// One wake-up for the whole group, and one atomic operation per task.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::new();
    /// for number in 0..3 {
    ///     group.spawn(async move { number * 10 });
    /// }
    /// assert_eq!(block_on(group.join()), [0, 10, 20]);
    /// ```
    pub async fn join(mut self) -> Vec<R> {
        let (members, first) = self.gather().await;
        let mut outputs = Vec::with_capacity(members.len());
        let mut members = members.into_iter();
        while let Some(member) = members.next() {
            let index = outputs.len();
            match Ending::of(member, false).await {
                Ok(output) => outputs.push(output),
                Err(error) => {
                    // It may have been cancelled for the sake of one further on.
                    let later = first.and_then(|first| first.checked_sub(index + 1));
                    let culprit = later.and_then(|later| members.nth(later));
                    discard(outputs);
                    blame(error, culprit).await
                }
            }
        }
        outputs
    }

    /// Waits for all tasks, and tells what became of each, in the order in which they were spawned.
    ///
    /// Like [`join`](Self::join), but nothing is lost to a failure: neither the outputs of those that were
    /// done before, nor who failed first ([`Outcome::is_first_failure`]), nor who was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let group = TaskGroup::new();
    /// group.named("good").spawn(async { 7 });
    /// group.named("bad").spawn(async { panic!("on purpose") });
    /// for outcome in block_on(group.keep_going().outcomes()) {
    ///     match outcome.result() {
    ///         Ok(output) => println!("{}: {output}", outcome.task()),
    ///         Err(error) => println!("{}: {error}", outcome.task()),
    ///     }
    /// }
    /// ```
    pub async fn outcomes(mut self) -> Vec<Outcome<R>> {
        let (members, first) = self.gather().await;
        let mut outcomes = Vec::with_capacity(members.len());
        for (index, member) in members.into_iter().enumerate() {
            let mut ending = Ending::of(member, first == Some(index));
            let result = (&mut ending).await;
            outcomes.push(ending.outcome(result));
        }
        outcomes
    }

    /// Waits until all tasks have ended or `stop` is ready, whichever is first. In the latter case cancels
    /// those that have not, and says which they are.
    ///
    /// `stop` is any runtime's timer, or anything else that ends one's patience. The call closes the group
    /// as [`join`](Self::join) does: tasks may go on spawning while one is left. Afterwards
    /// [`outcomes`](Self::outcomes) or [`next`](Self::next) have what was done in time.
    ///
    /// It does not wait for tasks that are late: one that blocks its thread would make a mockery of the
    /// deadline. To wait for them too, await the [`waiter`](Self::waiter).
    ///
    /// # Errors
    ///
    /// [`Late`] names the tasks that had not ended, with their places of spawn; also those of groups below,
    /// and those that had been cancelled and were still in their last poll.
    ///
    /// # Cost
    ///
    /// That of the wait; the report is made when it is needed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// let mut group = TaskGroup::new();
    /// group.named("quick").spawn(async { 1 });
    /// group.named("slow").spawn(std::future::pending());
    /// block_on(async {
    ///     let timer = async_io::Timer::after(Duration::from_millis(20));
    ///     let late = group.deadline(timer).await.unwrap_err();
    ///     assert_eq!(late.tasks().len(), 1);
    ///     println!("{late}"); // 1 task is late: task 2 "slow" spawned at src/main.rs:6:19
    ///     assert_eq!(group.next().await, Some(1));
    /// });
    /// ```
    #[doc(alias = "timeout")]
    pub async fn deadline<S: Future>(&mut self, stop: S) -> Result<(), Late> {
        self.shared().close();
        if self.wait.clone().or(stop).await.is_ok() {
            return Ok(());
        }
        let mut tasks = Vec::new();
        self.shared().cancel(Some(&mut tasks));
        if tasks.is_empty() && self.wait.is_done() {
            return Ok(());
        }
        Err(Late { tasks })
    }

    /// All members, in the order in which they were spawned, when all have ended; and which of them was
    /// the first to fail.
    async fn gather(&mut self) -> (Vec<Member<R>>, Option<usize>) {
        self.shared().close();
        (&mut self.wait).await;
        let (mut members, first) = self.shared().with(State::take_settled);
        // In order already, unless some were given out before.
        members.sort_unstable_by_key(|member| member.number);
        let find = |number| members.binary_search_by_key(&number, |member| member.number);
        let first = first.and_then(|number| find(number).ok());
        (members, first)
    }

    pub(super) fn poll_next_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>> {
        if self.ending.is_none() {
            match self.shared().next(cx.waker()) {
                Settled::One(member, is_first) => self.ending = Some(Ending::of(member, is_first)),
                Settled::None => return Poll::Ready(None),
                Settled::Later(_before) => return Poll::Pending,
            }
        }
        let ending = self.ending.as_mut().expect("set above");
        let Poll::Ready(result) = Pin::new(ending).poll(cx) else {
            return Poll::Pending;
        };
        let ending = self.ending.take().expect("polled above");
        Poll::Ready(Some(ending.outcome(result)))
    }

    pub(super) fn poll_next_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<R>> {
        loop {
            return match self.poll_next_outcome(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Ready(Some(outcome)) => match outcome.result {
                    Ok(output) => Poll::Ready(Some(output)),
                    Err(error) if error.is_panic() => propagate(error),
                    Err(_) => continue,
                },
            };
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<Result<T, E>> {
    /// Waits for all tasks, and gives their outputs in the order in which they were spawned, or the first
    /// error.
    ///
    /// In a [`fallible`](Self::fallible) group the first error is the first in time, and the other tasks
    /// were cancelled at once when it happened. In any other all run to their end, and it is the first in
    /// the order of spawns. In either case it is returned when every task has ended and its future is gone.
    ///
    /// # Errors
    ///
    /// The first `Err` of a task.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join), if a task panicked before any other failed, or if tasks were cancelled for
    /// another reason than a failure.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskGroup, block_on};
    ///
    /// fn sum(words: &[&'static str]) -> Result<i32, std::num::ParseIntError> {
    ///     let group = TaskGroup::fallible();
    ///     for &word in words {
    ///         group.spawn(async move { word.parse::<i32>() });
    ///     }
    ///     Ok(block_on(group.try_join())?.into_iter().sum())
    /// }
    ///
    /// assert_eq!(sum(&["1", "2"]), Ok(3));
    /// assert!(sum(&["1", "two"]).is_err());
    /// ```
    pub async fn try_join(mut self) -> Result<Vec<T>, E> {
        let (mut members, first) = self.gather().await;
        if let Some(first) = first {
            let culprit = members.swap_remove(first);
            match Ending::of(culprit, true).await {
                Ok(Err(error)) => return Err(error),
                Err(error) => propagate(error),
                Ok(Ok(_)) => unreachable!("a task that is ready with Ok has not failed"),
            }
        }
        let mut outputs = Vec::with_capacity(members.len());
        for member in members {
            match Ending::of(member, false).await {
                Ok(Ok(output)) => outputs.push(output),
                Ok(Err(error)) => {
                    discard(outputs);
                    return Err(error);
                }
                Err(error) => {
                    discard(outputs);
                    blame(error, None::<Member<()>>).await
                }
            }
        }
        Ok(outputs)
    }
}

/// Drops outputs that nobody gets. What their drops throw goes nowhere, as when a handle has an output that nobody
/// takes: it would end the process beside a panic that is passed on, and an error on its way out would be lost.
fn discard<T: 'static>(outputs: Vec<T>) {
    for output in outputs {
        bounce(|| drop(output));
    }
}

/// Passes on a panic: that of the culprit, or what `error` has of one. If there is none, tasks were
/// cancelled.
async fn blame<R>(error: JoinError, culprit: Option<Member<R>>) -> ! {
    if let Some(culprit) = culprit {
        match Ending::of(culprit, true).await {
            Err(error) if error.is_panic() => propagate(error),
            _ => {}
        }
    }
    if error.is_panic() {
        propagate(error);
    }
    // If the group was cancelled from above, then the task that joins it was cancelled before, and does
    // not come back from here.
    yield_now().await;
    panic!("{CANCELLED}")
}

/// The future of [`TaskGroup::next`].
///
/// # Examples
///
/// ```
/// let mut group = rejoin::TaskGroup::new();
/// group.spawn(async { 1 });
/// let next: rejoin::Next<'_, u8> = group.next();
/// assert_eq!(rejoin::block_on(next), Some(1));
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'group, R: Send + 'static> {
    group: &'group mut TaskGroup<R>,
}

impl<R: Send + 'static> Future for Next<'_, R> {
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.group.poll_next_output(cx)
    }
}

/// The future of [`TaskGroup::next_outcome`].
///
/// # Examples
///
/// ```
/// let mut group = rejoin::TaskGroup::<()>::new();
/// let next: rejoin::NextOutcome<'_, ()> = group.next_outcome();
/// assert!(rejoin::block_on(next).is_none());
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct NextOutcome<'group, R: Send + 'static> {
    group: &'group mut TaskGroup<R>,
}

impl<R: Send + 'static> Future for NextOutcome<'_, R> {
    type Output = Option<Outcome<R>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome<R>>> {
        self.group.poll_next_outcome(cx)
    }
}

impl<R: Send + 'static> fmt::Debug for Next<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Next").field(&self.group).finish()
    }
}

impl<R: Send + 'static> fmt::Debug for NextOutcome<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NextOutcome").field(&self.group).finish()
    }
}

/// The outputs in the order in which tasks end, as [`next`](TaskGroup::next) gives them. Ends when no task
/// is left; if more are spawned, it goes on.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
///
/// let mut group = rejoin::TaskGroup::new();
/// group.spawn(async { 1 });
/// group.spawn(async { 2 });
/// let sum = StreamExt::fold(&mut group, 0, async |sum, output| sum + output);
/// assert_eq!(rejoin::block_on(sum), 3);
/// ```
#[cfg(feature = "futures")]
impl<R: Send + 'static> futures_core::Stream for TaskGroup<R> {
    type Item = R;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.poll_next_output(cx)
    }
}
