//! Seats that wait for threads, threads that wait for seats, and how many threads are left.
//!
//! # Invariants
//!
//! 1. For each vacant seat a thread waits that has been told, or one is being started.
//! 2. The last thread to leave has all seats in its hands, and nobody comes after it.
//!
//! # Why they hold
//!
//! Everything here is changed under one lock, and read under it: there is no ordering to get wrong. Who waits looks
//! again whenever it is told that something has changed, and is told by whoever changed it.
//!
//! A seat that is [given](Seats::give) away counts as taken only if there are as many threads that wait as there are vacant
//! seats: one that has been told, and has not come yet, still counts as one that waits, and its seat as vacant. A thread
//! counts from before it is started, so the last one is the last. One that is started for an executor that closes
//! ([`lend`](Seats::lend)) does not count yet when its seat is there, so nobody is the last meanwhile.
//!
//! `model::crew` runs this under every interleaving, and fails if one who waits is promised to two, and if the last thread
//! leaves while another one is being started.

use crate::sync::{Lock, MutexGuard, Signal, has};

/// Seats of type `H`, and what else (`R`) lies under the same lock.
#[derive(Debug)]
pub(crate) struct Seats<H, R> {
    state: Lock<State<H, R>>,
    /// A seat became vacant, a thread left, or the crew is closing.
    changed: Signal,
}

#[derive(Debug)]
pub(crate) struct State<H, R> {
    pub(crate) vacant: Vec<H>,
    /// Seats on which nothing is left, now that the crew is closing.
    empty: Vec<H>,
    /// Threads that wait for a seat.
    pub(crate) waiting: usize,
    /// Threads that have been started and have not left.
    pub(crate) alive: usize,
    closing: bool,
    /// Threads that are being started for an executor that closes; none is the last one meanwhile.
    starting: usize,
    pub(crate) rest: R,
}

impl<H, R> Seats<H, R> {
    pub(crate) fn new(vacant: Vec<H>, rest: R) -> Self {
        Self {
            state: Lock::new(State {
                vacant,
                empty: Vec::new(),
                waiting: 0,
                alive: 0,
                closing: false,
                starting: 0,
                rest,
            }),
            changed: Signal::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<H, R>> {
        self.state.lock()
    }

    /// Lets `state` go until something has changed, or for no reason.
    fn wait<'a>(&'a self, state: MutexGuard<'a, State<H, R>>) -> MutexGuard<'a, State<H, R>> {
        self.changed.wait(&self.state, state)
    }

    /// The same, but for no longer than `limit`. Not in a simulation.
    pub(crate) fn wait_for(&self, state: MutexGuard<'_, State<H, R>>, limit: std::time::Duration) {
        drop(self.changed.wait_for(state, limit));
    }

    // ---- a thread without a seat ----

    /// A vacant seat, as soon as there is one; `None` when the calling thread is not needed any more: because `most` wait
    /// already, or because the crew is closing and `nothing_left` for anybody.
    pub(crate) fn take(&self, most: usize, nothing_left: impl Fn() -> bool) -> Option<H> {
        let mut state = self.state.lock();
        loop {
            if let Some(held) = state.vacant.pop() {
                return Some(held);
            }
            if state.closing {
                // What comes late from outside is cancelled by a thread with a seat: a destructor that
                // blocks needs one to give away.
                return (!nothing_left()).then(|| state.empty.pop()).flatten();
            }
            if state.waiting >= most {
                return None;
            }
            state.waiting += 1;
            state = self.wait(state);
            state.waiting -= 1;
        }
    }

    /// Counts the calling thread out, and lets it clear up under the lock if it was one too many; the last one only if
    /// `release` succeeds, to which all seats are handed. `None` if there is something left to do.
    pub(crate) fn leave<W: Default>(
        &self,
        surplus: impl FnOnce(&mut R),
        release: impl FnOnce(&mut Vec<H>, &mut R) -> Option<W>,
    ) -> Option<W> {
        let mut released = W::default();
        {
            let mut state = self.state.lock();
            while state.closing && state.alive == 1 && state.starting > 0 && has!(Starting) {
                state = self.wait(state);
            }
            if state.closing && state.alive == 1 {
                if !state.vacant.is_empty() {
                    return None;
                }
                let State { empty, rest, .. } = &mut *state;
                released = release(empty, rest)?;
            }
            state.alive -= 1;
            if !state.closing {
                surplus(&mut state.rest);
            }
        }
        self.changed.notify_all();
        Some(released)
    }

    // ---- a thread with a seat ----

    /// Nothing is left on the seat `held`, and the crew is closing.
    pub(crate) fn put_aside(&self, held: H) {
        self.state.lock().empty.push(held);
    }

    /// Gives the seat `held` to a thread that has none; if too few of them wait, the caller must start one, or
    /// [`take_back`](Self::take_back) the seat.
    #[must_use = "says whether a thread takes the seat"]
    pub(crate) fn give(&self, held: H) -> bool {
        let mut state = self.state.lock();
        state.vacant.push(held);
        let needed = if has!(OneEach) { state.vacant.len() } else { 1 };
        let taken = state.waiting >= needed;
        if taken {
            self.changed.notify_all();
        }
        taken
    }

    /// A seat in place of the one that was given away, unless somebody has come by and taken it meanwhile: then all is well.
    pub(crate) fn take_back(&self) -> Option<H> {
        self.state.lock().vacant.pop()
    }

    // ---- the end ----

    /// From now on, who finds nothing to do leaves.
    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
        self.changed.notify_all();
    }

    /// Waits until no more than so many threads are left.
    pub(crate) fn wait_until_left(&self, threads: usize) -> MutexGuard<'_, State<H, R>> {
        let mut state = self.state.lock();
        while state.alive > threads {
            state = self.wait(state);
        }
        state
    }

    /// Lends one more seat, that `make` makes, to a thread that waits for one, if any thread is left that is to end the
    /// service. If none waits, the caller must start one and then call [`has_lent`](Self::has_lent).
    #[must_use = "says whether a thread must be started"]
    pub(crate) fn lend(&self, make: impl FnOnce() -> H) -> bool {
        {
            let mut state = self.state.lock();
            if state.alive == 0 || state.starting > 0 || !state.vacant.is_empty() {
                return false;
            }
            state.vacant.push(make());
            if state.waiting == 0 {
                state.starting += 1;
                return true;
            }
        }
        self.changed.notify_all();
        false
    }

    /// That thread has been started and is counted, or has not, and `clear_up` looks for the seat among those that are
    /// vacant.
    pub(crate) fn has_lent(&self, clear_up: impl FnOnce(&mut Vec<H>)) {
        {
            let mut state = self.state.lock();
            state.starting -= 1;
            clear_up(&mut state.vacant);
        }
        self.changed.notify_all();
    }
}
