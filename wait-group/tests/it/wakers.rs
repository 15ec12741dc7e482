//! Wakers that panic, and wakers that come back into the group.

use std::sync::{Arc, Mutex};

use rejoin_wait_group::{Wait, WaitGroup};

use crate::support::{Bell, Hooks, panic_of, poll, watch};

fn pending(group: &WaitGroup, waker: &std::task::Waker) -> Wait {
    let mut wait = group.waiter();
    assert!(poll(&mut wait, waker).is_pending());
    wait
}

fn panicking(text: &'static str) -> impl FnOnce() + Send {
    move || std::panic::resume_unwind(Box::new(text))
}

#[test]
fn a_waker_whose_clone_drops_the_last_handle_finds_the_group_done() {
    let _watch = watch("a poll inside which the group completes");
    let group = WaitGroup::new();
    let mut wait = group.waiter();
    let hooks = Hooks::new().on_clone(move || drop(group));
    assert!(poll(&mut wait, &hooks.waker()).is_ready());
    assert_eq!((hooks.wakes(), hooks.clones() + 1), (0, hooks.drops()));
}

#[test]
fn a_replaced_waker_whose_drop_drops_the_last_handle_has_the_new_one_woken() {
    let _watch = watch("a poll inside which the group completes");
    let group = WaitGroup::new();
    let bell = Bell::new();
    let hooks = Hooks::new();
    let waker = hooks.waker();
    let mut wait = pending(&group, &waker);
    let _hooks = Arc::clone(&hooks).on_drop(move || drop(group));
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    assert_eq!(bell.rung(), 1);
    assert!(poll(&mut wait, &bell.waker()).is_ready());
}

#[test]
fn a_waker_that_drops_the_last_handle_of_another_group_completes_it() {
    let _watch = watch("a completion inside a completion");
    let (one, other) = (WaitGroup::new(), WaitGroup::new());
    let bell = Bell::new();
    let mut wait = pending(&other, &bell.waker());
    let hooks = Hooks::new().on_wake(move || drop(other));
    let _first = pending(&one, &hooks.waker());
    drop(one);
    assert_eq!(bell.rung(), 1);
    assert!(poll(&mut wait, &bell.waker()).is_ready());
}

#[test]
fn a_waker_may_poll_drop_and_make_other_waiters_of_its_group() {
    let _watch = watch("a waker that uses its group");
    let group = WaitGroup::new();
    let bell = Bell::new();
    let (polled, dropped) = (
        pending(&group, &bell.waker()),
        pending(&group, &bell.waker()),
    );
    let mine = Arc::new(Mutex::new(None));
    let (slot, noted) = (Arc::clone(&mine), Bell::new());
    let note = Arc::clone(&noted);
    let hooks = Hooks::new().on_wake(move || {
        let mut polled: Wait = polled;
        assert!(poll(&mut polled, &note.waker()).is_ready());
        assert!(poll(&mut polled.clone(), &note.waker()).is_ready());
        assert!(polled.try_join().is_none());
        assert_eq!(polled.workers(), 0);
        drop(dropped);
        // The waiter that is being woken.
        drop(slot.lock().unwrap().take());
    });
    *mine.lock().unwrap() = Some(pending(&group, &hooks.waker()));
    drop(group);
    assert_eq!(hooks.wakes(), 1);
    assert!(mine.lock().unwrap().is_none());
    assert_eq!(noted.rung(), 0);
}

#[test]
fn a_cancelled_wakers_drop_may_cancel_another_waiter() {
    let _watch = watch("a cancellation inside a cancellation");
    let group = WaitGroup::new();
    let bell = Bell::new();
    let other = pending(&group, &bell.waker());
    let hooks = Hooks::new();
    let waker = hooks.waker();
    let wait = pending(&group, &waker);
    let _hooks = Arc::clone(&hooks).on_drop(move || drop(other));
    drop(wait);
    assert_eq!(bell.wakers(), 0);
    drop(waker);
}

#[test]
fn a_panic_in_clone_leaves_the_waiter_as_it_was() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let mut fresh = group.waiter();
    let mut old = pending(&group, &bell.waker());
    for wait in [&mut fresh, &mut old] {
        let hooks = Hooks::new().on_clone(panicking("clone"));
        let panic = panic_of(|| assert!(poll(wait, &hooks.waker()).is_pending()));
        assert_eq!(panic.as_deref(), Some("clone"));
        assert_eq!(hooks.drops(), 1);
    }
    assert_eq!(bell.wakers(), 1);
    assert!(poll(&mut fresh, &bell.waker()).is_pending());
    drop(group);
    assert_eq!(bell.rung(), 2);
    assert!(poll(&mut fresh, &bell.waker()).is_ready());
    assert!(poll(&mut old, &bell.waker()).is_ready());
}

