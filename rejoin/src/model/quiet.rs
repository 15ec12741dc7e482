//! Who waits until nothing is left: woken not before, and in the end woken, or somebody is up who will look.
//!
//! In every model one task, or one guest, is all that is left, and ends on one thread, while on the other somebody
//! begins to wait and the worker lies down. What the worker sees of queues and threads is a stand-in; what it makes
//! of that is real, and so is how all of them hear of each other.

use std::sync::atomic::{AtomicBool as Flag, Ordering::SeqCst};
use std::task::{Wake, Waker};

use loom::sync::Arc;
use loom::thread;

use super::{Fence, check, fails_without};
use crate::idle::{Bed, Call, Idle};
use crate::injector::Injector;
use crate::quiet::{Left, Quiet, Waiting, Who};
use crate::sync::{AtomicUsize, Ordering};

/// One executor, as far as waiting for its end goes.
struct Shared {
    /// Stands in for a slot: a worker that lies down leaves it to its owner, but whoever looks for quiet sees it.
    slot: Injector<()>,
    idle: Idle,
    quiet: Quiet,
    astray: AtomicUsize,
    /// The last task has ended. Not loom's: it is asked only where the order is known.
    ended: Flag,
    woken: std::sync::Arc<Woken>,
}

/// Whether who waits was woken.
struct Woken(Flag);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl Left for Shared {
    fn astray(&self) -> usize {
        // Ordering: as in `Scheduler::astray`.
        self.astray.load(Ordering::Acquire)
    }

    fn nothing_queued(&self) -> bool {
        self.slot.is_empty()
    }

    fn registered(&self) -> usize {
        0
    }
}

impl Shared {
    /// With so many threads astray, and one worker.
    fn new(astray: usize) -> Arc<Self> {
        let shared = Self {
            slot: Injector::new(1),
            idle: Idle::new(),
            quiet: Quiet::new(),
            astray: AtomicUsize::new(astray),
            ended: Flag::new(false),
            woken: std::sync::Arc::new(Woken(Flag::new(false))),
        };
        shared.slot.open(1);
        shared.quiet.open(1);
        shared.idle.sit_down();
        Arc::new(shared)
    }

    /// Somebody begins to wait, from outside or, `blocking`, in the middle of a poll.
    fn wait(&self, blocking: bool) {
        let who = Who {
            task: blocking.then_some(1),
            blocks: blocking,
            registered: false,
        };
        let entry = Waiting::new(Waker::from(std::sync::Arc::clone(&self.woken)), who);
        assert!(self.quiet.enter(&self.idle, 1, &mut None, entry));
    }

    fn end(&self) {
        self.ended.store(true, SeqCst);
    }

    /// What `Worker::find` does when it finds nothing, up to the moment it sleeps.
    fn lie_down(&self, bed: &Arc<Bed>) {
        self.idle.lie_down(bed, false);
        if self.idle.is_awaited() {
            if let Some(waiting) = self.quiet.look(&self.idle, self) {
                assert!(self.ended.load(SeqCst), "woken while a task was left");
                self.idle.get_up(bed);
                self.idle.stop_searching(|| true);
                waiting.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Asked when all threads have come to their ends.
    fn assert_told(&self, beds: &[&Arc<Bed>]) {
        let is_up = |bed: &&Arc<Bed>| bed.call() == Call::Up;
        assert!(
            self.woken.0.load(SeqCst) || beds.iter().any(is_up),
            "all asleep, and nobody was told"
        );
    }
}

/// The worker runs the last task and lies down, while somebody outside begins to wait.
fn a_wait_races_with_the_last_poll() {
    check(None, || {
        let shared = Shared::new(0);
        let bed = Bed::new();
        let worker = {
            let (shared, bed) = (Arc::clone(&shared), Arc::clone(&bed));
            thread::spawn(move || {
                shared.end();
                shared.lie_down(&bed);
            })
        };
        shared.wait(false);
        worker.join().unwrap();
        shared.assert_told(&[&bed]);
    });
}

/// The last task ends on a thread that gave its seat up, while the worker, for whom somebody waits, lies down.
fn a_wait_races_with_a_poll_that_went_astray() {
    check(None, || {
        let shared = Shared::new(1);
        let bed = Bed::new();
        let comes_back = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.end();
                // What `Scheduler::come_back` does.
                shared.astray.fetch_sub(1, Ordering::Release);
                shared.idle.call_if_awaited();
            })
        };
        shared.wait(false);
        shared.lie_down(&bed);
        comes_back.join().unwrap();
        shared.assert_told(&[&bed]);
    });
}

