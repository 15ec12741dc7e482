//! The tasks of one local executor, and which of them are to be polled.
//!
//! # Invariants
//!
//! 1. A future is polled and dropped on the thread that it was spawned on.
//! 2. While a task is ready, whoever drives the tasks is running, will be polled again, or has been called.
//!
//! # Why they hold
//!
//! 1. Nothing here is `Send`, and nothing of it is in a waker: that holds a [`Ticket`], a number and where
//!    to post it. There is nothing to check at run time, and nothing that could go wrong late.
//! 2. A wake-up on the own thread while the tasks are driven goes to `ready`, and [`drive`] does not return
//!    before `ready` is empty or it has woken itself. Any other is posted in the [`Inbox`].
//!
//! A task that is being polled, or whose future is being dropped, is out of its slot: user code runs while
//! nothing here is borrowed. What it wakes, spawns or drops is entered into the same slots meanwhile.
//!
//! [`drive`]: super::runner::Runner::drive

mod asked;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use slab::Slab;

use crate::contain;
use crate::current;
use crate::surroundings::NoValues;

use super::body::Body;
use super::here::{Here, is_here};
use super::inbox::{Inbox, Mail, Ticket};
use super::stop::Stop;

/// So many tickets of tasks that have ended are kept for the next ones.
const SPARE: usize = 1 << 10;

/// See the module's documentation.
pub(super) struct Tasks {
    pub(super) inbox: Arc<Inbox>,
    slots: RefCell<Slab<Slot>>,
    ready: RefCell<VecDeque<Key>>,
    /// Tickets that nobody else holds.
    spare: RefCell<Vec<Arc<Ticket>>>,
    /// Empty but while it is looked through; kept for its room.
    mail: Cell<Mail>,
    /// The last serial number given out.
    serial: Cell<u64>,
    open: Cell<bool>,
}

/// Which task: a slot, and which of those that had this slot one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    place: usize,
    serial: u64,
}

#[cfg(all(test, rejoin_model))]
impl Key {
    pub(crate) fn of_place(place: usize) -> Self {
        Self { place, serial: 0 }
    }
}

struct Slot {
    serial: u64,
    /// Whether it is in `ready`.
    queued: bool,
    /// Its turn came while it was out: it is to be queued again when it comes back.
    missed: bool,
    /// The handle is alive.
    joined: bool,
    cancelled: bool,
    stage: Stage,
    awaiter: Option<Waker>,
    stop: Option<Arc<Stop>>,
}

enum Stage {
    Waiting(Live),
    /// In the hands of somebody further up or down this thread's stack.
    Out,
    /// What came of it, for the handle.
    Ended(Pin<Box<dyn Body>>),
}

/// A task that has not ended.
struct Live {
    body: Pin<Box<dyn Body>>,
    ticket: Arc<Ticket>,
    /// Made of the ticket.
    waker: Waker,
}

impl Tasks {
    /// A number that was not given out before.
    pub(super) fn next_serial(&self) -> u64 {
        let serial = self.serial.get() + 1;
        self.serial.set(serial);
        serial
    }

    /// Enters a task. It is cancelled at once if the executor is going.
    pub(super) fn spawn(self: &Rc<Self>, mut body: Pin<Box<dyn Body>>) -> Key {
        let open = self.open.get();
        if !open {
            body.as_mut().cancel();
        }
        let serial = self.next_serial();
        let key = {
            let mut slots = self.slots.borrow_mut();
            let entry = slots.vacant_entry();
            let key = Key {
                place: entry.key(),
                serial,
            };
            entry.insert(Slot {
                serial,
                queued: open,
                missed: false,
                joined: true,
                cancelled: !open,
                stage: if open {
                    Stage::Waiting(self.live(key, body))
                } else {
                    Stage::Ended(body)
                },
                awaiter: None,
                stop: None,
            });
            key
        };
        if open {
            self.ready.borrow_mut().push_back(key);
            self.call_from_afar();
        }
        key
    }

    fn live(&self, key: Key, body: Pin<Box<dyn Body>>) -> Live {
        let mut spare = self.spare.borrow_mut().pop();
        let ticket = match spare.as_mut().and_then(Arc::get_mut) {
            Some(ticket) => {
                ticket.key = key;
                spare.expect("it was looked at")
            }
            None => Ticket::new(&self.inbox, key),
        };
        Live {
            body,
            waker: Waker::from(Arc::clone(&ticket)),
            ticket,
        }
    }

    /// Something was put into `ready`: calls whoever drives, if that is not the caller.
    fn call_from_afar(&self) {
        if !is_here(&self.inbox) {
            self.inbox.call();
        }
    }

    /// Queues the task, if it is there and not queued.
    pub(super) fn enqueue(&self, key: Key) {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.get_mut(key.place);
        if let Some(slot) = slot.filter(|slot| slot.serial == key.serial && !slot.queued) {
            if !matches!(slot.stage, Stage::Ended(_)) {
                slot.queued = true;
                self.ready.borrow_mut().push_back(key);
            }
        }
    }

