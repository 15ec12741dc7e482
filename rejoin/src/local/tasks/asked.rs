//! What the handle of a task asks.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::hooks::TaskInfo;
use crate::task::Outcome;

use super::{Key, Stage, Stop, Tasks};

impl Tasks {
    /// What came of the task, once: the slot is given up with it.
    pub(in crate::local) fn poll<R: 'static>(
        &self,
        key: Key,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome<R>> {
        let mut waker = None;
        loop {
            let mut slots = self.slots.borrow_mut();
            let slot = &mut slots[key.place];
            if let Stage::Ended(_) = slot.stage {
                let Stage::Ended(mut body) = slots.remove(key.place).stage else {
                    unreachable!("it was just looked at");
                };
                drop(slots);
                let outcome: &mut dyn Any = body.as_mut().outcome();
                let outcome = outcome.downcast_mut::<Option<Outcome<R>>>();
                let outcome = outcome.and_then(Option::take);
                return Poll::Ready(outcome.expect("a handle of the type that was spawned"));
            }
            if slot
                .awaiter
                .as_ref()
                .is_some_and(|awaiter| awaiter.will_wake(cx.waker()))
            {
                return Poll::Pending;
            }
            if let Some(waker) = waker.take() {
                let stale = slot.awaiter.replace(waker);
                drop(slots);
                drop(stale);
                return Poll::Pending;
            }
            // To clone a waker is user code: the task may end meanwhile.
            drop(slots);
            waker = Some(cx.waker().clone());
        }
    }

    /// The handle is gone.
    pub(in crate::local) fn release(&self, key: Key) {
        let gone = {
            let mut slots = self.slots.borrow_mut();
            let slot = &mut slots[key.place];
            slot.joined = false;
            match slot.stage {
                Stage::Ended(_) => (Some(slots.remove(key.place)), None),
                _ => (None, slot.awaiter.take()),
            }
        };
        drop(gone);
    }

    /// The task is not to be polled again, and its future dropped soon.
    pub(in crate::local) fn cancel(&self, key: Key) {
        {
            let mut slots = self.slots.borrow_mut();
            let slot = slots.get_mut(key.place);
            let Some(slot) = slot.filter(|slot| slot.serial == key.serial) else {
                return;
            };
            slot.cancelled = true;
            if let Some(stop) = &slot.stop {
                stop.end();
            }
        }
        self.enqueue(key);
        self.call_from_afar();
    }

    /// Whether the task has ended, or was cancelled.
    pub(in crate::local) fn is_over(&self, key: Key) -> bool {
        let slots = self.slots.borrow();
        let slot = &slots[key.place];
        slot.cancelled
            || matches!(slot.stage, Stage::Ended(_))
            || slot.stop.as_deref().is_some_and(Stop::is_over)
    }

    /// The cell for cancel handles of the task.
    pub(in crate::local) fn stop(&self, key: Key, info: &TaskInfo) -> Arc<Stop> {
        let over = self.is_over(key);
        let mut slots = self.slots.borrow_mut();
        let stop = &mut slots[key.place].stop;
        let made = stop.get_or_insert_with(|| Stop::new(&self.inbox, key, info.clone(), over));
        Arc::clone(made)
    }
}