/// The same for a guest, whose future is all that is left.
fn a_wait_races_with_a_guest_that_leaves() {
    check(None, || {
        let shared = Shared::new(0);
        shared.idle.sit_down_as_guest();
        let bed = Bed::new();
        let guest = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                shared.end();
                shared.idle.stand_up_as_guest();
            })
        };
        shared.wait(false);
        shared.lie_down(&bed);
        guest.join().unwrap();
        shared.assert_told(&[&bed]);
    });
}

/// A task blocks until nothing is left, and its seat goes to another thread, which runs what lies there.
fn a_wait_races_with_a_seat_that_is_taken() {
    check(Some(3), || {
        let shared = Shared::new(1);
        shared.slot.push(1, ()).expect("open");
        let (bed, other, watcher) = (Bed::new(), Bed::new(), Bed::new());
        shared.wait(true);
        // Somebody watches already, so that who takes the seat need not call anybody.
        shared.idle.sit_down();
        shared.idle.lie_down(&watcher, false);
        assert_eq!(watcher.call(), Call::Watch);
        let takes_it = {
            let (shared, bed) = (Arc::clone(&shared), Arc::clone(&other));
            thread::spawn(move || {
                shared.idle.sit_down();
                if shared.slot.pop(0, |_| 0, |_| ()).is_some() {
                    thread::yield_now();
                    shared.end();
                }
                shared.lie_down(&bed);
            })
        };
        shared.lie_down(&bed);
        takes_it.join().unwrap();
        shared.assert_told(&[&bed, &other, &watcher]);
    });
}

#[test]
fn canary_a_waiter_that_calls_nobody_is_caught() {
    assert!(fails_without(
        Fence::WaiterCalls,
        a_wait_races_with_the_last_poll
    ));
}

#[test]
fn canary_a_poll_that_comes_back_without_a_fence_is_caught() {
    assert!(fails_without(
        Fence::Producer,
        a_wait_races_with_a_poll_that_went_astray
    ));
}

#[test]
fn canary_a_worker_that_looks_without_a_fence_is_caught() {
    assert!(fails_without(
        Fence::Sleeper,
        a_wait_races_with_a_poll_that_went_astray
    ));
}

#[test]
fn canary_a_guest_that_leaves_in_silence_is_caught() {
    assert!(fails_without(
        Fence::GuestLeaves,
        a_wait_races_with_a_guest_that_leaves
    ));
}

#[test]
fn canary_a_seat_that_is_taken_while_somebody_looks_is_caught() {
    assert!(fails_without(
        Fence::SeatLock,
        a_wait_races_with_a_seat_that_is_taken
    ));
}

#[test]
fn who_begins_to_wait_beside_the_last_poll_is_told() {
    a_wait_races_with_the_last_poll();
}

#[test]
fn who_waits_beside_a_poll_that_went_astray_is_told() {
    a_wait_races_with_a_poll_that_went_astray();
}

#[test]
fn who_waits_beside_a_guest_that_leaves_is_told() {
    a_wait_races_with_a_guest_that_leaves();
}

#[test]
fn who_waits_beside_a_seat_that_is_taken_is_told_when_it_is_empty() {
    a_wait_races_with_a_seat_that_is_taken();
}