    /// Polls the task, or cancels it.
    pub(super) fn run(&self, key: Key) {
        let taken = {
            let mut slots = self.slots.borrow_mut();
            let slot = slots.get_mut(key.place);
            let Some(slot) = slot.filter(|slot| slot.serial == key.serial) else {
                return;
            };
            slot.queued = false;
            match std::mem::replace(&mut slot.stage, Stage::Out) {
                Stage::Waiting(live) => {
                    let over = slot.stop.as_deref().is_some_and(Stop::is_over);
                    Some((live, slot.cancelled || over))
                }
                Stage::Out => {
                    slot.missed = true;
                    None
                }
                ended => {
                    slot.stage = ended;
                    None
                }
            }
        };
        let Some((mut live, cancel)) = taken else {
            return;
        };
        let ended = if cancel {
            live.body.as_mut().cancel();
            true
        } else {
            current::renew_budget();
            let cx = &mut Context::from_waker(&live.waker);
            live.body.as_mut().poll(cx)
        };
        if ended {
            self.end(key, live);
        } else {
            self.put_back(key, live);
        }
    }

    fn put_back(&self, key: Key, live: Live) {
        let again = {
            let mut slots = self.slots.borrow_mut();
            let slot = &mut slots[key.place];
            slot.stage = Stage::Waiting(live);
            std::mem::take(&mut slot.missed)
        };
        if again {
            self.enqueue(key);
        }
    }

    /// The one way out of a task, taken once its future is gone.
    fn end(&self, key: Key, live: Live) {
        let Live {
            body,
            mut ticket,
            waker,
        } = live;
        drop(waker);
        if Arc::get_mut(&mut ticket).is_some() {
            let mut spare = self.spare.borrow_mut();
            if spare.len() < SPARE {
                spare.push(ticket);
            }
        }
        let (unwanted, awaiter, stop) = {
            let mut slots = self.slots.borrow_mut();
            let slot = &mut slots[key.place];
            let (awaiter, stop) = (slot.awaiter.take(), slot.stop.take());
            if slot.joined {
                slot.stage = Stage::Ended(body);
                (None, awaiter, stop)
            } else {
                slots.remove(key.place);
                (Some(body), awaiter, stop)
            }
        };
        if let Some(stop) = stop {
            stop.end();
        }
        if let Some(awaiter) = awaiter {
            contain::wake(awaiter);
        }
        drop(unwanted);
    }

    /// Takes the next task that is to be polled.
    pub(super) fn next(&self) -> Option<Key> {
        self.ready.borrow_mut().pop_front()
    }

    /// Whether some task is to be polled.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// Looks for what was posted.
    pub(super) fn fetch(&self) {
        let mut mail = self.mail.take();
        self.inbox.collect(&mut mail);
        self.sort(mail);
    }

    /// The same; but if nothing was, whoever asks is about to sleep, and is called by `waker`.
    pub(super) fn fetch_or_arm(&self, id: u64, waker: &Waker) -> bool {
        let mut mail = self.mail.take();
        let armed = self.inbox.collect_or_arm(id, waker.clone(), &mut mail);
        self.sort(mail);
        armed
    }

    fn sort(&self, mut mail: Mail) {
        for ticket in mail.woken.drain(..) {
            self.enqueue(ticket.key);
        }
        for key in mail.stopped.drain(..) {
            self.cancel(key);
        }
        self.mail.set(mail);
    }

    /// Drops every future that is left, on this thread, which is theirs.
    pub(super) fn close(self: &Rc<Self>) {
        let _here = Here::enter(self);
        let _no_values = NoValues::begin();
        self.open.set(false);
        self.inbox.close();
        let left: Vec<Key> = {
            let slots = self.slots.borrow();
            let waiting = slots
                .iter()
                .filter(|(_, slot)| !matches!(slot.stage, Stage::Ended(_)));
            let key = |(place, slot): (usize, &Slot)| Key {
                place,
                serial: slot.serial,
            };
            waiting.map(key).collect()
        };
        for key in left {
            self.cancel(key);
            self.run(key);
        }
        self.ready.borrow_mut().clear();
        self.spare.borrow_mut().clear();
    }

    /// How many tasks there are that have not ended.
    pub(super) fn len(&self) -> usize {
        let slots = self.slots.borrow();
        let left = slots
            .iter()
            .filter(|(_, slot)| !matches!(slot.stage, Stage::Ended(_)));
        left.count()
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            inbox: Inbox::new(),
            slots: RefCell::default(),
            ready: RefCell::default(),
            spare: RefCell::default(),
            mail: Cell::default(),
            serial: Cell::new(0),
            open: Cell::new(true),
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}
