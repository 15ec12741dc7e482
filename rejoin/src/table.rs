//! A table that only grows, read without a lock.
//!
//! # Invariant
//!
//! What [`Table::get`] once returned for an index it returns for ever, at the same place.
//!
//! # Why it holds
//!
//! Entries live in chunks, each twice as large as the one before and each allocated once, in full;
//! no chunk moves or goes away. An entry is set once, through a `OnceLock`, and `len` is raised with
//! a Release store only afterwards: whoever reads a `len` finds every entry below it. `model::table` fails
//! without that ordering.

use std::sync::OnceLock;

use crate::sync::{AtomicUsize, Lock, Ordering, needed};

/// Length of the first chunk, as a power of two.
const FIRST: u32 = 3;
/// Enough chunks for 2^32 entries.
const CHUNKS: usize = 30;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Table<T> {
    chunks: [OnceLock<Box<[OnceLock<T>]>>; CHUNKS],
    len: AtomicUsize,
    /// Held while an entry is added: entries are added one after another, in order.
    grow: Lock<()>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            len: AtomicUsize::new(0),
            grow: Lock::new(()),
        }
    }

    /// How many entries there are, at least.
    pub(crate) fn len(&self) -> usize {
        // Ordering: Acquire pairs with the Release in `push`, so every entry below is there.
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let (chunk, offset) = place(index);
        self.chunks.get(chunk)?.get()?.get(offset)?.get()
    }

    /// Adds the entry that `make` builds from its future index; `None` when the table is full.
    pub(crate) fn push_with(&self, make: impl FnOnce(usize) -> T) -> Option<(usize, &T)> {
        let _one_at_a_time = self.grow.lock();
        // Ordering: Relaxed; only changed under the lock that is held here.
        let index = self.len.load(Ordering::Relaxed);
        let (chunk, offset) = place(index);
        let chunk = self.chunks.get(chunk)?.get_or_init(|| {
            (0..1_usize << (FIRST as usize + chunk))
                .map(|_| OnceLock::new())
                .collect()
        });
        let entry = chunk[offset].get_or_init(|| make(index));
        // Ordering: Release, read by the Acquire in `len`.
        let release = needed!(TableLength, Ordering::Release);
        self.len.store(index + 1, release);
        Some((index, entry))
    }

    /// The entries there are, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Chunk and offset of an index: chunk `k` begins at `2^(FIRST + k) - 2^FIRST`.
fn place(index: usize) -> (usize, usize) {
    let shifted = index + (1 << FIRST);
    let top = shifted.ilog2();
    ((top - FIRST) as usize, shifted - (1 << top))
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn indices_fill_chunk_after_chunk() {
        let mut expected = Vec::new();
        for chunk in 0..5 {
            for offset in 0..(8 << chunk) {
                expected.push((chunk, offset));
            }
        }
        let got: Vec<_> = (0..expected.len()).map(place).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn an_entry_stays_where_it_was_while_the_table_grows() {
        let table = Table::new();
        let (_, first) = table.push_with(|index| index).unwrap();
        let first: *const usize = first;
        for expected in 1..1_000 {
            let (index, entry) = table.push_with(|index| index).unwrap();
            assert_eq!((index, *entry), (expected, expected));
        }
        assert!(std::ptr::eq(first, table.get(0).unwrap()));
        assert_eq!(table.get(1_000), None);
        assert!(table.iter().copied().eq(0..1_000));
    }
}
