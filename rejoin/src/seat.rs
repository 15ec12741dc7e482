//! A worker's seat: its queue, and what the others may know of whoever holds it.
//!
//! A seat outlives the threads that take it in turn. A worker that blocks hands its [`Held`] seat,
//! queue and all, to another thread; an executor that ends leaves its seats to the next one in the
//! same place. The public half ([`Seat`]) stays in the scheduler's table for ever, so that thieves
//! read it without a lock.

mod held;

use std::panic::Location;
use std::time::Instant;

use crossbeam_utils::CachePadded;
use crossbeam_utils::atomic::AtomicCell;

use crate::hooks::{TaskId, TaskInfo};
use crate::names;
use crate::run_queue::{RunQueue, Stealers};
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::task::Meta;

pub(crate) use held::Held;

pub(crate) type Runnable = async_task::Runnable<Meta>;

/// What everybody may know.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) stealers: Stealers<Runnable>,
    published: CachePadded<Published>,
    /// When the watcher first saw the poll that it has found slow. Apart from what is written at each poll.
    slow_since: AtomicCell<Option<Instant>>,
}

/// Written by the holder in plain stores, but for `slow`.
#[derive(Debug)]
struct Published {
    /// Polls begun.
    polls: AtomicU64,
    /// Where the task that is polled was spawned; `None` between tasks.
    place: AtomicCell<Option<&'static Location<'static>>>,
    /// The id of that task.
    task: AtomicU64,
    /// Its tag.
    tag: AtomicU64,
    /// The id of the last task that had a name, and the number of that name: see `names`.
    named: AtomicU64,
    name: AtomicU64,
    /// Set by the watcher, cleared by the holder at its next poll.
    slow: AtomicBool,
    /// Whether the holder is a guest, which does not run what lies in its queue.
    guest: AtomicBool,
}

impl Seat {
    /// A new seat, and the queue that goes with it.
    pub(crate) fn new() -> (Self, RunQueue<Runnable>) {
        let queue = RunQueue::new();
        let seat = Self {
            stealers: queue.stealers(),
            published: CachePadded::new(Published {
                polls: AtomicU64::new(0),
                place: AtomicCell::new(None),
                task: AtomicU64::new(0),
                tag: AtomicU64::new(0),
                named: AtomicU64::new(0),
                name: AtomicU64::new(0),
                slow: AtomicBool::new(false),
                guest: AtomicBool::new(false),
            }),
            slow_since: AtomicCell::new(None),
        };
        (seat, queue)
    }

    /// Publishes that the holder begins to poll the task with this id and tag, spawned in this place.
    #[inline]
    fn publish(&self, place: &'static Location<'static>, task: u64, tag: u64) {
        let published = &*self.published;
        // Ordering: Relaxed throughout this file. The watcher compares values over whole ticks; that
        // it may see one of them late costs a tick, and no data hangs on any of them.
        let polls = published.polls.load(Ordering::Relaxed);
        published.polls.store(polls + 1, Ordering::Relaxed);
        published.place.store(Some(place));
        published.task.store(task, Ordering::Relaxed);
        published.tag.store(tag, Ordering::Relaxed);
        if published.slow.load(Ordering::Relaxed) {
            published.slow.store(false, Ordering::Relaxed);
        }
    }

    /// Publishes the number of that task's name.
    #[inline]
    fn publish_name(&self, task: u64, name: u64) {
        // Ordering: Relaxed, as in `publish`.
        self.published.named.store(task, Ordering::Relaxed);
        self.published.name.store(name, Ordering::Relaxed);
    }

    /// What is published at the moment.
    fn shown(&self) -> Shown {
        let published = &*self.published;
        // Ordering: Relaxed, as in `publish`.
        let task = published.task.load(Ordering::Relaxed);
        // Ordering: likewise.
        let is_named = published.named.load(Ordering::Relaxed) == task;
        Shown {
            place: published.place.load(),
            task,
            tag: published.tag.load(Ordering::Relaxed),
            name: if is_named {
                // Ordering: likewise.
                published.name.load(Ordering::Relaxed)
            } else {
                0
            },
        }
    }

    /// Which task the holder polls. Exact for a poll that has lasted for a while; one that begins or ends at this
    /// moment may be passed over, or shown with a part of the one before.
    pub(crate) fn polled(&self) -> Option<TaskInfo> {
        let (polls, shown) = (self.polling()?, self.shown());
        let info = shown.info();
        (self.polling() == Some(polls)).then_some(info).flatten()
    }

    /// Publishes that the holder polls nothing.
    fn end(&self) {
        self.published.place.store(None);
        // Ordering: Relaxed, as in `publish`.
        self.published.slow.store(false, Ordering::Relaxed);
    }

    /// How many polls were begun, if one is going on.
    pub(crate) fn polling(&self) -> Option<u64> {
        self.published.place.load()?;
        // Ordering: Relaxed, as in `publish`.
        Some(self.published.polls.load(Ordering::Relaxed))
    }

    /// Whether the watcher has found the current poll slow.
    #[inline]
    pub(crate) fn is_slow(&self) -> bool {
        // Ordering: Relaxed, as in `publish`.
        self.published.slow.load(Ordering::Relaxed)
    }

    /// Whether the holder is a guest.
    #[inline]
    pub(crate) fn is_guest(&self) -> bool {
        // Ordering: Relaxed, as in `publish`.
        self.published.guest.load(Ordering::Relaxed)
    }

    /// Says whether the holder is a guest.
    pub(crate) fn set_guest(&self, guest: bool) {
        // Ordering: Relaxed, as in `publish`. A guest calls for help at its pushes, behind a fence.
        self.published.guest.store(guest, Ordering::Relaxed);
    }

    /// Marks the current poll as slow, if it is not; it was `seen` at that moment for the first time.
    pub(crate) fn mark_slow(&self, seen: Option<Instant>) {
        if !self.is_slow() {
            self.slow_since.store(seen);
            // Ordering: Relaxed, as in `publish`.
            self.published.slow.store(true, Ordering::Relaxed);
        }
    }

    /// Since when, at least, the current poll lasts, if the watcher has found it slow.
    pub(crate) fn slow_since(&self) -> Option<Instant> {
        self.is_slow().then(|| self.slow_since.load()).flatten()
    }
}

/// What a seat shows of a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    place: Option<&'static Location<'static>>,
    task: u64,
    tag: u64,
    /// The number of the task's name, or 0.
    name: u64,
}

impl Shown {
    /// The task, if there is one. To be asked while it is polled.
    pub(crate) fn info(&self) -> Option<TaskInfo> {
        let location = self.place.filter(|_| self.task != 0)?;
        Some(TaskInfo {
            id: TaskId(self.task),
            tag: self.tag,
            location,
            rare: names::by_number(self.name),
        })
    }
}

/// What a seat said before an inner poll began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outer {
    pub(crate) shown: Shown,
    slow: bool,
}
