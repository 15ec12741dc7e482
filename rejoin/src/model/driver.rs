//! The driver: a wake from outside against a worker that lies down in it, and one who leaves it against one who
//! finds it taken.

use std::cell::Cell;
use std::task::Waker;
use std::time::Duration;

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::{Fence, check, fails_without, has};
use crate::driver::{Driver, Post};
use crate::idle::{Bed, Call, Idle};
use crate::injector::Injector;

/// A driver that knows of nothing but being interrupted. Its wait ends when the others are `done`, too, and then
/// somebody has forgotten the sleeper: a model that fails by a deadlock takes the process with it.
struct Bell(Mutex<State>);

#[derive(Default)]
struct State {
    rung: bool,
    done: bool,
}

thread_local! {
    /// The driver of the model that runs. loom runs all threads of a model on the test's own.
    static BELL: Cell<Option<&'static Bell>> = const { Cell::new(None) };
}

/// What [`driver::interrupt`](crate::driver) is in the models.
pub(crate) fn interrupt() {
    if let (true, Some(bell)) = (has(Fence::Interrupt), BELL.get()) {
        bell.interrupt();
    }
}

impl Bell {
    /// The driver of this model, for as long as it runs.
    fn install() -> &'static Self {
        let bell = Box::leak(Box::new(Self(Mutex::new(State::default()))));
        BELL.set(Some(bell));
        bell
    }

    /// Nobody will ring from now on.
    fn end(&self) {
        self.0.lock().unwrap().done = true;
    }
}

impl Driver for Bell {
    fn wait(&self, _: Option<Duration>, _: &mut Vec<Waker>) {
        loop {
            let mut state = self.0.lock().unwrap();
            if std::mem::take(&mut state.rung) {
                return;
            }
            let done = state.done;
            drop(state);
            assert!(!done, "asleep in the driver, and nobody rings");
            thread::yield_now();
        }
    }

    fn interrupt(&self) {
        self.0.lock().unwrap().rung = true;
    }

    fn is_in_use(&self) -> bool {
        false
    }
}

/// One item from outside, one worker that is about to sleep in the driver.
fn push_races_with_sleep_in_the_driver() {
    check(Some(3), || {
        let bell = Bell::install();
        let shared = Arc::new((Injector::new(1), Idle::new(), Post::new(bell)));
        shared.0.open(1);
        let worker = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (injector, idle, post) = &*shared;
                let bed = Bed::new();
                idle.sit_down();
                let must_look = idle.lie_down(&bed, false);
                if must_look && !injector.is_empty() {
                    return idle.get_up(&bed);
                }
                while bed.call() != Call::Up {
                    let taken = post.take().expect("nobody else is there");
                    bed.sleep_in(&taken, &mut Vec::new());
                }
            })
        };
        let (injector, idle, _) = &*shared;
        injector.push(1, 7).expect("open");
        idle.notify_from_outside(|| false);
        bell.end();
        worker.join().unwrap();
    });
}

/// A worker of one executor leaves the post, one of another lies down: it takes the post, or is told to watch.
fn leaving_races_with_lying_down() {
    check(None, || {
        let bell = Bell::install();
        let idles = [Idle::new(), Idle::new()];
        let shared = Arc::new((idles, Post::new(bell)));
        let sleeper = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (idles, post) = &*shared;
                let bed = Bed::new();
                idles[1].sit_down();
                idles[1].lie_down(&bed, false);
                (post.take().is_some(), bed)
            })
        };
        let (idles, post) = &*shared;
        idles[0].sit_down();
        // The sleeper may have it already, and leave it at once: then it is parked without a watcher, and that
        // is not what is asked here.
        if let Some(taken) = post.take() {
            drop(taken);
            post.relieve(idles.iter());
        }
        let (took, bed) = sleeper.join().unwrap();
        assert!(
            took || bed.call() == Call::Watch,
            "nobody looks into the driver"
        );
    });
}

#[test]
fn canary_a_parker_that_forgets_the_driver_is_caught() {
    assert!(fails_without(
        Fence::Interrupt,
        push_races_with_sleep_in_the_driver
    ));
}

#[test]
fn canary_a_push_beside_the_driver_needs_the_producers_fence() {
    assert!(fails_without(
        Fence::Producer,
        push_races_with_sleep_in_the_driver
    ));
}

#[test]
fn canary_missing_leavers_fence_is_caught() {
    assert!(fails_without(Fence::Leaver, leaving_races_with_lying_down));
}

#[test]
fn canary_the_driver_needs_the_sleepers_fence() {
    assert!(fails_without(Fence::Sleeper, leaving_races_with_lying_down));
}

#[test]
fn a_push_that_races_with_sleep_in_the_driver_is_found() {
    push_races_with_sleep_in_the_driver();
}

#[test]
fn a_post_that_is_left_is_seen_to() {
    leaving_races_with_lying_down();
}
