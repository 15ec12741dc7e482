//! The table while it grows: whoever reads its length finds every entry below it, and all that was written before
//! the entry was added. It never shrinks: seats and schedulers that are given back wait in it for the next owner.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Fence, check, fails_without};
use crate::table::Table;

/// Two threads add an entry each, a third one looks.
fn entries_are_added_while_somebody_looks() {
    check(Some(3), || {
        let table = Arc::new(Table::<(usize, UnsafeCell<()>)>::new());
        let add = |table: &Table<_>| {
            let cell = UnsafeCell::new(());
            cell.with_mut(|_| ());
            table.push_with(|index| (index, cell)).expect("room");
        };
        let other = Arc::clone(&table);
        let looker = thread::spawn(move || {
            for (at, (index, cell)) in other.iter().enumerate() {
                assert_eq!(at, *index);
                // Loom fails if the write is not before this.
                cell.with(|_| ());
            }
        });
        let other = Arc::clone(&table);
        let adder = thread::spawn(move || add(&other));
        add(&table);
        looker.join().unwrap();
        adder.join().unwrap();
        assert_eq!(table.len(), 2);
    });
}

#[test]
fn canary_an_entry_published_too_early_is_caught() {
    assert!(fails_without(
        Fence::TableLength,
        entries_are_added_while_somebody_looks
    ));
}

#[test]
fn a_table_that_grows_is_whole_at_every_look() {
    entries_are_added_while_somebody_looks();
}
