//! What is known of one socket: for which directions it is ready, and who waits for that.
//!
//! # Invariants
//!
//! 1. A direction counts as ready until an operation found that it is not. (The poller tells of a change once.)
//! 2. Who waits for a direction is woken when it becomes ready, however many there are.
//!
//! # Why they hold
//!
//! Every event has a number, the *tick*, in the same word as what the socket is ready for. Whoever tries an operation
//! reads that word first. If the operation was in vain, he takes the lock and looks again ([`Source::settle`]):
//!
//! - if the tick is the one he read, no event was entered since, so the direction is not ready any more, and he enters
//!   himself as a waiter under the same lock. An event that happens later is entered later, and finds him.
//! - if it is not, something happened since he read; he tries again.
//!
//! Events are entered under that lock, too; so nobody else writes the word. The read before the operation acquires, so
//! that it cannot be made after it: else an event that came in between would be taken for an old one. `model` fails if
//! the tick is not looked at.
//!
//! # Operations that need not be tried
//!
//! An operation on a stream that moved less than it could have has emptied (or filled) the kernel's buffer. On
//! Linux the next change is then told of as an event, as `epoll(7)` promises, so the direction counts as not ready at
//! once and one system call in two is spared; unless the peer has closed, of which no further event will tell. (Urgent
//! data, which ends a read early, is the one exception: a peer that sends it may delay its own stream.)
//!
//! A socket may be said to be ready and not be so; whoever finds that out waits again.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::sync::{AtomicU8, AtomicUsize, Lock, Ordering};

/// Operations in a row that find a socket ready, after which the task gives way once. Else a peer that
/// always has something would keep a worker to itself.
const STREAK: u8 = 128;

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read = 0,
    Write = 1,
}

/// What a socket is ready for, as a set of bits, and how many events there have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready(usize);

impl Ready {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const READ: Self = Self(1);
    pub(crate) const WRITE: Self = Self(2);
    /// What is likely of a socket that has just been made. If it is not so, the first operation says so.
    pub(crate) const BOTH: Self = Self::READ.and(Self::WRITE);
    /// No further event will come.
    const READ_CLOSED: Self = Self(4);
    const WRITE_CLOSED: Self = Self(8);
    /// What the bits leave free counts events.
    const TICK: usize = 16;
    const BITS: usize = Self::TICK - 1;

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What an event of the poller says.
    pub(crate) fn of(event: &mio::event::Event) -> Self {
        let mut ready = Self::NOTHING;
        if event.is_readable() || event.is_error() {
            ready = ready.and(Self::READ);
        }
        if event.is_writable() || event.is_error() {
            ready = ready.and(Self::WRITE);
        }
        if event.is_read_closed() {
            ready = ready.and(Self::READ).and(Self::READ_CLOSED);
        }
        if event.is_write_closed() {
            ready = ready.and(Self::WRITE).and(Self::WRITE_CLOSED);
        }
        ready
    }

    /// The bits of one direction.
    const fn bits(direction: Direction) -> usize {
        match direction {
            Direction::Read => Self::READ.0 | Self::READ_CLOSED.0,
            Direction::Write => Self::WRITE.0 | Self::WRITE_CLOSED.0,
        }
    }

    pub(crate) fn is(self, direction: Direction) -> bool {
        self.0 & Self::bits(direction) != 0
    }

    fn is_closed(self, direction: Direction) -> bool {
        let closed = Self::READ_CLOSED.and(Self::WRITE_CLOSED);
        self.0 & Self::bits(direction) & closed.0 != 0
    }

    /// Without one direction.
    fn without(self, direction: Direction) -> Self {
        Self(self.0 & !Self::bits(direction))
    }

    /// After an event that says so.
    fn after(self, event: Self) -> Self {
        Self((self.0 | (event.0 & Self::BITS)).wrapping_add(Self::TICK))
    }

    fn tick(self) -> usize {
        self.0 / Self::TICK
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Source {
    /// A [`Ready`], written under the lock of `waiters`.
    ready: AtomicUsize,
    /// Operations in a row, by direction.
    streaks: [AtomicU8; 2],
    waiters: Lock<[Waiters; 2]>,
}

/// Who waits for one direction.
#[derive(Debug, Default)]
struct Waiters {
    /// Who asked by a poll function: the last one.
    poll: Option<Waker>,
    /// Who awaits a [`Wait`]; `None` if woken.
    list: Slab<Option<Waker>>,
}

impl Waiters {
    fn take(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.poll.take());
        woken.extend(self.list.iter_mut().filter_map(|(_, waker)| waker.take()));
    }
}

impl Source {
    pub(crate) fn new(ready: Ready) -> Self {
        Self {
            ready: AtomicUsize::new(ready.0),
            streaks: [AtomicU8::new(0), AtomicU8::new(0)],
            waiters: Lock::default(),
        }
    }

    /// Enters an event; adds to `woken` who waits for it.
    pub(crate) fn enter(&self, event: Ready, woken: &mut Vec<Waker>) {
        let mut waiters = self.waiters.lock();
        self.set(self.ready().after(event));
        for direction in [Direction::Read, Direction::Write] {
            if event.is(direction) {
                waiters[direction as usize].take(woken);
            }
        }
    }

    /// What the socket is ready for.
    fn ready(&self) -> Ready {
        // Ordering: Acquire, so that the operation that follows is made later than this read; pairs with the
        // Release in `set`.
        Ready(self.ready.load(Ordering::Acquire))
    }

