//! The same situations with a mistake in each: loom must find it.

use super::stand_in::{Fault, with_fault};
use super::*;

/// Runs `model` to its end and demands that it has seen `promise` broken.
fn catches(promise: &str, model: impl FnOnce()) {
    CAUGHT.set(Some(Vec::new()));
    model();
    let caught = CAUGHT.take().unwrap_or_default();
    assert!(
        caught.contains(&promise),
        "not seen broken: {promise}; but {caught:?}"
    );
}

/// A waiter that does not look again under the lock.
struct Blind(Wait);

impl Future for Blind {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_done() {
            return Poll::Ready(());
        }
        self.0.waiters().enter_blindly(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn a_missing_second_look_is_caught() {
    catches("a waiter that was told Pending is woken once", || {
        loom::model(|| {
            let group = WaitGroup::new();
            let wait = Blind(group.waiter());
            let thread = thread::spawn(move || drop(group));
            let polled = poll_once(wait);
            thread.join().unwrap();
            polled.settle();
        });
    });
}

#[test]
fn a_torn_drop_is_caught() {
    catches("a waiter of a group that is done is ready", || {
        with_fault(Fault::TornDrop, two_last_drops_complete_once);
    });
}

#[test]
fn a_cancellation_that_trusts_its_first_look_is_caught() {
    catches("the waker is where it was left", || {
        loom::model(|| {
            let group = WaitGroup::new();
            let polled = poll_once(group.waiter());
            let thread = thread::spawn(move || drop(group));
            let found = polled.wait.leaves_trustingly();
            demand(found, "the waker is where it was left");
            thread.join().unwrap();
        });
    });
}

#[test]
fn a_torn_upgrade_is_caught() {
    catches(THERE, || {
        with_fault(Fault::TornUpgrade, try_join_races_with_completion);
    });
}

#[test]
fn a_drop_that_does_not_publish_is_caught() {
    catches(PUBLISHED, || {
        with_fault(
            Fault::RelaxedDrop,
            completion_publishes_what_both_workers_wrote,
        );
    });
}

#[test]
fn a_flag_that_does_not_publish_is_caught() {
    catches(PUBLISHED, || {
        with_fault(
            Fault::RelaxedFlag,
            a_look_that_finds_the_group_done_publishes,
        );
    });
}

#[test]
fn a_look_that_does_not_acquire_is_caught() {
    catches(PUBLISHED, || {
        with_fault(
            Fault::RelaxedLook,
            a_look_that_finds_the_group_done_publishes,
        );
    });
}
