//! How seats pass from thread to thread, and how the last thread ends the service.
//!
//! Real here: seats and threads of a crew, and the injector. The threads are stand-ins that do what
//! `crew::Crew::run_thread` does: take a seat, find nothing more on it, put it aside, leave. A wait that nobody ends is
//! reported by loom itself.
//!
//! Nothing here holds that no thread leaves while a poll without a seat goes on: who is in such a poll is counted by the
//! scheduler, looked at again and again, and the matter of the simulation (`sim::Decision::MindTheAstray`).

use std::sync::Arc;

use loom::thread;

use super::{Fence, check, fails_without};
use crate::crew::seats::Seats;
use crate::injector::Injector;

/// More threads than ever wait for a seat.
const MANY: usize = 9;

/// What came of the executor.
#[derive(Debug, Default)]
struct Outcome {
    /// How often its service ended.
    ends: usize,
    /// How many seats there were then.
    seats: usize,
    /// Tasks that a thread with a seat cancelled.
    cancelled: usize,
}

struct Crew {
    seats: Seats<u32, Outcome>,
    injector: Injector<u32>,
}

impl Crew {
    /// With these seats vacant, and so many threads that are counted.
    fn new(vacant: Vec<u32>, threads: usize) -> Arc<Self> {
        let crew = Self {
            seats: Seats::new(vacant, Outcome::default()),
            injector: Injector::new(1),
        };
        crew.injector.open(1);
        crew.seats.lock().alive = threads;
        Arc::new(crew)
    }

    fn take(&self) -> Option<u32> {
        self.seats.take(MANY, || self.injector.is_empty())
    }

    /// What a thread does with a seat when the executor closes.
    fn work(&self, held: u32) {
        while self.injector.pop(0, |_| 0, |_| ()).is_some() {
            self.seats.lock().rest.cancelled += 1;
        }
        self.seats.put_aside(held);
    }

    /// The rest of a thread's life: until it is not needed any more.
    fn run(&self) {
        loop {
            while let Some(held) = self.take() {
                self.work(held);
            }
            let release = |seats: &mut Vec<u32>, outcome: &mut Outcome| {
                self.injector.close().then(|| {
                    outcome.ends += 1;
                    outcome.seats = seats.len();
                })
            };
            if self.seats.leave(|_| (), release).is_some() {
                return;
            }
        }
    }

    /// One more thread, which counts before it runs.
    fn start(self: &Arc<Self>) -> thread::JoinHandle<()> {
        self.seats.lock().alive += 1;
        let crew = Arc::clone(self);
        thread::spawn(move || crew.run())
    }

    /// A worker blocks with the seat `held`: it is given to one who waits, or to a new thread, which is returned.
    fn block(self: &Arc<Self>, held: u32) -> Option<thread::JoinHandle<()>> {
        (!self.seats.give(held)).then(|| self.start())
    }

    /// Waits until all threads have left, and looks what came of it.
    fn ends_with(&self, seats: usize) {
        let state = self.seats.wait_until_left(0);
        let outcome = &state.rest;
        assert_eq!((outcome.ends, outcome.seats), (1, seats), "{outcome:?}");
        assert!(state.vacant.is_empty(), "a seat is left over");
    }
}

/// Two workers block at the same time, and one thread waits for a seat: both seats find a thread, though both blocked
/// threads go on blocking.
fn two_seats_are_given_away_while_one_thread_waits() {
    check(Some(3), || {
        let crew = Crew::new(Vec::new(), 3);
        let waits = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || crew.take())
        };
        let blocks = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || !crew.seats.give(1))
        };
        let mut started = usize::from(!crew.seats.give(2));
        started += usize::from(blocks.join().unwrap());
        // Who waits has been told by now, if anybody relies on it. If nobody does, it is let go.
        crew.seats.close();
        let mut seated = usize::from(waits.join().unwrap().is_some());
        for _ in 0..started {
            seated += usize::from(crew.take().is_some());
        }
        assert_eq!(seated, 2, "a seat that nobody takes");
    });
}

/// A worker blocks and comes back, while the executor closes and a task comes from outside: the service ends once, with
/// the seat, and the task is cancelled or refused.
fn a_seat_is_handed_over_while_the_executor_closes() {
    check(Some(2), || {
        let crew = Crew::new(Vec::new(), 1);
        let worker = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || {
                let other = crew.block(7);
                crew.run();
                other.map(thread::JoinHandle::join)
            })
        };
        let outside = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || usize::from(crew.injector.push(1, 3).is_err()))
        };
        crew.seats.close();
        crew.ends_with(1);
        worker.join().unwrap();
        let refused = outside.join().unwrap();
        let cancelled = crew.seats.lock().rest.cancelled;
        assert_eq!(cancelled + refused, 1, "a task is lost, or told twice");
    });
}

/// Whoever shuts an executor down lends a seat for all that are stuck, just when the only one of them comes back and finds
/// nothing left to do: the thread that is started for it finds the service still there, and the two seats are all there
/// at the end.
fn a_seat_is_lent_while_the_last_thread_leaves() {
    check(Some(3), || {
        let crew = Crew::new(Vec::new(), 1);
        crew.seats.close();
        let stuck = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || {
                crew.work(1);
                crew.run();
            })
        };
        let mut seats = 1;
        let lent = crew.seats.lend(|| {
            seats += 1;
            2
        });
        let other = lent.then(|| crew.start());
        if lent {
            crew.seats.has_lent(|_| ());
        }
        stuck.join().unwrap();
        other.map(thread::JoinHandle::join);
        crew.ends_with(seats);
    });
}

#[test]
fn canary_one_who_waits_and_is_promised_to_two_is_caught() {
    assert!(fails_without(
        Fence::OneEach,
        two_seats_are_given_away_while_one_thread_waits
    ));
}

#[test]
fn canary_a_last_thread_that_does_not_wait_for_one_that_is_started_is_caught() {
    assert!(fails_without(
        Fence::Starting,
        a_seat_is_lent_while_the_last_thread_leaves
    ));
}

#[test]
fn two_seats_that_are_given_away_find_two_threads() {
    two_seats_are_given_away_while_one_thread_waits();
}

#[test]
fn a_seat_handed_over_while_the_executor_closes_is_there_at_its_end() {
    a_seat_is_handed_over_while_the_executor_closes();
}

#[test]
fn a_seat_lent_while_the_last_thread_leaves_is_there_at_its_end() {
    a_seat_is_lent_while_the_last_thread_leaves();
}
