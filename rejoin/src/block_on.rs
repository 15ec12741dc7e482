//! Drives one future on the calling thread.
//!
//! # Invariant
//!
//! A thread that sleeps here holds nothing that somebody else may be waiting for: no lock, no seat,
//! no task but the one it is in.
//!
//! # Why it holds
//!
//! On a worker, the seat with all its queue goes to another thread before the first sleep
//! ([`crew::vacate`](crate::crew::vacate)). The future is polled before that, so a `block_on` that
//! finds its future ready costs no thread. Nothing is ever run on top of the blocked poll, because what
//! it waits for could wait for it; but for one task that it waits for already, and for nothing else
//! ([`guest`](crate::guest)).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::contain;
use crate::crew;
use crate::door;
use crate::effort::Effort;
use crate::guest::{self, Stay};
use crate::parker::Parker;
use crate::patience::Patience;
use crate::sim;
use crate::sync::Arc;
use crate::task::Home;

/// Of a thread that has not slept yet. Whose executor it waits for is nothing that it knows.
const NEW: Patience = Patience::new(Effort::Balanced);

thread_local! {
    /// Taken while a `block_on` sleeps with it; one that is nested in another makes its own.
    static CACHE: RefCell<Option<(Arc<Parker>, Waker)>> = const { RefCell::new(None) };
    static PATIENCE: Cell<Patience> = const { Cell::new(NEW) };
}

/// Runs `future` to its end on the calling thread, which sleeps while there is nothing to do for it.
///
/// Works anywhere: on a thread of its own, in a task, inside another `block_on`, in a destructor. In a
/// task, the worker is replaced by another thread for as long as it sleeps here, so tasks go on, and
/// even `block_on` on all workers at once does not deadlock. Still, a task that can `await` should.
///
/// Inside of `future`, [`spawn`](crate::spawn) means what it means outside: the executor of the
/// surrounding task or of the surrounding [`Executor::block_on`](crate::Executor::block_on), else the
/// global one. A `block_on` that spawns nothing starts no thread.
///
/// # Cost
///
/// No allocation but for the first call on a thread, and for calls nested in others.
///
/// # Panics
///
/// When `future` panics. On a worker also if no thread can be started to take its place; the message
/// says why.
///
/// # Examples
///
/// ```
/// let answer = rejoin::block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let cached = CACHE.try_with(|cache| cache.borrow_mut().take());
    let (parker, waker) = cached.ok().flatten().unwrap_or_else(|| {
        let parker = Parker::new();
        let waker = wakes(&parker);
        (parker, waker)
    });
    let cx = &mut Context::from_waker(&waker);
    let stay = Stay::begin(waker.data());
    let (mut early, mut most) = (0, EARLY);
    let output = loop {
        sim::point_in_block_on();
        stay.poll_begins();
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            break output;
        }
        contain::finish();
        if parker.take_unpark() {
            early += 1;
            give_way(&mut early, &mut most);
            continue;
        }
        // Ours, the waker's, and the one that the awaited handle left with its task.
        if guest::run_awaited(Arc::strong_count(&parker) == 3) {
            // Most likely its end has woken the future. Whoever did: it is about to be polled.
            parker.take_unpark();
            continue;
        }
        sleep(&parker);
    };
    drop(stay);
    let _ = CACHE.try_with(|cache| *cache.borrow_mut() = Some((parker, waker)));
    output
}

/// So often may a future on a worker have been woken before it could sleep until the worker's seat goes to
/// another thread all the same: it may be yielding until a task behind it has run.
const EARLY: u32 = 8;

/// The future was woken before it could sleep, for the `early`-th time, and is about to be polled again. What
/// lies in the thread's own queue must not wait for it to sleep; after the `most` such turns, the seat goes.
fn give_way(early: &mut u32, most: &mut u32) {
    if door::is_guest() {
        guest::hand_over();
    } else if *early > *most && crew::vacate().is_err() {
        // No thread can be started: the seat stays, and the others rob it. They have to see a poll that lasts, so
        // the next attempt is not made soon.
        (*early, *most) = (0, most.saturating_mul(4));
    }
}

/// Sleeps until unparked, with no seat, or with a guest's and nothing on it.
fn sleep(parker: &Parker) {
    if let Err(error) = crew::vacate() {
        panic!(
            "block_on could not start thread {} to take the place of the worker that it blocks: {}; \
             start the executor with more threads, or await instead",
            error.thread, error.error
        );
    }
    let is_guest = door::is_guest();
    if is_guest {
        guest::sleeps(true);
    }
    // Not kept from one `block_on` to the next if the thread is ending.
    let mut patience = PATIENCE.try_with(Cell::get).unwrap_or(NEW);
    if patience.look(|| parker.is_unparked()) {
        parker.park();
    } else {
        patience.sleep(|| parker.park());
        let _ = PATIENCE.try_with(|kept| kept.set(patience));
    }
    if is_guest {
        guest::sleeps(false);
    }
}

/// [`block_on`], with the executor `home` as what a free `spawn` means inside.
pub(crate) fn block_on_inside<F: Future>(home: Home, future: F) -> F::Output {
    /// Puts back what it was, also when the future panics.
    struct Restore(Option<Home>);

    impl Drop for Restore {
        fn drop(&mut self) {
            door::set_inside(self.0);
        }
    }

    let _restore = Restore(door::set_inside(Some(home)));
    block_on(future)
}

#[cfg(not(all(test, rejoin_model)))]
fn wakes(parker: &Arc<Parker>) -> Waker {
    Waker::from(Arc::clone(parker))
}

#[cfg(all(test, rejoin_model))]
fn wakes(_: &Arc<Parker>) -> Waker {
    unreachable!("the models wake the parker themselves")
}
