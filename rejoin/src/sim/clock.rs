//! Virtual time, which stands still while anything can run.
//!
//! # Invariant
//!
//! Time moves, to the next moment that anybody sleeps for, only when every task and thread waits.
//!
//! A thread of the simulation, the *clock*, is what moves it: it goes on when nothing else can, and wakes
//! who is due in an order drawn from the seed. It has no seat, so what it wakes comes from outside, as
//! from a timer's thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::random::Random;
use super::thread::{current, serve, with_turn};
use crate::block_on::block_on;
use crate::contain::contained;

/// Who waits for time to pass, and for all else to wait.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    now: Duration,
    sleeping: BTreeMap<Key, Waker>,
    stalled: BTreeMap<Key, Waker>,
    made: u64,
    has_clock: bool,
}

/// When, and which of those that wait for the same moment.
type Key = (Duration, u64);

impl Timers {
    pub(crate) fn is_empty(&self) -> bool {
        self.sleeping.is_empty() && self.stalled.is_empty()
    }

    fn waiting(&mut self, what: What) -> &mut BTreeMap<Key, Waker> {
        match what {
            What::Time => &mut self.sleeping,
            What::Stall => &mut self.stalled,
        }
    }

    /// Whoever is to be woken now that all is idle, in an order drawn from the seed.
    fn due(&mut self, random: &mut Random) -> Vec<Waker> {
        let mut due: Vec<Waker> = if self.stalled.is_empty() {
            let Some((&(moment, _), _)) = self.sleeping.first_key_value() else {
                return Vec::new();
            };
            self.now = self.now.max(moment);
            let later = self.sleeping.split_off(&(moment, u64::MAX));
            std::mem::replace(&mut self.sleeping, later)
                .into_values()
                .collect()
        } else {
            std::mem::take(&mut self.stalled).into_values().collect()
        };
        for left in (1..due.len()).rev() {
            due.swap(left, random.index(left + 1));
        }
        due
    }
}

/// What a future waits for.
#[derive(Clone, Copy, Debug)]
enum What {
    Time,
    Stall,
}

/// The time that has passed in the simulation, if the calling thread is part of one.
pub(crate) fn time() -> Option<Duration> {
    with_turn(|turn| turn.baton.lock().timers.now)
}

/// Blocks the calling thread, which is part of a simulation, for so much virtual time.
pub(crate) fn rest(duration: Duration) {
    block_on(sleep(duration));
}

/// The time that has passed in the simulation.
///
/// # Panics
///
/// Panics outside a simulation.
///
/// # Examples
///
/// ```
/// use rejoin::sim;
/// use std::time::Duration;
///
/// sim::check(0..3, || async {
///     assert_eq!(sim::now(), Duration::ZERO);
///     sim::sleep(Duration::from_secs(3_600)).await;
///     assert_eq!(sim::now(), Duration::from_secs(3_600));
/// });
/// ```
pub fn now() -> Duration {
    time().expect("sim::now was called outside a simulation; call it inside of sim::check")
}

/// Waits until so much virtual time has passed, which takes no time: when all else waits, time jumps.
///
/// Those that sleep until the same moment are woken in any order, drawn from the seed.
///
/// # Panics
///
/// Panics outside a simulation.
///
/// # Examples
///
/// See [`now`].
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        waits: Waits {
            until: now().saturating_add(duration),
            what: What::Time,
            key: None,
        },
    }
}

/// The future of [`sleep`].
///
/// # Examples
///
/// ```
/// use rejoin::sim;
///
/// sim::check(0..3, || async {
///     let day: sim::Sleep = sim::sleep(std::time::Duration::from_secs(86_400));
///     day.await;
/// });
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    waits: Waits,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waits.poll(cx)
    }
}

/// Waits until everything else waits: every other task and thread of the simulation is blocked, or sleeps,
/// or has ended. No time passes meanwhile.
///
/// What a test asserts after it holds because nobody can do any more about it, not because enough time
/// has passed.
///
/// # Panics
///
/// Panics outside a simulation.
///
/// # Examples
///
/// ```
/// use rejoin::{sim, spawn};
///
/// sim::check(0..10, || async {
///     let task = spawn(async {
///         for _ in 0..5 {
///             rejoin::yield_now().await;
///         }
///     });
///     sim::run_until_stalled().await;
///     assert!(task.is_finished());
/// });
/// ```
pub async fn run_until_stalled() {
    let until = now();
    let waits = Waits {
        until,
        what: What::Stall,
        key: None,
    };
    Stalled { waits }.await;
}

struct Stalled {
    waits: Waits,
}

impl Future for Stalled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.waits.poll(cx)
    }
}

/// An entry among those that wait, for as long as it lives.
#[derive(Debug)]
struct Waits {
    until: Duration,
    what: What,
    key: Option<Key>,
}

impl Waits {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        start_clock();
        let waker = cx.waker().clone();
        let polled = with_turn(|turn| {
            let mut state = turn.baton.lock();
            let timers = &mut state.timers;
            match (self.what, self.key) {
                (What::Time, _) if timers.now >= self.until => return (Poll::Ready(()), None),
                // Taken out by the clock, and therefore over.
                (What::Stall, Some(key)) if !timers.stalled.contains_key(&key) => {
                    return (Poll::Ready(()), None);
                }
                _ => {}
            }
            let key = *self.key.get_or_insert_with(|| {
                timers.made += 1;
                (self.until, timers.made)
            });
            let before = timers.waiting(self.what).insert(key, waker);
            (Poll::Pending, before)
        });
        // The waker before is dropped here, outside the lock.
        polled.map_or(Poll::Pending, |(polled, _before)| polled)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = with_turn(|turn| {
                let mut state = turn.baton.lock();
                state.timers.waiting(self.what).remove(&key)
            });
            drop(waker);
        }
    }
}

/// Starts the clock of the current simulation, if it has none.
fn start_clock() {
    let turn = current().expect("virtual time passes only inside of a simulation");
    if std::mem::replace(&mut turn.baton.lock().timers.has_clock, true) {
        return;
    }
    serve(&turn, "clock", |turn| {
        loop {
            turn.wait_until_idle();
            let due = {
                let mut state = turn.baton.lock();
                if state.closing && state.timers.is_empty() {
                    return;
                }
                let state = &mut *state;
                state.timers.due(&mut state.random)
            };
            for waker in due {
                drop(contained(|| waker.wake()));
            }
        }
    });
}
