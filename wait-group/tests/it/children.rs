//! Groups within groups.

use rejoin_wait_group::WaitGroup;

use crate::support::{Bell, Hooks, panic_of, poll, watch};

#[test]
fn a_child_is_one_worker_of_its_parent_until_it_is_done() {
    let parent = WaitGroup::new();
    let child = parent.child();
    let workers = [child.clone(), child.clone()];
    assert_eq!((parent.workers(), child.workers()), (2, 3));
    let (all, part) = (parent.wait(), child.wait());
    assert_eq!((all.workers(), part.workers()), (1, 2));
    drop(workers);
    assert!(part.is_done() && all.is_done());
}

#[test]
fn a_parent_may_go_before_its_child() {
    let child = WaitGroup::new().child().child();
    let bell = Bell::new();
    let mut wait = child.waiter();
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    drop(child);
    assert_eq!(bell.rung(), 1);
}

#[test]
fn who_joins_a_child_keeps_the_parent_open() {
    let parent = WaitGroup::new();
    let child = parent.child();
    let (all, door) = (parent.wait(), child.waiter());
    let joined = door.try_join().unwrap();
    drop(child);
    assert!(!all.is_done());
    drop(joined);
    assert!(all.is_done());
}

#[test]
fn a_chain_of_a_million_children_completes_without_a_deep_stack() {
    const DEPTH: usize = 1_000_000;

    let _watch = watch("a chain of groups");
    let root = WaitGroup::new();
    let wait = root.waiter();
    let mut middle = None;
    let mut last = root;
    for depth in 0..DEPTH {
        last = last.child();
        if depth == DEPTH / 2 {
            middle = Some(last.waiter());
        }
    }
    assert!(!wait.is_done());
    drop(last);
    assert!(middle.unwrap().is_done() && wait.is_done());
}

#[test]
fn every_group_of_a_chain_wakes_its_own_waiters_from_the_inside_out() {
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut last = WaitGroup::new();
    let mut waiters = Vec::new();
    for depth in 0..5 {
        let order = std::sync::Arc::clone(&order);
        let hooks = Hooks::new().on_wake(move || order.lock().unwrap().push(depth));
        let mut wait = last.waiter();
        assert!(poll(&mut wait, &hooks.waker()).is_pending());
        waiters.push(wait);
        last = last.child();
    }
    drop(last);
    assert_eq!(*order.lock().unwrap(), [4, 3, 2, 1, 0]);
    assert!(waiters.iter().all(|wait| wait.is_done()));
}

#[test]
fn a_child_whose_waiter_panics_releases_its_parent() {
    let parent = WaitGroup::new();
    let child = parent.child();
    let bell = Bell::new();
    let hooks = Hooks::new().on_wake(|| std::panic::resume_unwind(Box::new("child")));
    let (mut part, mut all) = (child.waiter(), parent.wait());
    assert!(poll(&mut part, &hooks.waker()).is_pending());
    assert!(poll(&mut all, &bell.waker()).is_pending());
    assert_eq!(panic_of(|| drop(child)).as_deref(), Some("child"));
    assert_eq!(bell.rung(), 1);
    assert!(all.is_done());
}

// Without std a second panic aborts, as the docs say.
#[cfg(feature = "std")]
#[test]
fn a_panic_at_every_level_of_a_chain_harms_no_level() {
    let bell = Bell::new();
    let mut last = WaitGroup::new();
    let mut waiters = Vec::new();
    for text in ["outermost", "middle", "innermost"] {
        let hooks = Hooks::new().on_wake(move || std::panic::resume_unwind(Box::new(text)));
        for waker in [hooks.waker(), bell.waker()] {
            let mut wait = last.waiter();
            assert!(poll(&mut wait, &waker).is_pending());
            waiters.push(wait);
        }
        last = last.child();
    }
    assert_eq!(panic_of(|| drop(last)).as_deref(), Some("innermost"));
    assert_eq!(bell.rung(), 3);
    assert!(waiters.iter().all(|wait| wait.is_done()));
}
