//! Drives the tasks of a local executor: a part of some future that is polled.

use std::rc::Rc;
use std::task::{Context, Waker};

use crate::surroundings::NoValues;

use super::here::Here;
use super::tasks::Tasks;

/// So many polls in a row until whoever drives lets its neighbours run, and looks for what was posted.
const TURN: usize = 64;

/// Somebody who drives the tasks.
pub(super) struct Runner<'a> {
    tasks: &'a Rc<Tasks>,
    id: u64,
}

impl<'a> Runner<'a> {
    pub(super) fn new(tasks: &'a Rc<Tasks>) -> Self {
        Self {
            tasks,
            id: tasks.next_serial(),
        }
    }

    /// Polls tasks that are ready, up to a turn of them. The waker of `cx` is called when there are more.
    pub(super) fn drive(&self, cx: &mut Context<'_>) {
        if !self.take_turn(cx.waker()) || self.tasks.is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Says whether there was nothing more to do, and `waker` is called when there is.
    fn take_turn(&self, waker: &Waker) -> bool {
        let tasks = self.tasks;
        let _here = Here::enter(tasks);
        // What surrounds whoever drives does not surround the tasks.
        let _no_values = NoValues::begin();
        tasks.fetch();
        for _ in 0..TURN {
            match tasks.next() {
                Some(key) => tasks.run(key),
                None if tasks.fetch_or_arm(self.id, waker) => return true,
                None => {}
            }
        }
        false
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        self.tasks.inbox.disarm(self.id);
        if self.tasks.is_ready() {
            // Another one may be asleep that could have run them.
            self.tasks.inbox.call();
        }
    }
}