#[test]
fn a_panic_in_the_drop_of_a_replaced_waker_leaves_the_new_one() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let hooks = Hooks::new();
    let waker = hooks.waker();
    let mut wait = pending(&group, &waker);
    let _hooks = Arc::clone(&hooks).on_drop(panicking("drop"));
    let panic = panic_of(|| assert!(poll(&mut wait, &bell.waker()).is_pending()));
    assert_eq!(panic.as_deref(), Some("drop"));
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    drop(group);
    assert_eq!(bell.rung(), 1);
}

#[test]
fn a_panic_in_the_drop_of_a_cancelled_waker_harms_no_other() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let hooks = Hooks::new();
    let waker = hooks.waker();
    let wait = pending(&group, &waker);
    let _other = pending(&group, &bell.waker());
    let _hooks = Arc::clone(&hooks).on_drop(panicking("drop"));
    assert_eq!(panic_of(|| drop(wait)).as_deref(), Some("drop"));
    drop(group);
    assert_eq!((hooks.wakes(), bell.rung()), (0, 1));
}

#[test]
fn a_panic_in_wake_harms_no_other_waiter_and_comes_out_of_the_last_drop() {
    let group = WaitGroup::new();
    let (before, after) = (Bell::new(), Bell::new());
    let _before = pending(&group, &before.waker());
    let hooks = Hooks::new().on_wake(panicking("wake"));
    let mut wait = pending(&group, &hooks.waker());
    let _after: Vec<_> = (0..10).map(|_| pending(&group, &after.waker())).collect();
    assert_eq!(panic_of(|| drop(group)).as_deref(), Some("wake"));
    assert_eq!((before.rung(), after.rung()), (1, 10));
    assert_eq!((before.wakers(), after.wakers()), (0, 0));
    assert!(poll(&mut wait, &before.waker()).is_ready());
}

// Without std a second panic aborts, as the docs say.
#[cfg(feature = "std")]
#[test]
fn of_many_panics_in_wake_the_first_comes_out() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let texts = ["first", "second", "third"];
    let mut waiters = Vec::new();
    for text in texts {
        waiters.push(pending(
            &group,
            &Hooks::new().on_wake(panicking(text)).waker(),
        ));
        waiters.push(pending(&group, &bell.waker()));
    }
    assert_eq!(panic_of(|| drop(group)).as_deref(), Some("first"));
    assert_eq!(bell.rung(), 3);
}

#[cfg(feature = "std")]
#[test]
fn a_panic_in_wake_while_the_worker_unwinds_does_not_abort() {
    let group = WaitGroup::new();
    let bell = Bell::new();
    let hooks = Hooks::new().on_wake(panicking("wake"));
    let _first = pending(&group, &hooks.waker());
    let _other = pending(&group, &bell.waker());
    let worker = std::thread::spawn(move || {
        let _group = group;
        panicking("worker")();
    });
    let payload = worker.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"worker"));
    assert_eq!(bell.rung(), 1);
}

#[cfg(feature = "std")]
#[test]
fn a_panic_whose_payload_panics_in_its_drop_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panicking("bomb")();
        }
    }

    let group = WaitGroup::new();
    let bell = Bell::new();
    let first = Hooks::new().on_wake(panicking("first"));
    let bomb = Hooks::new().on_wake(|| std::panic::resume_unwind(Box::new(Bomb)));
    let _waiters = [
        pending(&group, &first.waker()),
        pending(&group, &bomb.waker()),
        pending(&group, &bell.waker()),
    ];
    assert_eq!(panic_of(|| drop(group)).as_deref(), Some("first"));
    assert_eq!(bell.rung(), 1);
}

/// Another thread can enter the critical section while a waker is cloned, dropped or woken. With the
/// other locks nothing that a waker can do would tell.
#[cfg(all(feature = "critical-section", not(feature = "std")))]
#[test]
fn wakers_are_called_outside_the_critical_section() {
    fn enter_elsewhere() {
        std::thread::spawn(|| critical_section::with(|_| ()))
            .join()
            .unwrap();
    }

    let _watch = watch("another thread that enters the critical section");
    let group = WaitGroup::new();
    let first = Hooks::new().on_clone(enter_elsewhere);
    let mut wait = pending(&group, &first.waker());
    let _first = first.on_drop(enter_elsewhere);
    let second = Hooks::new();
    let waker = second.waker();
    assert!(poll(&mut wait, &waker).is_pending());
    let given_up = pending(&group, &waker);
    let second = second.on_drop(enter_elsewhere);
    drop(given_up);
    let _second = second.on_wake(enter_elsewhere);
    drop(group);
    assert!(wait.is_done());
}
