//! What reaches a local executor from elsewhere: which of its tasks were woken, which are to stop.
//!
//! # Invariants
//!
//! 1. What was posted is seen: whoever drives the tasks finds it before it sleeps, or is called.
//! 2. Nothing of a task is in here but its number.
//!
//! # Why they hold
//!
//! Posting and going to sleep take the same lock. Who drives looks and leaves its waker under one lock
//! ([`Inbox::collect_or_arm`]); who posts takes all wakers that were left, and wakes them after it has let
//! go of the lock. A post therefore comes before the look, and is seen, or after it, and finds the waker.
//! `model::local` fails if looking and leaving the waker are two steps.
//!
//! The lock is also why there is no ordering to speak of: what was written before a wake is seen by the poll
//! that follows.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::contain::wake;
use crate::sync::{AtomicBool, Lock, Ordering, has};

use super::tasks::Key;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Inbox(Lock<State>);

#[derive(Debug)]
struct State {
    mail: Mail,
    /// The wakers of those who sleep, and whose they are.
    armed: Vec<(u64, Waker)>,
    open: bool,
}

/// What was posted.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) woken: Vec<Arc<Ticket>>,
    pub(crate) stopped: Vec<Key>,
}

impl Mail {
    fn is_empty(&self) -> bool {
        self.woken.is_empty() && self.stopped.is_empty()
    }
}

impl Inbox {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Lock::new(State {
            mail: Mail::default(),
            armed: Vec::new(),
            open: true,
        })))
    }

    /// Calls whoever sleeps, if `change` has changed anything that is worth it.
    fn post(&self, change: impl FnOnce(&mut Mail) -> bool) {
        let (first, others) = {
            let mut state = self.0.lock();
            if !state.open || !change(&mut state.mail) {
                return;
            }
            // Mostly there is one, and the list keeps its room for the next.
            let first = state.armed.pop();
            let others: Vec<_> = state.armed.drain(..).collect();
            (first, others)
        };
        for (_, waker) in first.into_iter().chain(others) {
            wake(waker);
        }
    }

    /// Calls whoever sleeps.
    pub(crate) fn call(&self) {
        self.post(|_| true);
    }

    /// The task with this key is to stop.
    pub(crate) fn stop(&self, key: Key) {
        self.post(|mail| {
            mail.stopped.push(key);
            true
        });
    }

    /// Moves what was posted to `mail`, which is empty.
    pub(crate) fn collect(&self, mail: &mut Mail) {
        Self::take(&mut self.0.lock(), mail);
    }

    fn take(state: &mut State, mail: &mut Mail) {
        std::mem::swap(&mut state.mail, mail);
        for ticket in &mail.woken {
            // Ordering: Relaxed; only touched under the lock that is held here.
            ticket.posted.store(false, Ordering::Relaxed);
        }
    }

    /// The same; but if nothing was posted, the caller, who is known as `id`, is about to sleep, and is called
    /// by `waker` when something is. Says whether that is so.
    pub(crate) fn collect_or_arm(&self, id: u64, waker: Waker, mail: &mut Mail) -> bool {
        if !has!(ArmAtOnce) {
            self.collect(mail);
            if !mail.is_empty() {
                return false;
            }
        }
        let stale = {
            let mut state = self.0.lock();
            if has!(ArmAtOnce) && !state.mail.is_empty() {
                Self::take(&mut state, mail);
                return false;
            }
            let armed = state.armed.iter_mut().find(|(armed, _)| *armed == id);
            match armed {
                Some((_, armed)) => Some(std::mem::replace(armed, waker)),
                None => {
                    state.armed.push((id, waker));
                    None
                }
            }
        };
        // The drop of a waker is user code: not under the lock.
        drop(stale);
        true
    }

    /// Forgets the waker of `id`.
    pub(crate) fn disarm(&self, id: u64) {
        let stale = {
            let mut state = self.0.lock();
            let place = state.armed.iter().position(|&(armed, _)| armed == id);
            place.map(|place| state.armed.swap_remove(place))
        };
        drop(stale);
    }

    /// Takes no more mail.
    pub(crate) fn close(&self) {
        let gone = {
            let mut state = self.0.lock();
            state.open = false;
            (
                std::mem::take(&mut state.mail),
                std::mem::take(&mut state.armed),
            )
        };
        drop(gone);
    }
}

/// What a waker of a local task is made of: the only thing of the task that other threads ever hold.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) key: Key,
    /// Whether it lies in the inbox. Guarded by the inbox's lock.
    posted: AtomicBool,
}

impl Ticket {
    pub(crate) fn new(inbox: &Arc<Inbox>, key: Key) -> Arc<Self> {
        Arc::new(Self {
            inbox: Arc::clone(inbox),
            key,
            posted: AtomicBool::new(false),
        })
    }

    /// Posts the ticket, wherever the caller is.
    pub(crate) fn post(self: &Arc<Self>) {
        self.inbox.post(|mail| {
            // Ordering: Relaxed; only touched under the lock, which `post` holds here.
            let first = !self.posted.swap(true, Ordering::Relaxed);
            if first {
                mail.woken.push(Arc::clone(self));
            }
            first
        });
    }
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !super::here::wake_here(self) {
            self.post();
        }
    }
}
