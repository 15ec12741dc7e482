//! Whose tasks are driven on this thread.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use crate::surroundings::{set_local, with_local};

use super::inbox::{Inbox, Ticket};
use super::tasks::Tasks;

/// While it lives, the thread drives these tasks, and a free `spawn_local` means them.
pub(super) struct Here(Option<Rc<dyn Any>>);

impl Here {
    pub(super) fn enter(tasks: &Rc<Tasks>) -> Self {
        Self(set_local(Some(Rc::clone(tasks) as Rc<dyn Any>)))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        drop(set_local(self.0.take()));
    }
}

/// The tasks that are driven on this thread.
pub(super) fn here() -> Option<Rc<Tasks>> {
    with_local(|tasks| Rc::clone(tasks).downcast().ok()).flatten()
}

/// Whether those of `inbox` are.
pub(super) fn is_here(inbox: &Arc<Inbox>) -> bool {
    with_tasks_of(inbox, |_| ())
}

/// Wakes the task of `ticket` if it is driven on this thread.
pub(super) fn wake_here(ticket: &Ticket) -> bool {
    with_tasks_of(&ticket.inbox, |tasks| tasks.enqueue(ticket.key))
}

/// Lets `act` at the tasks of `inbox` if they are driven on this thread.
#[inline]
fn with_tasks_of(inbox: &Arc<Inbox>, act: impl FnOnce(&Tasks)) -> bool {
    let found = with_local(|tasks| match tasks.downcast_ref::<Tasks>() {
        Some(tasks) if Arc::ptr_eq(&tasks.inbox, inbox) => {
            act(tasks);
            true
        }
        _ => false,
    });
    found == Some(true)
}
