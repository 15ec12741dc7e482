//! Who still holds a group: a table of its handles, each with its name, place and age.
//!
//! The table is locked for an entry to come, to go, and for [`outstanding`] to read it; a group's
//! completion does not touch it.

use alloc::borrow::Cow;
use core::fmt;
use core::panic::Location;
use std::time::{Duration, Instant};

use crate::slab::{Key, Slab};
use crate::sync::{Arc, Lock, Weak};
use crate::waiters::Waiters;
use crate::{Wait, WaitGroup};

impl WaitGroup {
    /// Who holds the group: every handle that has not been dropped, this one included, the oldest
    /// first.
    ///
    /// # Cost
    ///
    /// One lock and some allocations; for people to read, not for hot loops.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let (group, line) = (WaitGroup::new(), line!());
    /// let _backup = group.named("backup");
    /// let held = group.outstanding();
    /// assert_eq!(held.len(), 2);
    /// assert_eq!(held[0].location().line(), line);
    /// assert_eq!(held[1].name(), Some("backup"));
    /// ```
    pub fn outstanding(&self) -> Vec<Outstanding> {
        outstanding(&self.0.workers().waiters)
    }
}

impl Wait {
    /// Who holds the group; see [`WaitGroup::outstanding`]. Empty if the group is done.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let _worker = group.named("reader");
    /// let waiter = group.wait();
    /// assert_eq!(waiter.outstanding()[0].name(), Some("reader"));
    /// ```
    pub fn outstanding(&self) -> Vec<Outstanding> {
        outstanding(self.waiters())
    }
}

/// A worker handle that had not been dropped when its group was asked who is
/// [`outstanding`](crate::WaitGroup::outstanding).
#[derive(Clone, Debug)]
pub struct Outstanding {
    name: Option<Name>,
    location: &'static Location<'static>,
    age: Duration,
    depth: usize,
}

impl Outstanding {
    /// The name it was given with [`named`](crate::WaitGroup::named), or that of the handle it was
    /// cloned from.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Name::as_str)
    }

    /// Where the handle was made: the call of `new`, `clone`, `named`, `child`, `track` or `try_join`.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// How long it had been there.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// 0 for a handle of the group that was asked, 1 for a handle of a child group, and so on. What
    /// is in a child group comes after the handle with which the child holds its parent.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name}")?,
            None => f.write_str("a worker")?,
        }
        write!(f, " ({}, for {:.1?})", self.location, self.age)
    }
}

/// A name that costs nothing to clone.
#[derive(Clone)]
pub(crate) enum Name {
    Static(&'static str),
    Shared(std::sync::Arc<str>),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }
}

impl From<Cow<'static, str>> for Name {
    fn from(name: Cow<'static, str>) -> Self {
        match name {
            Cow::Borrowed(name) => Name::Static(name),
            Cow::Owned(name) => Name::Shared(name.into()),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The handles of one group.
pub(crate) struct Table(Lock<Slab<Entry>>);

impl Table {
    pub(crate) fn new() -> Self {
        Table(Lock::new(Slab::default()))
    }
}

/// A handle in the table.
struct Entry {
    name: Option<Name>,
    location: &'static Location<'static>,
    since: Instant,
    /// The group that holds this handle, if a child group does.
    child: Option<Weak<Waiters>>,
}

/// A handle's entry in its group's table; dropping it takes the entry out.
pub(crate) struct Seat {
    group: Arc<Waiters>,
    key: Key,
    name: Option<Name>,
}

impl Seat {
    #[track_caller]
    pub(crate) fn take(group: &Arc<Waiters>, name: Option<Name>) -> Self {
        let entry = Entry {
            name: name.clone(),
            location: Location::caller(),
            since: Instant::now(),
            child: None,
        };
        let mut entered = group.trace.0.with(|table| table.insert(entry));
        let key = loop {
            let full = match entered {
                Ok(key) => break key,
                Err(full) => full,
            };
            let mut spare = Vec::with_capacity(full.wanted);
            entered = group.trace.0.with(|table| {
                table.grow(&mut spare);
                table.insert(full.value)
            });
        };
        let group = Arc::clone(group);
        Seat { group, key, name }
    }

    pub(crate) fn name(&self) -> Option<Name> {
        self.name.clone()
    }

    /// Notes that a child group holds this handle, so that its own handles can be listed.
    pub(crate) fn is_held_by(&self, child: &Arc<Waiters>) {
        let child = Arc::downgrade(child);
        self.group.trace.0.with(|table| {
            if let Some(entry) = table.get_mut(self.key) {
                entry.child = Some(child);
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Name and emptied memory are freed after the lock was given back.
        let mut spare = Vec::new();
        let remove = |table: &mut Slab<Entry>| table.remove(self.key, &mut spare);
        let entry = self.group.trace.0.with(remove);
        drop(entry);
    }
}

/// The handles of `group`, the oldest first, each followed by those of the child group that holds it.
pub(crate) fn outstanding(group: &Arc<Waiters>) -> Vec<Outstanding> {
    let now = Instant::now();
    let mut found = Vec::new();
    // A stack, not a recursion: groups may be nested to any depth.
    let mut ahead = youngest_first(group, 0, now);
    while let Some((handle, child)) = ahead.pop() {
        let depth = handle.depth + 1;
        found.push(handle);
        if let Some(child) = child {
            ahead.append(&mut youngest_first(&child, depth, now));
        }
    }
    found
}

/// The handles of one group with the child groups that hold them.
fn youngest_first(
    group: &Waiters,
    depth: usize,
    now: Instant,
) -> Vec<(Outstanding, Option<Arc<Waiters>>)> {
    // The one place where memory is allocated under a lock of ours: a list of what is there cannot
    // be sized before.
    let mut handles: Vec<_> = group.trace.0.with(|table| {
        let entries = table.iter().map(|entry| {
            let handle = Outstanding {
                name: entry.name.clone(),
                location: entry.location,
                age: now.saturating_duration_since(entry.since),
                depth,
            };
            (handle, entry.child.as_ref().and_then(Weak::upgrade))
        });
        entries.collect()
    });
    handles.sort_by_key(|(handle, _)| handle.age);
    handles
}
