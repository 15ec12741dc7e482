//! Drops in bounded stack.
//!
//! # Invariant
//!
//! However long the chain of things that own the next one, [`bounce`] is at most one deep on a
//! thread's stack.
//!
//! # Why it holds
//!
//! The outermost call runs its job and then whatever was put on the thread's list meanwhile; a call
//! inside of a job only puts its job on the list. A chain of a million outputs, each owning the handle
//! of a task that holds the next, is dropped in as many turns of one loop.
//!
//! An inner job costs an allocation, an outermost one none.

use std::cell::{Cell, RefCell};

use crate::hooks::contained;

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
    while let Ok(Some(job)) = LATER.try_with(|later| later.borrow_mut().pop()) {
        drop(contained(job));
    }
    BUSY.set(false);
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
