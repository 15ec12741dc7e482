//! The one door into the queues.
//!
//! [`schedule`] is what every task calls when it is woken, on whatever thread. It captures nothing:
//! the task's [`Meta`](crate::task::Meta) says which executor it belongs to, by an index into a table
//! of schedulers and by a generation. On a worker of that executor the runnable goes to the worker's
//! own queue, which takes no lock; anywhere else to the injector, which takes one.
//!
//! # Invariant
//!
//! A waker may outlive its executor by any time and be used on any thread: the task it wakes is
//! cancelled, and nobody else hears of it.
//!
//! # Why it holds
//!
//! The injector compares generations under its lock. A runnable that comes too late is run once more,
//! in nobody's name, only to be cancelled: at once, or by the outermost such call on the thread
//! ([`contain`](crate::contain)), never inside `schedule` of another.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::OnceLock;

use async_task::ScheduleInfo;

use crate::contain::bounce;
use crate::current;
use crate::hooks::tell;
use crate::scheduler::{ANY_HOOKED, Scheduler, get};
use crate::seat::{Held, Runnable};
use crate::surroundings;
use crate::sync::Ordering;
use crate::task::{ExecutorId, Home};

static GLOBAL: OnceLock<ExecutorId> = OnceLock::new();

thread_local! {
    static HERE: Here = const { Here {
        inside: Cell::new(None),
        may_be_guest: Cell::new(false),
        is_guest: Cell::new(false),
    } };
    /// Never dropped: a thread gives its seat back before it ends. Without a destructor there is no
    /// check at each access, and none that could fail while the thread ends.
    static HELD: RefCell<Option<ManuallyDrop<Seated>>> = const { RefCell::new(None) };
}

/// The seat that a thread holds, and whose it is.
struct Seated {
    id: ExecutorId,
    scheduler: &'static Scheduler,
    held: Held,
}

/// Plain cells, without a destructor: reading them costs no check, and works while the thread ends.
struct Here {
    /// The executor that a free `spawn` means: of the task that is polled, or of the `block_on`.
    inside: Cell<Option<Home>>,
    /// Whether this thread, if it has no seat, may take one as a guest of the executor that a free
    /// `spawn` means: set while it blocks on a future.
    may_be_guest: Cell<bool>,
    /// Whether the seat in `HELD` is a guest's.
    is_guest: Cell<bool>,
}

// ---- the thread's place ----

/// The executor that a free `spawn` on this thread means, if any.
#[inline]
pub(crate) fn inside() -> Option<Home> {
    HERE.try_with(|here| here.inside.get()).ok().flatten()
}

/// Sets what a free `spawn` means, and gives back what it meant.
pub(crate) fn set_inside(home: Option<Home>) -> Option<Home> {
    HERE.with(|here| here.inside.replace(home))
}

/// Seats the calling thread.
pub(crate) fn take_seat(id: ExecutorId, scheduler: &'static Scheduler, held: Held) {
    current::set_shard(held.index as u32);
    let seated = ManuallyDrop::new(Seated {
        id,
        scheduler,
        held,
    });
    HELD.with_borrow_mut(|held| *held = Some(seated));
}

/// Takes the seat from the calling thread, if it has one.
pub(crate) fn leave_seat() -> Option<Held> {
    HERE.with(|here| here.is_guest.set(false));
    let seated = HELD.with_borrow_mut(Option::take)?;
    let held = ManuallyDrop::into_inner(seated).held;
    // Who takes it next wakes nobody.
    held.set_waking(false);
    Some(held)
}

/// Whether the calling thread holds a seat.
pub(crate) fn is_seated() -> bool {
    HELD.try_with(|seated| seated.borrow().is_some()) == Ok(true)
}

/// Whether the calling thread holds a guest's seat.
pub(crate) fn is_guest() -> bool {
    HERE.with(|here| here.is_guest.get())
}

/// Marks the calling thread's seat as a guest's.
pub(crate) fn become_guest() {
    HERE.with(|here| here.is_guest.set(true));
}

/// Says whether the calling thread may take a guest's seat, and gives back what was said before.
pub(crate) fn set_may_be_guest(may: bool) -> bool {
    HERE.with(|here| here.may_be_guest.replace(may))
}

/// Whether the calling thread, which spawns into `id`, may take a seat there as a guest. It may if that
/// executor cannot go before the thread's `block_on` returns: it is the one that surrounds the thread, or
/// the global one.
#[inline]
pub(crate) fn may_be_guest_of(id: ExecutorId) -> bool {
    let may = |here: &Here| {
        let surrounds = match here.inside.get() {
            Some(home) => home.id == id,
            None => GLOBAL.get() == Some(&id),
        };
        here.may_be_guest.get() && surrounds && !is_seated()
    };
    HERE.try_with(may) == Ok(true)
}

