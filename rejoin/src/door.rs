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

use async_task::ScheduleInfo;

use crate::contain::bounce;
use crate::current;
use crate::hooks::tell;
use crate::scheduler::{ANY_HOOKED, Scheduler, get};
use crate::seat::{Held, Runnable};
use crate::sync::Ordering;
use crate::task::{ExecutorId, Home};

thread_local! {
    static HERE: Here = const { Here {
        seat_of: Cell::new(ExecutorId::NONE),
        inside: Cell::new(None),
    } };
    static HELD: RefCell<Option<Seated>> = const { RefCell::new(None) };
}

/// The seat that a thread holds, and whose it is.
struct Seated {
    scheduler: &'static Scheduler,
    held: Held,
}

/// Plain cells, without a destructor: reading them costs no check, and works while the thread ends.
struct Here {
    /// The executor whose seat this thread holds in `HELD`.
    seat_of: Cell<ExecutorId>,
    /// The executor that a free `spawn` means: of the task that is polled, or of the `block_on`.
    inside: Cell<Option<Home>>,
}

// ---- the thread's place ----

/// The executor that a free `spawn` on this thread means, if any.
#[inline]
pub(crate) fn inside() -> Option<Home> {
    HERE.with(|here| here.inside.get())
}

/// Sets what a free `spawn` means, and gives back what it meant.
pub(crate) fn set_inside(home: Option<Home>) -> Option<Home> {
    HERE.with(|here| here.inside.replace(home))
}

/// Seats the calling thread.
pub(crate) fn take_seat(id: ExecutorId, scheduler: &'static Scheduler, held: Held) {
    current::set_shard(held.index as u32);
    HELD.with_borrow_mut(|seat| *seat = Some(Seated { scheduler, held }));
    HERE.with(|here| here.seat_of.set(id));
}

/// Takes the seat from the calling thread, if it has one.
pub(crate) fn leave_seat() -> Option<Held> {
    HERE.with(|here| here.seat_of.set(ExecutorId::NONE));
    let seated = HELD.try_with(|held| held.borrow_mut().take());
    Some(seated.ok()??.held)
}

/// Whether the calling thread holds a seat.
pub(crate) fn is_seated() -> bool {
    HERE.with(|here| here.seat_of.get() != ExecutorId::NONE)
}

/// What `look` makes of the calling thread's seat, if it has one.
#[inline]
pub(crate) fn with_seat<R>(look: impl FnOnce(&'static Scheduler, &Held) -> R) -> Option<R> {
    let look = |seated: &Seated| look(seated.scheduler, &seated.held);
    HELD.try_with(|held| held.borrow().as_ref().map(look))
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
    let id = runnable.metadata().executor;
    if HERE.with(|here| here.seat_of.get()) != id {
        return push_from_outside(id, runnable);
    }
    let mut runnable = Some(runnable);
    with_seat(|scheduler, held| {
        if let Some(runnable) = runnable.take() {
            scheduler.push_here(held, runnable, yielded);
        }
    });
    if let Some(runnable) = runnable {
        // The thread is ending, and its seat is gone before the cell that says so.
        push_from_outside(id, runnable);
    }
}

#[inline(never)]
fn push_from_outside(id: ExecutorId, runnable: Runnable) {
    let refused = match get(id) {
        Some(scheduler) => match scheduler.injector.push(id.generation, runnable) {
            Ok(()) => return scheduler.idle.notify_from_outside(),
            Err(runnable) => runnable,
        },
        None => runnable,
    };
    bounce(|| {
        current::cancelling_for_nobody(|| {
            refused.run();
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
