//! Work that is too fine to share, and a poll that turns out slow all the same: nobody is left behind.
//!
//! In every test the slow poll ends only when the other task has begun.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::executor::Executor;
use crate::policy;
use crate::scheduler::{Scheduler, get};
use crate::{block_on, spawn, yield_now};

/// Much longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An executor that has learnt that its work is too fine to share.
struct Fine {
    executor: Executor,
    scheduler: &'static Scheduler,
}

impl Fine {
    fn new(workers: usize) -> Self {
        let executor = Executor::builder().threads(workers).build().unwrap();
        let scheduler = get(executor.home().id).unwrap();
        Self {
            executor,
            scheduler,
        }
    }

    fn learn(&self) {
        for _ in 0..policy::FINE_SCORE {
            self.scheduler.idle.learn(false);
        }
        assert!(self.scheduler.idle.is_fine());
    }

    /// Waits until all workers have lain down.
    fn all_asleep(&self) {
        spin_until(|| self.scheduler.idle.awake() == 0);
    }

    /// Fills so many workers with polls that last until all of `tasks` have begun, and says when all of
    /// them are at it.
    fn slow_polls(&self, polls: usize, begun: &Begun) -> Vec<crate::JoinHandle<()>> {
        let inside = Begun::new(polls);
        let slow = (0..polls).map(|_| {
            let (begun, inside) = (begun.clone(), inside.clone());
            let slow = async move {
                inside.add();
                begun.wait();
            };
            // One after another, each to a worker that sleeps: nobody shares fine work.
            self.scheduler.idle.forget();
            self.executor.spawn(slow)
        });
        let slow = slow.collect();
        inside.wait();
        slow
    }
}

/// How many tasks have begun, of how many.
#[derive(Clone)]
struct Begun(Arc<Mutex<usize>>, usize);

impl Begun {
    fn new(all: usize) -> Self {
        Self(Arc::default(), all)
    }

    fn add(&self) {
        *self.0.lock().unwrap() += 1;
    }

    fn task(&self) -> impl Future<Output = ()> + Send + 'static {
        let begun = self.clone();
        async move { begun.add() }
    }

    fn wait(&self) {
        spin_until(|| *self.0.lock().unwrap() >= self.1);
    }
}

/// Gives up, with a panic, when it has lasted for long.
fn spin_until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "stranded");
        thread::yield_now();
    }
}

#[test]
fn a_task_from_outside_begins_beside_slow_polls() {
    for workers in [2, 4] {
        let fine = Fine::new(workers);
        for round in 0..20 {
            let begun = Begun::new(1);
            let slow = fine.slow_polls(workers - 1, &begun);
            fine.learn();
            if round % 2 == 0 {
                // Long enough for the watcher to find all polls slow, and to leave.
                thread::sleep(Duration::from_millis(3));
            }
            fine.executor.spawn(begun.task()).detach();
            slow.into_iter().for_each(block_on);
        }
    }
}

#[test]
fn what_a_slow_poll_spawns_begins_elsewhere() {
    for workers in [2, 4] {
        let fine = Fine::new(workers);
        for tasks in [1, 2, 3, 9, 65, 300, 1_000] {
            for late in [false, true] {
                fine.learn();
                let begun = Begun::new(tasks);
                let slow = fine.executor.spawn(async move {
                    if late {
                        thread::sleep(Duration::from_millis(3));
                    }
                    for _ in 0..tasks {
                        spawn(begun.task()).detach();
                    }
                    begun.wait();
                });
                block_on(slow);
            }
        }
    }
}

#[test]
fn what_overflowed_before_a_poll_turned_out_slow_begins_elsewhere() {
    let fine = Fine::new(2);
    for _ in 0..10 {
        fine.learn();
        let begun = Begun::new(600);
        let (all, slow) = (begun.clone(), begun.clone());
        let first = fine.executor.spawn(async move {
            for index in 0..600 {
                let (begun, slow) = (begun.clone(), slow.clone());
                let task = async move {
                    begun.add();
                    if index == 200 {
                        slow.wait();
                    }
                };
                spawn(task).detach();
            }
        });
        block_on(first);
        all.wait();
    }
}

#[test]
fn a_task_from_outside_wakes_one_who_sleeps() {
    for workers in [1, 2, 4] {
        let fine = Fine::new(workers);
        for _ in 0..200 {
            fine.all_asleep();
            fine.learn();
            let (tell, told) = mpsc::channel();
            let task = async move { tell.send(()).unwrap() };
            fine.executor.spawn(task).detach();
            told.recv_timeout(PATIENCE).expect("stranded");
        }
    }
}

#[test]
fn what_a_guest_spawns_begins_while_it_computes() {
    for workers in [1, 2, 4] {
        let fine = Fine::new(workers);
        for tasks in [1, 2, 3, 100, 600] {
            for _ in 0..5 {
                fine.all_asleep();
                fine.learn();
                let begun = Begun::new(tasks);
                fine.executor.block_on(async move {
                    for _ in 0..tasks {
                        spawn(begun.task()).detach();
                    }
                    begun.wait();
                });
            }
        }
    }
}

#[test]
fn what_a_guest_spawns_begins_beside_slow_polls() {
    let fine = Fine::new(3);
    for tasks in [1, 2, 3, 100, 600] {
        let begun = Begun::new(tasks);
        let slow = fine.slow_polls(2, &begun);
        fine.learn();
        let begins = begun.clone();
        fine.executor.block_on(async move {
            for _ in 0..tasks {
                spawn(begins.task()).detach();
            }
            begins.wait();
        });
        slow.into_iter().for_each(block_on);
    }
}

/// The one worker that is awake could go on for ever without a look at what the guest has in its ring or its slot; the
/// other one comes for it all the same, to see whether it is still too fine.
#[test]
fn what_a_guest_has_begins_beside_polls_that_never_end_to_be_short() {
    let fine = Fine::new(2);
    for tasks in [1, 2, 3, 100] {
        for awaits in [false, true] {
            let done = Arc::new(Mutex::new(false));
            let ends = Arc::clone(&done);
            fine.all_asleep();
            let busy = fine.executor.spawn(async move {
                while !*ends.lock().unwrap() {
                    yield_now().await;
                }
            });
            fine.executor.block_on(async {
                // One that has awaited what it spawned keeps the next one in its slot.
                let first = spawn(async {});
                if awaits {
                    first.await;
                } else {
                    yield_now().await;
                }
                fine.learn();
                let begun = Begun::new(tasks);
                for _ in 0..tasks {
                    spawn(begun.task()).detach();
                }
                begun.wait();
            });
            *done.lock().unwrap() = true;
            block_on(busy);
        }
    }
}

#[test]
fn a_new_executor_knows_nothing_of_what_the_one_before_learnt() {
    let fine = Fine::new(1);
    fine.learn();
    let id = fine.executor.home().id;
    drop(fine);
    // One of them gets its place.
    let next: Vec<_> = (0..8).map(|_| Fine::new(1)).collect();
    let heir = next
        .iter()
        .find(|one| one.executor.home().id.index() == id.index());
    assert!(heir.is_none_or(|heir| !heir.scheduler.idle.is_fine()));
}
