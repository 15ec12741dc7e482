//! Values under keys: room for one inline, and for the rest in a vector with a free list.
//!
//! It lives under a lock, so it never allocates and never frees. Whoever calls hands in a `spare`
//! buffer; what the slab outgrows or has no more use for comes back in it, and is freed after the
//! lock is open again. A slab that needs room says how much ([`Full`]), and the caller comes back
//! with it.
//!
//! A key is good until its value is removed or the slab is taken, and then it is its owner's duty
//! to forget it: keys carry no generation. A key used after the slab was taken finds nothing.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

/// Where a value is: 1 is the inline place, 2 the first of the vector, and so on.
#[derive(Clone, Copy)]
pub(crate) struct Key(NonZeroUsize);

impl Key {
    const INLINE: Key = Key(NonZeroUsize::MIN);

    fn in_vector(index: usize) -> Key {
        Key(NonZeroUsize::MIN.saturating_add(index).saturating_add(1))
    }

    /// Its index in the vector, unless it is the inline place.
    fn index(self) -> Option<usize> {
        self.0.get().checked_sub(2)
    }
}

/// A place in the vector.
pub(crate) enum Slot<T> {
    Taken(T),
    /// Free, and the head of the rest of the free list.
    Free(Option<Key>),
}

/// A buffer that goes in and comes out through the lock.
pub(crate) type Spare<T> = Vec<Slot<T>>;

/// The value that found no room, and the capacity of the spare buffer to come back with.
pub(crate) struct Full<T> {
    pub(crate) value: T,
    pub(crate) wanted: usize,
}

/// The values. The default is empty and owns no memory.
pub(crate) struct Slab<T> {
    inline: Option<T>,
    slots: Vec<Slot<T>>,
    free: Option<Key>,
    /// How many of `slots` are taken.
    taken: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab {
            inline: None,
            slots: Vec::new(),
            free: None,
            taken: 0,
        }
    }
}

impl<T> Slab<T> {
    /// The vector starts with this many places, and one no larger is kept when it empties: a few
    /// waiters that come and go shall not allocate each time.
    const FEW: usize = 4;

    /// Puts `value` in a free place, growing into `spare` if there is none.
    pub(crate) fn insert(&mut self, value: T, spare: &mut Spare<T>) -> Result<Key, Full<T>> {
        if self.inline.is_none() {
            self.inline = Some(value);
            return Ok(Key::INLINE);
        }
        if let Some(key) = self.free {
            let slot = key.index().and_then(|index| self.slots.get_mut(index));
            if let Some(slot @ &mut Slot::Free(next)) = slot {
                *slot = Slot::Taken(value);
                self.free = next;
                self.taken += 1;
                return Ok(key);
            }
        }
        if self.slots.len() == self.slots.capacity() {
            if spare.capacity() <= self.slots.len() {
                let wanted = self.slots.len().saturating_mul(2).max(Self::FEW);
                return Err(Full { value, wanted });
            }
            spare.append(&mut self.slots);
            core::mem::swap(spare, &mut self.slots);
        }
        let key = Key::in_vector(self.slots.len());
        self.slots.push(Slot::Taken(value));
        self.taken += 1;
        Ok(key)
    }

    /// The value under `key`, unless the slab has been taken since.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match key.index() {
            None => self.inline.as_mut(),
            Some(index) => match self.slots.get_mut(index)? {
                Slot::Taken(value) => Some(value),
                Slot::Free(_) => None,
            },
        }
    }

    /// Takes out the value under `key`. When the vector empties, its memory goes to `spare`.
    pub(crate) fn remove(&mut self, key: Key, spare: &mut Spare<T>) -> Option<T> {
        let Some(index) = key.index() else {
            return self.inline.take();
        };
        let slot = self.slots.get_mut(index)?;
        let value = match core::mem::replace(slot, Slot::Free(self.free)) {
            Slot::Taken(value) => value,
            free => {
                *slot = free;
                return None;
            }
        };
        self.free = Some(key);
        self.taken -= 1;
        if self.taken == 0 {
            self.free = None;
            if self.slots.capacity() > Self::FEW {
                core::mem::swap(spare, &mut self.slots);
            } else {
                self.slots.clear();
            }
        }
        Some(value)
    }

    /// The values, in the order of their keys.
    #[cfg(feature = "trace")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let slots = self.slots.iter().filter_map(|slot| match slot {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        });
        self.inline.iter().chain(slots)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        let slots = self.slots.into_iter().filter_map(|slot| match slot {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        });
        self.inline.into_iter().chain(slots)
    }
}
