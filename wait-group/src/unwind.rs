//! One panic of the user's code shall not keep the rest from being done.
//!
//! With std, each panic is caught, and the first goes on when everything is done, unless the thread
//! is unwinding already: then it is dropped, because a second one would abort the process. Without
//! std nothing can be caught. There the rest is done while the first panic unwinds, and a second one
//! aborts.

/// Calls `each` for all `items`, even if it panics for some.
///
/// # Panics
///
/// With the first of these panics, after the last item.
#[cfg(feature = "std")]
pub(crate) fn for_each<T>(mut items: impl Iterator<Item = T>, mut each: impl FnMut(T)) {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    let mut first = None;
    loop {
        // What a panic leaves half done is one item, and that is gone. The rest is still in `items`.
        let rest = AssertUnwindSafe(|| items.by_ref().for_each(&mut each));
        match (catch_unwind(rest), &first) {
            (Ok(()), _) => break,
            (Err(payload), None) => first = Some(payload),
            (Err(payload), Some(_)) => discard(payload),
        }
    }
    match first {
        None => {}
        Some(payload) if std::thread::panicking() => discard(payload),
        Some(payload) => resume_unwind(payload),
    }
}

/// Drops a panic's payload. One whose drop panics in turn has its successor leaked: there may be no
/// end to them.
#[cfg(feature = "std")]
fn discard(payload: Box<dyn core::any::Any + Send>) {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(next);
    }
}

#[cfg(not(feature = "std"))]
pub(crate) fn for_each<T>(items: impl Iterator<Item = T>, each: impl FnMut(T)) {
    struct Rest<I: Iterator, F: FnMut(I::Item)> {
        items: I,
        each: F,
    }

    impl<I: Iterator, F: FnMut(I::Item)> Rest<I, F> {
        fn run(&mut self) {
            for item in self.items.by_ref() {
                (self.each)(item);
            }
        }
    }

    impl<I: Iterator, F: FnMut(I::Item)> Drop for Rest<I, F> {
        fn drop(&mut self) {
            // Nothing is left, unless `run` was cut short.
            self.run();
        }
    }

    Rest { items, each }.run();
}