    /// Under the lock.
    fn set(&self, ready: Ready) {
        // Ordering: Release; see `ready`. What the poller knew is behind it.
        self.ready.store(ready.0, Ordering::Release);
    }

    /// Under the lock: takes back that `direction` is ready, if an operation was made in vain, or left
    /// nothing, after that state was read and no event has come since. Gives back the state, if it is ready now.
    fn settle(&self, in_vain: Option<Ready>, direction: Direction) -> Option<Ready> {
        let mut ready = self.ready();
        if in_vain.is_some_and(|seen| is_same_tick(seen, ready)) {
            ready = ready.without(direction);
            self.set(ready);
        }
        ready.is(direction).then_some(ready)
    }

    /// After an operation that left nothing for the next one.
    fn exhausted(&self, seen: Ready, direction: Direction) {
        let _unchanged = self.waiters.lock();
        if !self.ready().is_closed(direction) {
            self.settle(Some(seen), direction);
        }
    }

    /// Whether one more operation may follow without giving way.
    fn may_go_on(&self, direction: Direction) -> bool {
        let streak = &self.streaks[direction as usize];
        // Ordering: Relaxed; a number that guides. Two tasks that count over each other give way a little later.
        let count = streak.load(Ordering::Relaxed);
        let may = count < STREAK;
        streak.store(if may { count + 1 } else { 0 }, Ordering::Relaxed);
        may
    }

    fn end_streak(&self, direction: Direction) {
        // Ordering: as in `may_go_on`.
        self.streaks[direction as usize].store(0, Ordering::Relaxed);
    }

    /// Does `operation` as soon as it does not block. For one task at a time in each direction: the last one to
    /// ask is woken.
    pub(crate) fn poll_io<R>(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        is_all: impl Fn(&R) -> bool,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        if !self.may_go_on(direction) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut ready = self.ready();
        loop {
            let mut in_vain = None;
            if ready.is(direction) {
                match self.attempt(ready, direction, &is_all, &mut operation) {
                    Some(result) => return Poll::Ready(result),
                    None => in_vain = Some(ready),
                }
            }
            self.end_streak(direction);
            match self.poll_ready(cx, direction, in_vain) {
                Poll::Ready(now) => ready = now,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Waits, for the task of `cx`, until `direction` is ready.
    fn poll_ready(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        in_vain: Option<Ready>,
    ) -> Poll<Ready> {
        // Cloned and dropped outside the lock: both are user code.
        let waker = cx.waker().clone();
        let mut waiters = self.waiters.lock();
        if let Some(ready) = self.settle(in_vain, direction) {
            drop(waiters);
            return Poll::Ready(ready);
        }
        let before = waiters[direction as usize].poll.replace(waker);
        drop(waiters);
        drop(before);
        Poll::Pending
    }

    /// Does `operation` as soon as it does not block; any number of tasks may wait.
    pub(crate) async fn io<R>(
        &self,
        direction: Direction,
        is_all: impl Fn(&R) -> bool,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        if !self.may_go_on(direction) {
            rejoin::yield_now().await;
        }
        let mut ready = self.ready();
        loop {
            let mut in_vain = None;
            if ready.is(direction) {
                match self.attempt(ready, direction, &is_all, &mut operation) {
                    Some(result) => return result,
                    None => in_vain = Some(ready),
                }
            }
            self.end_streak(direction);
            ready = self.wait(direction, in_vain).await;
        }
    }

    /// Tries once; `None` if it would have blocked. `is_all` says of a result that it may have left nothing.
    fn attempt<R>(
        &self,
        seen: Ready,
        direction: Direction,
        is_all: &impl Fn(&R) -> bool,
        operation: &mut impl FnMut() -> io::Result<R>,
    ) -> Option<io::Result<R>> {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => {
                    if TELLS_OF_ALL && is_all(&result) {
                        self.exhausted(seen, direction);
                    }
                    return Some(Ok(result));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Waits until `direction` is ready; any number may.
    pub(crate) fn wait(&self, direction: Direction, in_vain: Option<Ready>) -> Wait<'_> {
        Wait {
            source: self,
            direction,
            in_vain,
            key: None,
        }
    }
}

/// Whether no event was entered between the two.
fn is_same_tick(seen: Ready, now: Ready) -> bool {
    #[cfg(all(test, rejoin_model))]
    if crate::model::forgets_the_tick() {
        return true;
    }
    seen.tick() == now.tick()
}

/// Whether the poller tells of every change, and not only of those after an operation in vain.
const TELLS_OF_ALL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Waits for a direction to be ready.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    source: &'a Source,
    direction: Direction,
    /// The state before an operation that blocked; see [`Source::settle`].
    in_vain: Option<Ready>,
    /// The place in the list.
    key: Option<usize>,
}

impl Future for Wait<'_> {
    type Output = Ready;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ready> {
        let (source, direction) = (self.source, self.direction);
        let in_vain = self.in_vain.take();
        // Cloned and dropped outside the lock: both are user code.
        let waker = cx.waker().clone();
        let mut waiters = source.waiters.lock();
        if let Some(ready) = source.settle(in_vain, direction) {
            drop(waiters);
            return Poll::Ready(ready);
        }
        let list = &mut waiters[direction as usize].list;
        let before = match self.key {
            Some(key) => list[key].replace(waker),
            None => {
                self.key = Some(list.insert(Some(waker)));
                None
            }
        };
        drop(waiters);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let waker = {
            let mut waiters = self.source.waiters.lock();
            waiters[self.direction as usize].list.remove(key)
        };
        drop(waker);
    }
}
