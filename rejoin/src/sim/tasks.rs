//! The tasks of a simulation that have not ended, for the report of a deadlock.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::trace::quoted;
use crate::hooks::{TaskId, TaskInfo};

/// See the module's documentation. Tasks are numbered in the order of their spawns, because ids differ
/// from run to run.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    living: BTreeMap<TaskId, Living>,
    spawned: u64,
}

#[derive(Debug)]
struct Living {
    number: u64,
    info: TaskInfo,
    polls: u64,
    /// The task whose handle it polled last, without getting the output.
    awaits: Option<TaskId>,
}

impl Tasks {
    pub(crate) fn spawned(&mut self, info: &TaskInfo) {
        self.spawned += 1;
        let living = Living {
            number: self.spawned,
            info: info.clone(),
            polls: 0,
            awaits: None,
        };
        self.living.insert(info.id(), living);
    }

    /// Counts a poll; the task's number, 0 if it is not known.
    pub(crate) fn polled(&mut self, id: TaskId) -> u64 {
        self.living.get_mut(&id).map_or(0, |living| {
            living.polls += 1;
            living.awaits = None;
            living.number
        })
    }

    pub(crate) fn awaits(&mut self, id: TaskId, other: TaskId) {
        if let Some(living) = self.living.get_mut(&id) {
            living.awaits = Some(other);
        }
    }

    pub(crate) fn finished(&mut self, id: TaskId) {
        self.living.remove(&id);
    }

    /// A line for each task that has not ended, in the order of their spawns.
    pub(crate) fn report(&self) -> String {
        let mut living: Vec<_> = self.living.values().collect();
        living.sort_unstable_by_key(|living| living.number);
        let mut text = String::new();
        for one in living {
            let _ = write!(
                text,
                "  task #{} {}spawned at {} ",
                one.number,
                quoted(&one.info),
                one.info.location()
            );
            let awaited = one.awaits.and_then(|other| self.living.get(&other));
            let _ = match awaited {
                Some(other) => writeln!(text, "awaits task #{}", other.number),
                None if one.polls == 0 => writeln!(text, "has not been polled"),
                None => writeln!(text, "waits after {} polls", one.polls),
            };
        }
        text
    }
}
