//! Waiting for time to pass.
//!
//! In a [simulation](rejoin::sim) time is virtual, and so are these timers: they take none.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use rejoin::sim;

use crate::reactor::reactor;
use crate::timers::Key;

/// Waits until `duration` has passed.
///
/// Not less, and about a millisecond more: see [`Timer`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let begin = Instant::now();
/// rejoin::block_on(rejoin_io::sleep(Duration::from_millis(5)));
/// assert!(begin.elapsed() >= Duration::from_millis(5));
/// ```
pub fn sleep(duration: Duration) -> Timer {
    Timer::after(duration)
}

/// Waits until the moment `deadline`; a moment that has passed is not waited for.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// rejoin::block_on(rejoin_io::sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Timer {
    Timer::at(deadline)
}

/// Awaits `future` for `duration` at most.
///
/// The future is polled before the clock is looked at, so one that is ready is never too late. It is
/// dropped with this one.
///
/// # Errors
///
/// Gives [`Elapsed`] if the time has passed and the future is not ready.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use rejoin_io::timeout;
///
/// rejoin::block_on(async {
///     assert_eq!(timeout(Duration::from_secs(60), async { 7 }).await, Ok(7));
///     let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
///     assert_eq!(late.unwrap_err().to_string(), "the time has elapsed");
/// });
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future,
        timer: Timer::after(duration),
    }
}

/// Ticks every `period`, the first time after one.
///
/// # Panics
///
/// Panics if `period` is zero.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// rejoin::block_on(async {
///     let mut ticks = rejoin_io::interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         ticks.tick().await;
///     }
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "an interval needs a period; to give way, use rejoin::yield_now"
    );
    Interval {
        period,
        timer: Timer::after(period),
    }
}

/// A moment to wait for, which can be moved.
///
/// It is set when it is polled first, by whatever task and on whatever executor; dropping it takes it back. One that
/// has expired stays so until it is moved: awaiting it again gives at once.
///
/// # Precision
///
/// It is never early. It is late by a millisecond at most if a worker is idle; else by as much as the polls take that
/// are in its way.
///
/// # Cost
///
/// From its first poll to its end a place among those of the same millisecond, under a lock: two or three hundred nanoseconds to
/// set it and up to twice that to take it back, if there are a hundred thousand. No system call, unless it is the first of all and a worker
/// sleeps for longer.
///
/// # Panics
///
/// A poll panics if this is the first use of this crate and the system refuses a poller, or if no executor runs and none
/// can be started. The message says which.
///
/// # Examples
///
/// A watchdog that is fed:
///
/// ```
/// use std::time::Duration;
/// use rejoin_io::Timer;
///
/// rejoin::block_on(async {
///     let mut watchdog = Timer::after(Duration::from_secs(3600));
///     watchdog.set_after(Duration::from_millis(1));
///     (&mut watchdog).await;
///     assert!(watchdog.is_expired());
/// });
/// ```
#[must_use = "a timer does nothing unless awaited"]
pub struct Timer {
    /// `None` for never.
    deadline: Option<Instant>,
    /// Where it is set.
    key: Option<Key>,
    /// What is waited for in a simulation.
    simulated: Option<sim::Sleep>,
}

impl Timer {
    /// Expires when `duration` has passed, from now on; never, if that is beyond what a clock can count.
    ///
    /// # Examples
    ///
    /// See [`Timer`].
    pub fn after(duration: Duration) -> Self {
        let mut timer = Self::never();
        timer.set_after(duration);
        timer
    }

    /// Expires at the moment `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    /// rejoin::block_on(rejoin_io::Timer::at(Instant::now()));
    /// ```
    pub fn at(deadline: Instant) -> Self {
        let mut timer = Self::never();
        timer.set_at(deadline);
        timer
    }

    /// Never expires, until it is moved.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(rejoin_io::Timer::never().deadline(), None);
    /// ```
    pub fn never() -> Self {
        Self {
            deadline: None,
            key: None,
            simulated: None,
        }
    }

    /// Moves it: it expires when `duration` has passed from now on.
    ///
    /// The task that waits for it has to poll it again to wait for the new moment.
    ///
    /// # Examples
    ///
    /// See [`Timer`].
    pub fn set_after(&mut self, duration: Duration) {
        if sim::is_simulated() {
            self.simulated = Some(sim::sleep(duration));
        }
        self.deadline = Instant::now().checked_add(duration);
        if self.deadline.is_none() {
            self.take_back();
        }
    }

    /// Moves it: it expires at the moment `deadline`. Else like [`set_after`](Self::set_after).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    /// use rejoin_io::Timer;
    ///
    /// let mut timer = Timer::never();
    /// timer.set_at(Instant::now());
    /// rejoin::block_on(timer);
    /// ```
    pub fn set_at(&mut self, deadline: Instant) {
        if sim::is_simulated() {
            let left = deadline.saturating_duration_since(Instant::now());
            self.simulated = Some(sim::sleep(left));
        }
        self.deadline = Some(deadline);
    }

    /// The moment at which it expires; `None` for never.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let now = Instant::now();
    /// assert_eq!(rejoin_io::Timer::at(now).deadline(), Some(now));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether that moment has passed, by the system's clock.
    ///
    /// # Examples
    ///
    /// See [`Timer`].
    pub fn is_expired(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn take_back(&mut self) {
        if let (Some(key), Ok(reactor)) = (self.key.take(), reactor()) {
            reactor.timers.take_back(key);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(simulated) = &mut self.simulated {
            return Pin::new(simulated).poll(cx);
        }
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if Instant::now() >= deadline {
            self.take_back();
            return Poll::Ready(());
        }
        // Cloned outside the lock.
        let waker = cx.waker().clone();
        let set = reactor().and_then(|reactor| {
            let is_next = reactor.timers.set(&mut self.key, deadline, waker);
            reactor.see_to_timer(is_next)
        });
        if let Err(error) = set {
            panic!("a timer cannot be set: {error}");
        }
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.take_back();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`timeout`].
    ///
    /// # Examples
    ///
    /// See [`timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        timer: Timer,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(this.timer).poll(cx).map(|()| Err(Elapsed(())))
    }
}

/// A [`timeout`] ended before its future did.
///
/// As an [`io::Error`] it is one of the kind [`TimedOut`](io::ErrorKind::TimedOut).
///
/// # Examples
///
/// See [`timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// What [`interval`] gives.
///
/// Ticks that nobody waited for are passed over: after a long pause comes one, and the next is in step with those
/// before.
///
/// # Examples
///
/// See [`interval`].
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    timer: Timer,
}

impl Interval {
    /// Waits for the next tick.
    ///
    /// # Examples
    ///
    /// See [`interval`].
    pub async fn tick(&mut self) {
        std::future::poll_fn(|cx| self.poll_tick(cx)).await;
    }

    /// The same in the manner of `poll` functions.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use std::time::Duration;
    ///
    /// let mut ticks = rejoin_io::interval(Duration::from_millis(1));
    /// rejoin::block_on(poll_fn(|cx| ticks.poll_tick(cx)));
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.timer).poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        match self.timer.deadline() {
            Some(tick) if !sim::is_simulated() => {
                let late = now.saturating_duration_since(tick).as_nanos();
                // Less than a period, so it fits if that does.
                let into = u64::try_from(late % self.period.as_nanos()).unwrap_or(0);
                let left = self.period.saturating_sub(Duration::from_nanos(into));
                match now.checked_add(left) {
                    Some(next) => self.timer.set_at(next),
                    None => self.timer = Timer::never(),
                }
            }
            _ => self.timer.set_after(self.period),
        }
        Poll::Ready(())
    }
}
