//! The inbox of a local executor: a post against whoever goes to sleep. The tasks themselves never leave their
//! thread, so there is nothing else to hold.

use std::task::Waker;

use loom::sync::Arc;
use loom::thread;

use super::{Bell, Fence, check, fails_without};
use crate::local::inbox::{Inbox, Mail, Ticket};
use crate::local::tasks::Key;
use crate::sync::{AtomicU32, Ordering};

/// A post, and one who goes to sleep. When both are done, that one has the mail or has been called; asked
/// without waiting, because a model that fails by a deadlock takes the process with it.
fn a_post_races_with_going_to_sleep() {
    check(None, || {
        let inbox = Inbox::new();
        let ticket = Ticket::new(&inbox, Key::of_place(0));
        let other = thread::spawn(move || ticket.post());
        let (bell, mut mail) = (Bell::new(), Mail::default());
        let asleep = inbox.collect_or_arm(1, Waker::from(bell.clone()), &mut mail);
        other.join().unwrap();
        assert_eq!(asleep, mail.woken.is_empty());
        assert!(!asleep || *bell.rung.lock(), "asleep beside the mail");
    });
}

/// Two threads post, each after it has written something, and one sleeps until it has seen both. With `tickets`
/// of two, each has its own; with one, they share it, and the second may find it posted.
fn posts_race_with_going_to_sleep(tickets: usize) {
    let inbox = Inbox::new();
    let tickets: Vec<_> = (0..tickets)
        .map(|place| Ticket::new(&inbox, Key::of_place(place)))
        .collect();
    let written = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
    let others: Vec<_> = (0..2)
        .map(|number: usize| {
            let (ticket, written) = (tickets[number % tickets.len()].clone(), written.clone());
            thread::spawn(move || {
                written[number].store(1, Ordering::Relaxed);
                ticket.post();
            })
        })
        .collect();
    let bell = Bell::new();
    let waker = Waker::from(bell.clone());
    let mut mail = Mail::default();
    let mut seen = 0;
    while seen < 2 {
        if inbox.collect_or_arm(1, waker.clone(), &mut mail) {
            bell.wait();
        }
        if mail.woken.drain(..).count() > 0 {
            // The poll that follows a wake-up sees what was written before.
            let flags = written.iter().map(|flag| flag.load(Ordering::Relaxed));
            seen = flags.sum();
        }
    }
    for other in others {
        other.join().unwrap();
    }
}

fn two_tickets() {
    check(Some(3), || posts_race_with_going_to_sleep(2));
}

fn one_ticket() {
    check(Some(3), || posts_race_with_going_to_sleep(1));
}

#[test]
fn canary_one_who_looks_and_then_leaves_a_waker_is_caught() {
    assert!(fails_without(
        Fence::ArmAtOnce,
        a_post_races_with_going_to_sleep
    ));
}

#[test]
fn what_is_posted_is_seen_or_calls() {
    a_post_races_with_going_to_sleep();
}

#[test]
fn two_posts_are_both_seen() {
    two_tickets();
}

#[test]
fn a_ticket_that_lies_there_already_is_not_posted_in_vain() {
    one_ticket();
}
