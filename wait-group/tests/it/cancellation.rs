//! Waiters that go away, move, or come back with another waker.

use std::sync::{Arc, Barrier};
use std::thread;

use rejoin_wait_group::{Wait, WaitGroup};

use crate::support::{Bell, Hooks, poll, watch};

fn pending(group: &WaitGroup, bell: &Arc<Bell>) -> Wait {
    let mut wait = group.waiter();
    assert!(poll(&mut wait, &bell.waker()).is_pending());
    wait
}

#[test]
fn a_waiter_that_is_given_up_leaves_no_waker_behind() {
    let (gone, kept) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    // In the inline place, in the first slot, in the last.
    let all: Vec<_> = (0..9).map(|_| pending(&group, &gone)).collect();
    let _kept = pending(&group, &kept);
    assert_eq!(gone.wakers(), 9);
    drop(all);
    assert_eq!(gone.wakers(), 0);
    drop(group);
    assert_eq!((gone.rung(), kept.rung()), (0, 1));
}

#[test]
fn a_place_that_was_given_up_goes_to_the_next_waiter() {
    let (a, b, c) = (Bell::new(), Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let first = pending(&group, &a);
    let second = pending(&group, &a);
    drop(first);
    let mut new_first = pending(&group, &b);
    drop(second);
    let mut new_second = pending(&group, &c);
    assert_eq!((a.wakers(), b.wakers(), c.wakers()), (0, 1, 1));
    drop(group);
    assert_eq!((a.rung(), b.rung(), c.rung()), (0, 1, 1));
    assert!(poll(&mut new_first, &b.waker()).is_ready());
    assert!(poll(&mut new_second, &c.waker()).is_ready());
}

#[test]
fn every_order_of_coming_and_going_wakes_who_is_there() {
    // All 2^8 ways for eight waiters to stay or go, twice over, so that places change hands.
    for pattern in 0..256_u32 {
        let group = WaitGroup::new();
        let bells: Vec<_> = (0..16).map(|_| Bell::new()).collect();
        let mut kept = Vec::new();
        for (half, bells) in bells.chunks(8).enumerate() {
            let pattern = pattern.rotate_left(3 * half as u32);
            let waiters: Vec<_> = bells.iter().map(|bell| pending(&group, bell)).collect();
            for ((index, wait), bell) in waiters.into_iter().enumerate().zip(bells) {
                if pattern >> index & 1 == 1 {
                    kept.push((wait, bell));
                }
            }
        }
        assert!(kept.iter().all(|(_, bell)| bell.wakers() == 1));
        assert_eq!(bells.iter().map(Bell::wakers).sum::<usize>(), kept.len());
        drop(group);
        assert!(kept.iter().all(|(_, bell)| bell.rung() == 1));
        assert_eq!(
            bells.iter().map(|bell| bell.rung()).sum::<usize>(),
            kept.len()
        );
    }
}

#[test]
fn a_late_drop_after_completion_touches_nobody() {
    let (a, b) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let (first, mut second) = (pending(&group, &a), pending(&group, &b));
    drop(group);
    drop(first);
    assert!(poll(&mut second, &b.waker()).is_ready());
    assert_eq!((a.rung(), b.rung()), (1, 1));
}

#[test]
fn completion_between_two_polls_is_seen_by_the_second() {
    let (old, new) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let mut wait = pending(&group, &old);
    drop(group);
    assert!(poll(&mut wait, &new.waker()).is_ready());
    assert_eq!((old.rung(), new.rung()), (1, 0));
}

#[test]
fn the_newest_waker_is_woken_and_the_old_one_not_kept() {
    let (old, new) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let (mut inline, mut slot) = (pending(&group, &old), pending(&group, &old));
    assert!(poll(&mut inline, &new.waker()).is_pending());
    assert!(poll(&mut slot, &new.waker()).is_pending());
    assert_eq!((old.wakers(), new.wakers()), (0, 2));
    drop(group);
    assert_eq!((old.rung(), new.rung()), (0, 2));
}

#[test]
fn wakers_that_differ_only_in_what_they_do_are_not_the_same() {
    let bell = Bell::new();
    let group = WaitGroup::new();
    let mut wait = group.waiter();
    let (once, twice) = (bell.waker(), bell.other_waker());
    assert!(once.data() == twice.data() && !once.will_wake(&twice));
    assert!(poll(&mut wait, &once).is_pending());
    assert!(poll(&mut wait, &twice).is_pending());
    drop(group);
    assert_eq!(bell.rung(), 2);
}

#[test]
fn a_second_poll_with_the_same_waker_does_not_touch_it() {
    let hooks = Hooks::new();
    let group = WaitGroup::new();
    let bell = Bell::new();
    let waker = bell.waker();
    let mut wait = group.waiter();
    for _ in 0..10 {
        assert!(poll(&mut wait, &waker).is_pending());
        assert_eq!(bell.wakers(), 2);
    }
    // One whose clones are all different is cloned at each poll, and kept once.
    let waker = hooks.waker();
    for polls in 1..10 {
        assert!(poll(&mut wait, &waker).is_pending());
        assert_eq!((hooks.clones(), hooks.drops()), (polls, polls - 1));
    }
    assert_eq!(bell.wakers(), 1);
}

#[test]
fn a_clone_of_a_pending_waiter_waits_for_itself() {
    let (a, b) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let first = pending(&group, &a);
    let mut second = first.clone();
    assert_eq!(a.wakers(), 1);
    assert!(poll(&mut second, &b.waker()).is_pending());
    drop(first);
    drop(group);
    assert_eq!((a.rung(), b.rung()), (0, 1));
}

#[test]
fn a_waiter_may_change_threads_between_polls() {
    let (here, there) = (Bell::new(), Bell::new());
    let group = WaitGroup::new();
    let mut wait = pending(&group, &here);
    let bell = Arc::clone(&there);
    let wait = thread::spawn(move || {
        assert!(poll(&mut wait, &bell.waker()).is_pending());
        wait
    });
    let wait = wait.join().unwrap();
    drop(group);
    assert_eq!((here.rung(), there.rung()), (0, 1));
    assert!(wait.is_done());
}

#[test]
fn waiters_that_come_and_go_beside_completion_are_woken_or_gone() {
    let _watch = watch("threads that register and cancel");
    for _ in 0..500 {
        let group = WaitGroup::new();
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (start, wait) = (Arc::clone(&start), group.waiter());
                thread::spawn(move || {
                    let bells: Vec<_> = (0..20).map(|_| Bell::new()).collect();
                    start.wait();
                    let mut kept = Vec::new();
                    for (index, bell) in bells.iter().enumerate() {
                        let mut wait = wait.clone();
                        let was = poll(&mut wait, &bell.waker());
                        if index % 2 == 0 && was.is_pending() {
                            kept.push((wait, Arc::clone(bell)));
                        }
                    }
                    (kept, bells)
                })
            })
            .collect();
        start.wait();
        drop(group);
        for thread in threads {
            let (kept, bells) = thread.join().unwrap();
            for (mut wait, bell) in kept {
                assert_eq!(bell.rung(), 1);
                assert!(poll(&mut wait, &bell.waker()).is_ready());
            }
            assert!(
                bells
                    .iter()
                    .all(|bell| bell.rung() <= 1 && bell.wakers() == 0)
            );
        }
    }
}
