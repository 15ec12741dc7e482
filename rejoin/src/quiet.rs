//! Who waits until nothing is left, and when that is so.
//!
//! # Invariant
//!
//! An [`Idle`] is ready only after a moment at which no task of the executor was left but those that
//! themselves waited for such a moment; and if one comes and lasts, it becomes ready.
//!
//! # Why it holds
//!
//! Nothing is counted when a task is spawned or ends. A task that is left lies in a queue, or is being
//! polled, or is in the [registry](crate::registry). So a worker that has lain down looks, with the lock
//! of those who sleep in its hand ([`Scheduler::look_for_quiet`]):
//!
//! 1. all workers sleep, and while the lock is held none gets up, and no thread takes a seat but a guest;
//! 2. no thread is astray, in the middle of a poll without a seat; since none can go astray that was not
//!    awake before, that stays so;
//! 3. no guest has a seat. At this moment, then, nothing is polled, and what guests have spawned has been
//!    handed over.
//! 4. The queues are empty and the registry holds only those who wait. Whatever was left at that moment
//!    is still where it was, for nobody has run anything but guests what they have spawned since; so there was
//!    nothing.
//!
//! That somebody waits is a bit in the word by which workers lie down and guests stand up. Whoever changes
//! that word when the bit is set looks, or has a worker look; whoever sets the bit afterwards calls a worker,
//! who will lie down again. A thread that comes back from astray says so behind a fence, and then reads the bit.
//!
//! `model::quiet` fails without either fence, without the calls, and if a seat is taken while somebody looks.
//!
//! # Who is not counted
//!
//! A task that waits is known by the id that its thread has published. If it is suspended, it is in
//! the registry; if it waits in a `block_on` in the middle of a poll, its thread is astray, and it is in the
//! registry if it was before that poll.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::crew;
use crate::current;
use crate::door;
use crate::executor::{Executor, Spawner};
use crate::idle::Idle as Sleepers;
use crate::scheduler::{Scheduler, get};
use crate::seat::{Held, Seat};
use crate::sync::{Lock, has};
use crate::task::ExecutorId;

/// Those who wait for one executor.
#[derive(Debug)]
pub(crate) struct Quiet(Lock<State>);

/// What may be left of an executor's tasks, to whoever looks while all sleep.
pub(crate) trait Left {
    /// Threads in the middle of a poll without a seat.
    fn astray(&self) -> usize;

    /// Whether all queues are empty.
    fn nothing_queued(&self) -> bool;

    /// Tasks in the registry.
    fn registered(&self) -> usize;
}

#[derive(Debug)]
struct State {
    /// The generation that is served, or 0 for none.
    generation: u32,
    waiting: Slab<Waiting>,
}

#[derive(Debug)]
pub(crate) struct Waiting {
    /// `None` once it was woken.
    waker: Option<Waker>,
    who: Who,
}

impl Waiting {
    pub(crate) fn new(waker: Waker, who: Who) -> Self {
        Self {
            waker: Some(waker),
            who,
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    /// The task that asks, if it is one of the same executor.
    pub(crate) task: Option<u64>,
    /// Whether its thread blocks meanwhile, in the middle of its poll.
    pub(crate) blocks: bool,
    /// Whether it was in the registry when that poll began.
    pub(crate) registered: bool,
}

impl Who {
    fn asks(scheduler: &Scheduler) -> Self {
        let own =
            current::registry().is_some_and(|(own, _)| std::ptr::eq(own, &scheduler.registry));
        Self {
            task: own.then(crew::task_in_poll),
            blocks: current::is_blocking(),
            registered: current::is_registered(),
        }
    }
}

/// How many of those left wait themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Apart {
    registered: usize,
    astray: usize,
}

impl Quiet {
    pub(crate) fn new() -> Self {
        Self(Lock::new(State {
            generation: 0,
            waiting: Slab::new(),
        }))
    }

    /// Begins to serve the executor of this generation.
    pub(crate) fn open(&self, generation: u32) {
        self.0.lock().generation = generation;
    }

    /// That executor is gone, and nothing of it is left.
    pub(crate) fn close(&self, idle: &Sleepers) -> Vec<Waker> {
        self.0.lock().generation = 0;
        self.take(idle)
    }

    /// Enters somebody who waits, under the `key` of the first time, and has a worker look; says whether there is
    /// anything to wait for.
    pub(crate) fn enter(
        &self,
        idle: &Sleepers,
        generation: u32,
        key: &mut Option<usize>,
        entry: Waiting,
    ) -> bool {
        let mut state = self.0.lock();
        if state.generation != generation {
            return false;
        }
        let before = match *key {
            // Woken, and for one reason only.
            Some(key) if state.waiting[key].waker.is_none() => return false,
            Some(key) => Some(std::mem::replace(&mut state.waiting[key], entry)),
            None => {
                *key = Some(state.waiting.insert(entry));
                None
            }
        };
        idle.set_awaited(true);
        drop(state);
        drop(before);
        if has!(WaiterCalls) {
            idle.notify_anyway();
        }
        true
    }

    /// Those to wake, if nothing is left; for a worker that sleeps. See the module's documentation.
    pub(crate) fn look(&self, idle: &Sleepers, left: &impl Left) -> Option<Vec<Waker>> {
        idle.while_all_sleep(|all_sleep| {
            let apart = self.apart();
            let is_quiet = left.astray() == apart.astray
                && all_sleep()
                && left.nothing_queued()
                && left.registered() == apart.registered;
            is_quiet.then(|| self.take(idle))
        })
    }

