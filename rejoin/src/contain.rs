//! User code that must neither unwind into ours nor recurse into itself.
//!
//! # Invariants
//!
//! 1. Nothing that is run by [`contained`] or [`bounce`] unwinds, whatever it throws, and dropping what
//!    it threw does not either.
//! 2. However long the chain of things that own the next one, [`bounce`] is at most one deep on a
//!    thread's stack.
//!
//! # Why the second holds
//!
//! The outermost call runs its job and then whatever was put on the thread's list meanwhile; a call
//! inside of a job only puts its job on the list. A chain of a million outputs, each owning the handle
//! of a task that holds the next, is dropped in as many turns of one loop.
//!
//! An inner job costs an allocation, an outermost one none.
//!
//! A job that waits for another one behind it on the list would wait for ever; [`block_on`] therefore
//! empties the list before it sleeps ([`finish`]).
//!
//! [`block_on`]: crate::block_on

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

type Job = Box<dyn FnOnce()>;

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
    static LATER: RefCell<Vec<Job>> = const { RefCell::new(Vec::new()) };
}

/// Runs `job` now, or when the outermost `bounce` on this thread has run its own. What the job panics
/// with goes nowhere: all jobs are drops, and those are contained.
pub(crate) fn bounce(job: impl FnOnce() + 'static) {
    if BUSY.get() {
        let mut job = Some(job);
        let put = LATER.try_with(|later| {
            let job = job.take().expect("this closure runs once");
            later.borrow_mut().push(Box::new(job));
        });
        if let (Err(_), Some(job)) = (put, job) {
            // The thread is ending and its list is gone; the stack has to do.
            drop(contained(job));
        }
        return;
    }
    BUSY.set(true);
    drop(contained(job));
    finish();
    BUSY.set(false);
}

/// Runs what is on this thread's list.
pub(crate) fn finish() {
    while let Ok(Some(job)) = LATER.try_with(|later| later.borrow_mut().pop()) {
        drop(contained(job));
    }
}

/// Runs user code that must not unwind into ours, and gives back what it panicked with. Dropping a
/// payload is user code too, and contained by [`Payload`].
pub(crate) fn contained(user_code: impl FnOnce()) -> Option<Payload> {
    catch_unwind(AssertUnwindSafe(user_code)).err().map(Payload)
}

/// Wakes by a waker that may be the user's own. If it panics, that harms nobody else who is to be woken or to end.
pub(crate) fn wake(waker: Waker) {
    drop(contained(|| waker.wake()));
}

/// What a panic was thrown with. Its drop is contained.
pub(crate) struct Payload(Box<dyn Any + Send>);

impl Payload {
    pub(crate) fn new(thrown: Box<dyn Any + Send>) -> Self {
        Self(thrown)
    }

    pub(crate) fn get(&self) -> &(dyn Any + Send) {
        &*self.0
    }

    /// The message of an ordinary `panic!`.
    pub(crate) fn message(&self) -> Option<&str> {
        let literal = self.0.downcast_ref::<&'static str>().copied();
        literal.or_else(|| self.0.downcast_ref::<String>().map(String::as_str))
    }

    pub(crate) fn into_inner(mut self) -> Box<dyn Any + Send> {
        // The unit type takes no allocation, and its drop does nothing.
        std::mem::replace(&mut self.0, Box::new(()))
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        let thrown = std::mem::replace(&mut self.0, Box::new(()));
        if !(*thrown).is::<&'static str>() && !(*thrown).is::<String>() && !(*thrown).is::<()>() {
            bounce(|| drop_payload(thrown));
        }
    }
}

/// Drops what a panic was thrown with; it may own the handle of a task that panicked likewise, and so
/// on.
fn drop_payload(thrown: Box<dyn Any + Send>) {
    if let Err(thrown_by_drop) = catch_unwind(AssertUnwindSafe(|| drop(thrown))) {
        // A payload whose drop panics with such a payload could go on for ever. Leaked.
        std::mem::forget(thrown_by_drop);
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Payload")
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;
    use std::rc::Rc;

    struct Link(Option<Box<dyn FnOnce()>>);

    fn chain(length: usize, dropped: &Rc<Cell<usize>>) -> Box<dyn FnOnce()> {
        let mut next: Box<dyn FnOnce()> = Box::new(|| ());
        for _ in 0..length {
            let (link, dropped) = (Link(Some(next)), Rc::clone(dropped));
            next = Box::new(move || {
                let mut link = link;
                dropped.set(dropped.get() + 1);
                bounce(link.0.take().unwrap());
            });
        }
        next
    }

    #[test]
    fn a_chain_of_a_million_does_not_recurse() {
        let dropped = Rc::new(Cell::new(0));
        bounce(chain(1_000_000, &dropped));
        assert_eq!(dropped.get(), 1_000_000);
    }

    #[test]
    fn a_job_that_panics_leaves_the_rest_to_run() {
        let ran = Rc::new(Cell::new(0));
        let count = |ran: &Rc<Cell<i32>>| {
            let ran = Rc::clone(ran);
            move || ran.set(ran.get() + 1)
        };
        let (first, second) = (count(&ran), count(&ran));
        bounce(move || {
            bounce(first);
            bounce(second);
            panic!("thrown on purpose");
        });
        bounce(count(&ran));
        assert_eq!(ran.get(), 3);
    }
}
