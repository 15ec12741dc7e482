//! Values under keys: room for one inline, and for the rest in a vector with a free list.
//!
//! It lives under a lock, so it never allocates and never frees. A slab that needs room says how much
//! ([`Full`]), and the caller comes back with it; memory that the slab outgrows or has no more use for
//! is handed out, and freed after the lock is open again.
//!
//! A key is good until its value is removed or the slab is taken, and then it is its owner's duty
//! to forget it: keys carry no generation. A key used after the slab was taken finds nothing.

use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroUsize;

/// Where a value is: 1 is the inline place, 2 the first of the vector, and so on.
#[derive(Clone, Copy)]
pub(crate) struct Key(NonZeroUsize);

impl Key {
    const INLINE: Key = Key(NonZeroUsize::MIN);

    fn in_vector(index: usize) -> Key {
        Key(NonZeroUsize::MIN.saturating_add(index).saturating_add(1))
    }

    pub(crate) fn is_inline(self) -> bool {
        self.0 == Self::INLINE.0
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

/// There was no room for a value: here it is again, with the capacity of the spare buffer to come back
/// with.
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

    /// Puts `value` in a free place, if there is one.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> Result<Key, Full<T>> {
        if self.inline.is_none() {
            self.inline = Some(value);
            return Ok(Key::INLINE);
        }
        self.insert_in_vector(value)
    }

    fn insert_in_vector(&mut self, value: T) -> Result<Key, Full<T>> {
        if let Some(key) = self.free {
            let slot = key.index().and_then(|index| self.slots.get_mut(index));
            if let Some(slot @ &mut Slot::Free(next)) = slot {
                *slot = Slot::Taken(value);
                self.free = next;
                self.taken += 1;
                return Ok(key);
            }
        }
        let index = self.slots.len();
        if index == self.slots.capacity() {
            let wanted = index.saturating_mul(2).max(Self::FEW);
            return Err(Full { value, wanted });
        }
        self.slots.push(Slot::Taken(value));
        self.taken += 1;
        Ok(Key::in_vector(index))
    }

    /// Moves the vector into `spare`, if that is larger, and its old memory out.
    pub(crate) fn grow(&mut self, spare: &mut Spare<T>) {
        if spare.capacity() > self.slots.capacity() {
            spare.append(&mut self.slots);
            mem::swap(spare, &mut self.slots);
        }
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

    /// Takes out the value in the inline place.
    #[inline]
    pub(crate) fn take_inline(&mut self) -> Option<T> {
        self.inline.take()
    }

    /// Takes out the value under `key`.
    ///
    /// If that empties the vector, its memory goes to `spare`.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key, spare: &mut Spare<T>) -> Option<T> {
        match key.index() {
            None => self.inline.take(),
            Some(index) => self.remove_from_vector(index, spare),
        }
    }

    fn remove_from_vector(&mut self, index: usize, spare: &mut Spare<T>) -> Option<T> {
        let slot = self.slots.get_mut(index)?;
        let value = match mem::replace(slot, Slot::Free(self.free)) {
            Slot::Taken(value) => value,
            free => {
                *slot = free;
                return None;
            }
        };
        self.free = Some(Key::in_vector(index));
        self.taken -= 1;
        if self.taken == 0 {
            self.free = None;
            if self.slots.capacity() > Self::FEW {
                mem::swap(spare, &mut self.slots);
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

    /// Takes all values, in the order of their keys, and leaves the slab empty.
    // In pieces, because a move of the whole would wait for the inline value to arrive in memory.
    #[inline]
    pub(crate) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.free = None;
        self.taken = 0;
        let slots = mem::take(&mut self.slots);
        let values = slots.into_iter().filter_map(|slot| match slot {
            Slot::Taken(value) => Some(value),
            Slot::Free(_) => None,
        });
        self.inline.take().into_iter().chain(values)
    }
}