    /// How many of those that are left wait.
    fn apart(&self) -> Apart {
        let state = self.0.lock();
        let mut tasks: Vec<(u64, Who)> = state
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.waker.is_some())
            .filter_map(|(_, waiting)| Some((waiting.who.task?, waiting.who)))
            .collect();
        tasks.sort_unstable_by_key(|&(task, _)| task);
        let each = tasks.chunk_by(|left, right| left.0 == right.0);
        each.fold(Apart::default(), |mut apart, one| {
            let any = |is: fn(&Who) -> bool| usize::from(one.iter().any(|(_, who)| is(who)));
            apart.registered += any(|who| !who.blocks || who.registered);
            apart.astray += any(|who| who.blocks);
            apart
        })
    }

    /// It is quiet now: those to wake.
    fn take(&self, idle: &Sleepers) -> Vec<Waker> {
        let mut state = self.0.lock();
        idle.set_awaited(false);
        let waiting = state.waiting.iter_mut();
        waiting
            .filter_map(|(_, waiting)| waiting.waker.take())
            .collect()
    }
}

impl Scheduler {
    /// Those to wake who wait until nothing is left, if that is so; for the worker on `held`, which sleeps.
    #[cold]
    pub(crate) fn look_for_quiet(&self, held: &Held) -> Option<Vec<Waker>> {
        self.quiet.look(&self.idle, &SeenFrom(self, held))
    }
}

/// What the worker on this seat sees.
struct SeenFrom<'a>(&'a Scheduler, &'a Held);

impl Left for SeenFrom<'_> {
    fn astray(&self) -> usize {
        self.0.astray()
    }

    fn nothing_queued(&self) -> bool {
        let Self(scheduler, held) = self;
        let any = |seat: &Seat| {
            held.queue.sees_ring(&seat.stealers) || held.queue.sees_slot(&seat.stealers)
        };
        scheduler.nothing_shared() && !scheduler.others(held).any(|(_, seat)| any(seat))
    }

    fn registered(&self) -> usize {
        self.0.registry.len()
    }
}

impl State {
    fn anybody(&self) -> bool {
        self.waiting
            .iter()
            .any(|(_, waiting)| waiting.waker.is_some())
    }
}

/// The future of [`idle`] and [`Executor::idle`]: ready when nothing is left.
///
/// It belongs to the task that polls it first. Dropping it does no harm.
///
/// # Examples
///
/// ```
/// let executor = rejoin::Executor::new()?;
/// let idle: rejoin::Idle = executor.idle();
/// rejoin::block_on(idle);
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Idle {
    /// Of the first poll, if it was not said before.
    executor: Option<ExecutorId>,
    key: Option<usize>,
}

impl Idle {
    fn of(executor: ExecutorId) -> Self {
        Self {
            executor: Some(executor),
            key: None,
        }
    }
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.executor.is_none() {
            self.executor = door::inside_or_global();
        }
        let Some((id, scheduler)) = self.executor.and_then(|id| Some((id, get(id)?))) else {
            return Poll::Ready(());
        };
        let (who, waker) = (Who::asks(scheduler), cx.waker().clone());
        let entry = Waiting::new(waker, who);
        let generation = id.generation();
        if !scheduler
            .quiet
            .enter(&scheduler.idle, generation, &mut self.key, entry)
        {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let scheduler = self.executor.and_then(get);
        if let (Some(key), Some(scheduler)) = (self.key, scheduler) {
            let mut state = scheduler.quiet.0.lock();
            let gone = state.waiting.remove(key);
            if !state.anybody() {
                scheduler.idle.set_awaited(false);
            }
            drop(state);
            drop(gone);
        }
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idle").finish_non_exhaustive()
    }
}

/// Waits until no task is left of the executor that a free [`spawn`](crate::spawn) means where the future is
/// first polled: until all have ended. The task that waits is not counted, nor are others that wait for the same.
///
/// This is how a program waits for its global executor before `main` returns:
///
/// ```
/// use rejoin::{block_on, idle, spawn};
///
/// spawn(async {
///     spawn(async { println!("as late as this") }).detach();
/// })
/// .detach();
/// block_on(idle());
/// ```
///
/// Tasks that never end, or that wait for the one which waits here, are waited for in vain: give such a wait a
/// time limit, or end them first. A thread that computes inside of `block_on`, after it has spawned there, is waited
/// for, too. If the executor has not been started, or is gone, nothing is left.
///
/// # Cost
///
/// No atomic operation for tasks, whoever waits: a store to a thread-local at each poll. A worker that goes to sleep while somebody waits looks at all queues.
pub fn idle() -> Idle {
    Idle {
        executor: None,
        key: None,
    }
}

impl Executor {
    /// Waits until no task of this executor is left. See [`idle`].
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// for n in 0..3 {
    ///     executor.spawn(async move { println!("task {n}") }).detach();
    /// }
    /// executor.block_on(executor.idle());
    /// drop(executor); // with nothing to cancel
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn idle(&self) -> Idle {
        Idle::of(self.home().id)
    }
}

impl Spawner {
    /// Waits until no task of the executor is left, or it is gone itself. See [`idle`].
    ///
    /// # Examples
    ///
    /// ```
    /// let spawner = rejoin::Executor::new()?.spawner();
    /// rejoin::block_on(spawner.idle());
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    pub fn idle(&self) -> Idle {
        Idle::of(self.home().id)
    }
}
