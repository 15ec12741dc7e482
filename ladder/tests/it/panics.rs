//! What a panic does to the worker, and to the one who awaits.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use rejoin_ladder::{block_on, v4};

use crate::support::{OnDrop, Step};

thread_local! {
    /// Tells of the end of the thread.
    static END: RefCell<Option<OnDrop>> = const { RefCell::new(None) };
}

/// Hears of it when the one thread of `executor` ends.
fn end_of_the_worker(executor: &impl Step) -> mpsc::Receiver<()> {
    let (tell, told) = mpsc::channel();
    let guard = OnDrop(tell);
    block_on(executor.spawn(async move {
        END.set(Some(guard));
    }));
    told
}

/// Panics without a message, which would only fill the test's output.
async fn fail() {
    resume_unwind(Box::new(7));
}

pub(crate) fn a_panic_ends_the_worker_and_the_awaiter_hears_of_it<S: Step>() {
    let executor = S::start(1);
    let end = end_of_the_worker(&executor);
    let handle = executor.spawn(fail());
    // Not the payload, but something.
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(handle))).is_err());
    assert_eq!(end.recv(), Ok(()), "there is no thread any more");
}

pub(crate) fn a_panic_goes_on_in_the_awaiter_and_the_worker_lives<S: Step>() {
    let executor = S::start(1);
    let end = end_of_the_worker(&executor);
    let handle = executor.spawn(fail());
    let thrown = catch_unwind(AssertUnwindSafe(|| block_on(handle))).unwrap_err();
    assert_eq!(thrown.downcast_ref(), Some(&7));
    // With nobody to hear of it, too.
    drop(executor.spawn(fail()));
    assert_eq!(block_on(executor.spawn(async { "well" })), "well");
    assert!(end.try_recv().is_err(), "the same thread is there");
}

#[test]
fn a_panic_is_ignored_where_nobody_minds() {
    let executor = v4::Executor::start(1);
    assert_eq!(block_on(executor.spawn_ignoring(fail())), None);
    assert_eq!(block_on(executor.spawn_ignoring(async { 7 })), Some(7));
}

#[test]
fn a_panic_is_handed_out_where_it_is_wanted() {
    let executor = v4::Executor::start(1);
    let thrown = block_on(executor.spawn_result(fail())).unwrap_err();
    assert_eq!(thrown.downcast_ref(), Some(&7));
    assert_eq!(block_on(executor.spawn_result(async { 7 })).unwrap(), 7);
}
