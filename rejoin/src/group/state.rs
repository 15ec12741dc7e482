//! What a group knows of its tasks. Everything here runs under the group's lock, and decides; what is to
//! be done about it, a wake or a spawn, is handed out and done after the lock was given back.
//!
//! # A member's life
//!
//! A task that the group takes becomes a *member*. It is *settled* when two things have happened, in
//! either order, on any two threads: it has ended ([`State::end`]), and whoever spawned or cancelled it
//! has left the handle, or the news that it was cancelled, here ([`State::hold`]). Only what is settled
//! is given out or forgotten, so a key never changes its meaning in between.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::Waker;

use rejoin_wait_group::WaitGroup;
use slab::Slab;

use super::member::Seat;
use super::places::{Places, Turn};
use super::shared::Node;
use crate::hooks::TaskInfo;
use crate::join_handle::JoinHandle;

/// Starts a task that had to wait for its place.
pub(super) type Start<R> = Box<dyn FnOnce(Seat<R>) -> JoinHandle<R> + Send>;

pub(super) struct State<R: Send + 'static> {
    members: Slab<Member<R>>,
    /// The keys of those that are settled and not yet given out, in the order of their ends.
    settled: VecDeque<usize>,
    /// Members that are not settled.
    live: usize,
    /// How many tasks the group has ever taken.
    taken: u64,
    /// The number of the first task that failed.
    first: Option<u64>,
    keep: Keep,
    pub(super) keep_going: bool,
    pub(super) cancelled: bool,
    /// The owner spawns no more: the group is over when nothing is live.
    closing: bool,
    /// Held until the group is over.
    pub(super) open: Option<WaitGroup>,
    pub(super) places: Places<Start<R>>,
    /// Who waits in `next`.
    waker: Option<Waker>,
    pub(super) children: Slab<Weak<dyn Node>>,
}

/// What is kept of tasks that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    All,
    /// Only the first that failed.
    Failure,
    /// The owner is gone.
    Nothing,
}

/// How a task ended, as its seat tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Ready,
    Failed,
    Cancelled,
}

/// A task of the group.
pub(super) struct Member<R> {
    /// Counts in the order of spawns.
    pub(super) number: u64,
    pub(super) held: Held<R>,
    how: Option<How>,
}

/// The way to a member's output.
pub(super) enum Held<R> {
    /// Not yet spawned, or about to be cancelled.
    Nothing,
    Handle(JoinHandle<R>),
    /// It was cancelled by the group.
    Cancelled(Box<TaskInfo>),
}

/// Whether a task is taken.
pub(super) enum Admitted {
    /// Under this key; it has a place.
    Taken(usize),
    /// There is no place.
    Full,
    /// The group was cancelled, or is over.
    Refused,
}

/// What is to be done, or dropped, after the lock was given back.
pub(super) struct Todo<R: Send + 'static> {
    pub(super) waker: Option<Waker>,
    pub(super) over: Option<WaitGroup>,
    pub(super) next: Option<Turn<Start<R>>>,
    pub(super) turned_away: Vec<Turn<Start<R>>>,
    pub(super) unwanted: Option<Member<R>>,
    /// The first failure: the others are to be cancelled.
    pub(super) stop: bool,
}

impl<R: Send + 'static> Todo<R> {
    fn nothing() -> Self {
        Self {
            waker: None,
            over: None,
            next: None,
            turned_away: Vec::new(),
            unwanted: None,
            stop: false,
        }
    }
}

/// What waits for whoever asks for the next output.
pub(super) enum Settled<R> {
    One(Member<R>, bool),
    /// Nothing is live.
    None,
    /// The waker was kept; this is the one before.
    Later(Option<Waker>),
}