/// The executor that a free `spawn` on this thread means, or would if it were not the first one.
pub(crate) fn inside_or_global() -> Option<ExecutorId> {
    inside().map(|home| home.id).or(GLOBAL.get().copied())
}

/// Makes `id` known as the global executor.
pub(crate) fn set_global(id: ExecutorId) {
    // The first one stays; there is only one.
    let _ = GLOBAL.set(id);
}

/// What `look` makes of the calling thread's seat, if it has one.
#[inline]
pub(crate) fn with_seat<R>(look: impl FnOnce(&'static Scheduler, &Held) -> R) -> Option<R> {
    let look = |seated: &ManuallyDrop<Seated>| look(seated.scheduler, &seated.held);
    HELD.try_with(|seated| seated.borrow().as_ref().map(look))
        .ok()
        .flatten()
}

// ---- the door ----

/// The schedule function of every task.
pub(crate) fn schedule(runnable: Runnable, info: ScheduleInfo) {
    push(runnable, info.woken_while_running);
}

/// Puts `runnable` into a queue of its executor; `yielded` tells that it was woken by its own poll and
/// wants the others to run first.
#[inline]
pub(crate) fn push(runnable: Runnable, yielded: bool) {
    let pushed = push_here(runnable, |seated, runnable| {
        seated.scheduler.push_here(&seated.held, runnable, yielded);
    });
    if let Some(runnable) = pushed {
        push_from_outside(runnable);
    }
}

/// Like [`push`] for a new task; a guest asks `to_ring` whether it goes to the back. Gives it back if the thread has no seat of
/// its executor.
#[inline]
pub(crate) fn push_new(runnable: Runnable, to_ring: impl FnOnce() -> bool) -> Option<Runnable> {
    push_here(runnable, |seated, runnable| {
        let to_ring = seated.held.seat.is_guest() && to_ring();
        seated.scheduler.push_here(&seated.held, runnable, to_ring);
    })
}

/// Puts `runnable` at the back of the calling thread's own queue and calls nobody but a watcher; gives it
/// back if the thread has no seat of its executor.
#[inline]
pub(crate) fn push_quietly(runnable: Runnable) -> Option<Runnable> {
    push_here(runnable, |seated, runnable| {
        seated.scheduler.push_quietly(&seated.held, runnable);
    })
}

/// Lets `push` put `runnable` into the queue on the calling thread's seat, or gives it back if the thread has no seat of
/// its executor.
#[inline(always)]
fn push_here(runnable: Runnable, push: impl FnOnce(&Seated, Runnable)) -> Option<Runnable> {
    let push = |seated: &RefCell<Option<ManuallyDrop<Seated>>>| match &*seated.borrow() {
        Some(seated) if seated.id == runnable.metadata().executor => {
            push(seated, runnable);
            None
        }
        _ => Some(runnable),
    };
    // `try_with` is inlined where `with` is not; without a destructor neither can fail.
    HELD.try_with(push).ok().flatten()
}

#[inline(never)]
fn push_from_outside(runnable: Runnable) {
    let id = runnable.metadata().executor;
    match get(id) {
        Some(scheduler) => match scheduler.injector.push(id.generation(), runnable) {
            Ok(()) => scheduler.call_one(),
            Err(runnable) => refuse(runnable),
        },
        None => refuse(runnable),
    }
}

/// Cancels a task whose executor is gone.
pub(crate) fn refuse(refused: Runnable) {
    bounce(|| {
        surroundings::aside(|| {
            current::cancelling_for_nobody(|| {
                refused.run();
            });
        });
    });
}

/// Tells the executor's hook, if there is one, that the task of `runnable` is about to be scheduled.
#[inline]
pub(crate) fn tell_spawn(runnable: &Runnable) {
    // Ordering: Relaxed. Set before the executor's builder returns, so before its first spawn.
    if ANY_HOOKED.load(Ordering::Relaxed) {
        tell_hooks_of_spawn(runnable);
    }
}

#[cold]
fn tell_hooks_of_spawn(runnable: &Runnable) {
    let meta = runnable.metadata();
    let hooks = get(meta.executor).and_then(|scheduler| scheduler.hooks(meta.executor));
    if let Some(hooks) = hooks {
        tell(hooks.spawn.as_ref(), |hook| hook(&meta.info()));
    }
}
