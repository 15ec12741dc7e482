//! The names of tasks, by numbers that a worker can publish.
//!
//! A worker says what it polls in plain stores ([`seat`](crate::seat)), and a name is no plain value. Its
//! number is: whoever reads the number asks for the name here.
//!
//! # Invariant
//!
//! As long as a task lives, its number leads to its name and to no other.
//!
//! # Why it holds
//!
//! The number is a place in a slab, taken when the name is made and given back when its last owner drops it; the task
//! is one of the owners. A number that is read late may by then belong to another name, so readers look again
//! whether the task whose number it was is still polled.
//!
//! Names are made once for many polls, so the lock is taken where a name is allocated and where it is freed, never
//! where a task is polled.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Weak};

use slab::Slab;

use crate::sync::Lock;

static NAMES: LazyLock<Lock<Slab<Weak<Rare>>>> = LazyLock::new(|| Lock::new(Slab::new()));

/// What only few tasks carry; one allocation for those that do.
#[derive(Debug)]
pub(crate) struct Rare {
    pub(crate) name: Cow<'static, str>,
    place: usize,
}

impl Rare {
    pub(crate) fn new(name: Cow<'static, str>) -> Arc<Self> {
        Arc::new_cyclic(|weak| Self {
            name,
            place: NAMES.lock().insert(Weak::clone(weak)),
        })
    }

    /// The number under which [`by_number`] finds this; never 0.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.place as u64 + 1
    }
}

impl Drop for Rare {
    fn drop(&mut self) {
        NAMES.lock().remove(self.place);
    }
}

/// What has this number at the moment, if anything.
pub(crate) fn by_number(number: u64) -> Option<Arc<Rare>> {
    let place = usize::try_from(number.checked_sub(1)?).ok()?;
    let names = NAMES.lock();
    // Given back outside the lock: its drop takes it.
    names.get(place)?.upgrade()
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_number_leads_to_its_name_as_long_as_that_lives() {
        let (one, other) = (Rare::new("one".into()), Rare::new("other".into()));
        let number = one.number();
        assert_ne!(number, other.number());
        assert_eq!(by_number(number).unwrap().name, "one");
        assert_eq!(by_number(other.number()).unwrap().name, "other");
        drop(one);
        assert!(by_number(number).is_none_or(|next| next.name != "one"));
        assert!(by_number(0).is_none());
    }
}