impl<R: Send + 'static> State<R> {
    pub(super) fn new(open: WaitGroup) -> Self {
        Self {
            members: Slab::new(),
            settled: VecDeque::new(),
            live: 0,
            taken: 0,
            first: None,
            keep: Keep::All,
            keep_going: false,
            cancelled: false,
            closing: false,
            open: Some(open),
            places: Places::unlimited(),
            waker: None,
            children: Slab::new(),
        }
    }

    pub(super) fn keep_less(&mut self, keep: Keep) {
        self.keep = keep;
    }

    pub(super) fn refuses(&self) -> bool {
        self.cancelled || self.open.is_none()
    }

    /// A task that runs now, if there is a place.
    pub(super) fn admit(&mut self) -> Admitted {
        if self.refuses() {
            Admitted::Refused
        } else if self.places.take() {
            Admitted::Taken(self.enter())
        } else {
            Admitted::Full
        }
    }

    /// A member for whom a place was taken or need not be.
    pub(super) fn enter(&mut self) -> usize {
        self.live += 1;
        self.taken += 1;
        self.members.insert(Member {
            number: self.taken,
            held: Held::Nothing,
            how: None,
        })
    }

    /// A member has ended: its future is gone.
    pub(super) fn end(&mut self, key: usize, how: How) -> Todo<R> {
        let member = &mut self.members[key];
        member.how = Some(how);
        let fails_first = how == How::Failed && self.first.is_none();
        if fails_first {
            self.first = Some(member.number);
        }
        let is_held = !matches!(member.held, Held::Nothing);
        let mut todo = if is_held {
            self.settle(key)
        } else {
            Todo::nothing()
        };
        todo.stop = fails_first && !self.keep_going && !self.cancelled;
        if !self.cancelled && !todo.stop {
            todo.next = self.places.pass_on();
        }
        todo
    }

    /// The way to a member's output. If the group was cancelled meanwhile, the handle comes back, for the
    /// caller to cancel the task.
    pub(super) fn hold(&mut self, key: usize, held: Held<R>) -> Result<Todo<R>, JoinHandle<R>> {
        let member = &mut self.members[key];
        match held {
            Held::Handle(handle) if self.cancelled && member.how.is_none() => return Err(handle),
            held => member.held = held,
        }
        let ended = member.how.is_some();
        Ok(if ended {
            self.settle(key)
        } else {
            Todo::nothing()
        })
    }

    fn settle(&mut self, key: usize) -> Todo<R> {
        let mut todo = Todo::nothing();
        self.live -= 1;
        let kept = match self.keep {
            Keep::All => true,
            Keep::Failure => self.first == Some(self.members[key].number),
            Keep::Nothing => false,
        };
        if kept {
            self.settled.push_back(key);
        } else {
            todo.unwanted = Some(self.members.remove(key));
        }
        if kept || self.live == 0 {
            todo.waker = self.waker.take();
        }
        self.end_if_over(&mut todo);
        todo
    }

    /// The owner spawns no more.
    pub(super) fn close(&mut self) -> Todo<R> {
        let mut todo = Todo::nothing();
        self.closing = true;
        self.end_if_over(&mut todo);
        todo
    }

    fn end_if_over(&mut self, todo: &mut Todo<R>) {
        if self.closing && self.live == 0 {
            todo.over = self.open.take();
            todo.turned_away = self.places.close().collect();
        }
    }

    /// Takes what is settled, or leaves the waker. A waker is given only by who has looked before.
    pub(super) fn next(&mut self, waker: &mut Option<Waker>) -> Settled<R> {
        if let Some(key) = self.settled.pop_front() {
            let member = self.members.remove(key);
            let is_first = self.first == Some(member.number);
            Settled::One(member, is_first)
        } else if self.live == 0 {
            Settled::None
        } else if let Some(waker) = waker.take() {
            Settled::Later(self.waker.replace(waker))
        } else {
            Settled::Later(None)
        }
    }

    /// Whether who waits in `next` would be woken by this waker.
    pub(super) fn has(&self, waker: &Waker) -> bool {
        self.waker
            .as_ref()
            .is_some_and(|ours| ours.will_wake(waker))
    }

    /// Takes all that is settled, in no order, and the number of the first that failed.
    pub(super) fn take_settled(&mut self) -> (Vec<Member<R>>, Option<u64>) {
        if self.live == 0 {
            self.settled.clear();
            let members = mem::take(&mut self.members);
            return (
                members.into_iter().map(|(_, member)| member).collect(),
                self.first,
            );
        }
        let keys = mem::take(&mut self.settled);
        let members = keys.into_iter().map(|key| self.members.remove(key));
        (members.collect(), self.first)
    }

    /// Takes the handles of those that have not ended, each with its key.
    pub(super) fn take_handles(&mut self) -> Vec<(usize, JoinHandle<R>)> {
        let mut handles = Vec::with_capacity(self.live);
        for (key, member) in &mut self.members {
            if member.how.is_none() && matches!(member.held, Held::Handle(_)) {
                if let Held::Handle(handle) = mem::replace(&mut member.held, Held::Nothing) {
                    handles.push((key, handle));
                }
            }
        }
        handles
    }

    /// Those that were cancelled before, and are still in their last poll.
    pub(super) fn lingering(&self) -> impl Iterator<Item = TaskInfo> {
        self.members
            .iter()
            .filter_map(|(_, member)| match &member.held {
                Held::Cancelled(info) if member.how.is_none() => Some(TaskInfo::clone(info)),
                _ => None,
            })
    }

    pub(super) fn children(&self) -> impl Iterator<Item = Arc<dyn Node>> {
        self.children
            .iter()
            .filter_map(|(_, child)| child.upgrade())
    }

    pub(super) fn unfinished(&self) -> usize {
        self.live
    }
}
