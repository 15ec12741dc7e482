//! A worker's queue: its owner against thieves.
//!
//! Real here: the run queue, and `st3` with all its orderings, which speaks to an older loom than the other models do.
//! Its ring is short, see [`RING`].

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use loom_of_st3::model::Builder;
use loom_of_st3::thread;

use super::say;
use crate::run_queue::{RING, RunQueue, Steal, Stealers};

/// Runs `model` in every interleaving with at most so many preemptions, and says how many there were.
#[track_caller]
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let count = StdArc::new(AtomicU64::new(0));
    let counted = StdArc::clone(&count);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        model();
    });
    say(count.load(Relaxed), Some(preemptions));
}

/// All that an owner can still take out.
fn drain(queue: &RunQueue<usize>) -> Vec<usize> {
    std::iter::from_fn(|| queue.pop_slot().or_else(|| queue.pop_ring())).collect()
}

/// What a thief with an empty queue gets out of somebody's ring.
fn rob_ring(victim: &Stealers<usize>) -> Vec<usize> {
    let own = RunQueue::new();
    let Steal::Item(item, tasks) = own.steal_ring(victim, 1) else {
        return drain(&own);
    };
    let mut loot = drain(&own);
    loot.push(item);
    assert_eq!(loot.len(), tasks);
    loot
}

/// What a thief gets out of somebody's slot.
fn rob_slot(victim: &Stealers<usize>) -> Vec<usize> {
    let own = RunQueue::new();
    match own.steal_slot(victim) {
        Steal::Item(item, _) => vec![item],
        Steal::Busy | Steal::Empty | Steal::Few => Vec::new(),
    }
}

/// Each of the items before `end` is there once.
#[track_caller]
fn assert_once(mut items: Vec<usize>, end: usize) {
    items.sort_unstable();
    assert_eq!(items, (0..end).collect::<Vec<_>>());
}

/// The owner fills its slot twice while a thief has its hand in it; what the second push displaced, or could not
/// place, goes to the ring.
fn slot_is_filled_and_robbed() -> bool {
    let queue = RunQueue::new();
    assert!(queue.push_slot(0).is_none());
    let stealers = queue.stealers();
    let thief = thread::spawn(move || rob_slot(&stealers));
    let for_the_ring = queue.push_slot(1);
    let displaced = for_the_ring == Some(0);
    if let Some(item) = for_the_ring {
        queue.push_ring(item).expect("the ring is empty");
    }
    let mut items = thief.join().expect("no thief panics");
    items.extend(drain(&queue));
    assert_once(items, 2);
    displaced
}

#[test]
fn what_is_in_the_slot_is_taken_once() {
    check(3, || {
        slot_is_filled_and_robbed();
    });
}

#[test]
fn what_is_in_the_ring_is_taken_once() {
    check(3, || {
        let queue = RunQueue::new();
        for item in 0..3 {
            queue.push_ring(item).expect("there is room");
        }
        let stealers = queue.stealers();
        let thief = thread::spawn(move || rob_ring(&stealers));
        let mut items: Vec<_> = queue.pop_ring().into_iter().collect();
        // A thief that copies its booty may still hold the places, but not that many.
        queue.push_ring(3).expect("there is room");
        items.extend(thief.join().expect("no thief panics"));
        items.extend(drain(&queue));
        assert_once(items, 4);
    });
}

#[test]
fn two_thieves_take_nothing_twice() {
    check(2, || {
        let queue = RunQueue::new();
        for item in 0..2 {
            queue.push_ring(item).expect("there is room");
        }
        let thieves = [queue.stealers(), queue.stealers()];
        let thieves = thieves.map(|stealers| thread::spawn(move || rob_ring(&stealers)));
        let mut items: Vec<_> = queue.pop_ring().into_iter().collect();
        for thief in thieves {
            items.extend(thief.join().expect("no thief panics"));
        }
        items.extend(drain(&queue));
        assert_once(items, 2);
    });
}

#[test]
fn a_full_ring_that_is_robbed_overflows_without_loss() {
    check(2, || {
        let queue = RunQueue::new();
        for item in 0..RING {
            queue.push_ring(item).expect("there is room");
        }
        let stealers = queue.stealers();
        let thief = thread::spawn(move || rob_ring(&stealers));
        let mut items = Vec::new();
        if let Err(item) = queue.push_ring(RING) {
            // As `Scheduler::overflow` does.
            items.extend(queue.overflow().into_iter().flatten());
            items.push(item);
        }
        items.extend(thief.join().expect("no thief panics"));
        items.extend(drain(&queue));
        assert_once(items, RING + 1);
    });
}

/// The owner of a ring that is being robbed takes out what it still gets, and then robs another one's into the same ring.
fn a_victim_robs_another() -> bool {
    let (own, other) = (RunQueue::new(), RunQueue::new());
    for item in 0..2 {
        own.push_ring(item).expect("there is room");
    }
    // One to run, and one that goes into the own ring.
    for item in 2..5 {
        other.push_ring(item).expect("there is room");
    }
    let stealers = own.stealers();
    let thief = thread::spawn(move || rob_ring(&stealers));
    let mut items: Vec<_> = std::iter::from_fn(|| own.pop_ring()).collect();
    if let Steal::Item(item, _) = own.steal_ring(&other.stealers(), 1) {
        items.push(item);
    }
    let booty = thief.join().expect("no thief panics");
    let passed_on = booty.iter().any(|&item| item >= 2);
    items.extend(booty);
    items.extend(drain(&own));
    items.extend(drain(&other));
    assert_once(items, 5);
    passed_on
}

#[test]
fn a_victim_that_robs_another_takes_nothing_twice() {
    check(3, || {
        a_victim_robs_another();
    });
}

/// If the thief could not come after the other theft, this would hold.
#[test]
#[should_panic]
fn canary_what_was_stolen_is_not_stolen_on() {
    check(3, || assert!(!a_victim_robs_another()));
}

/// If the thief's moves were one step each, this would hold.
#[test]
#[should_panic]
fn canary_a_push_always_finds_the_slot_as_it_was() {
    check(3, || assert!(slot_is_filled_and_robbed()));
}

/// So would this.
#[test]
#[should_panic]
fn canary_no_thief_meets_another() {
    check(2, || {
        let queue = RunQueue::new();
        for item in 0..2 {
            queue.push_ring(item).expect("there is room");
        }
        let other = queue.stealers();
        let other = thread::spawn(move || rob_ring(&other));
        let own = RunQueue::new();
        assert!(!matches!(own.steal_ring(&queue.stealers(), 1), Steal::Busy));
        other.join().expect("no thief panics");
    });
}
