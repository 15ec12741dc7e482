//! The state of a task made by hand, in every interleaving of two wakers and two workers.

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::sync::Ordering;
use crate::v1::state::{RUNNING, State, WOKEN};

/// How a canary goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// A poll begins by a plain store.
    StoredBegin,
    /// A poll ends by a look and then a store.
    TornEnd,
    /// A wake that finds the task running schedules it.
    HastyWake,
    /// A task that has finished goes back to where it waited.
    ForgetfulFinish,
}

/// A task whose future is ready once it has seen two messages.
struct Task {
    state: State,
    /// What each waker leaves before it wakes: no ordering but the state's brings it to the poll.
    messages: [AtomicUsize; 2],
    /// How often the task lies in the queue.
    queued: Mutex<usize>,
    is_polled: AtomicBool,
    has_finished: AtomicBool,
    fault: Fault,
}

impl Task {
    fn new(fault: Fault) -> Self {
        Self {
            state: State::scheduled(),
            messages: [AtomicUsize::new(0), AtomicUsize::new(0)],
            queued: Mutex::new(1),
            is_polled: AtomicBool::new(false),
            has_finished: AtomicBool::new(false),
            fault,
        }
    }

    fn wake(&self, waker: usize) {
        self.messages[waker].store(1, Relaxed);
        let must_schedule = match self.fault {
            Fault::HastyWake => self.state.0.fetch_or(WOKEN, Ordering::AcqRel) & WOKEN == 0,
            _ => self.state.wake(),
        };
        if must_schedule {
            self.push();
        }
    }

    fn push(&self) {
        let mut queued = self.queued.lock().unwrap();
        assert_eq!(*queued, 0, "a task lies in the queue once");
        *queued += 1;
    }

    /// Polls the task if it lies in the queue.
    fn run_if_queued(&self) -> bool {
        let queued = std::mem::take(&mut *self.queued.lock().unwrap());
        if queued == 0 {
            return false;
        }
        match self.fault {
            Fault::StoredBegin => self.state.0.store(RUNNING, Ordering::Relaxed),
            _ => self.state.begin(),
        }
        assert!(!self.is_polled.swap(true, Relaxed), "one thread polls");
        assert!(
            !self.has_finished.load(Relaxed),
            "what has finished is not polled"
        );
        let is_ready = self
            .messages
            .iter()
            .all(|message| message.load(Relaxed) == 1);
        self.is_polled.store(false, Relaxed);
        if is_ready {
            self.has_finished.store(true, Relaxed);
        }
        if !is_ready || self.fault == Fault::ForgetfulFinish {
            let must_schedule = match self.fault {
                Fault::TornEnd => {
                    let woken = self.state.0.load(Ordering::Acquire) & WOKEN;
                    self.state.0.store(woken, Ordering::Release);
                    woken != 0
                }
                _ => self.state.end(),
            };
            if must_schedule {
                self.push();
            }
        }
        true
    }
}

/// Two wakers, one worker beside them, and one at the end for what is left.
fn nobody_is_forgotten(fault: Fault) {
    loom::model(move || {
        let task = Arc::new(Task::new(fault));
        let threads: Vec<_> = (0..2)
            .map(|waker| {
                let task = Arc::clone(&task);
                thread::spawn(move || task.wake(waker))
            })
            .collect();
        task.run_if_queued();
        for thread in threads {
            thread.join().unwrap();
        }
        while task.run_if_queued() {}
        // The joins above would show the messages to anybody who looks now; the last poll has looked.
        assert!(task.has_finished.load(Relaxed), "both messages were seen");
    });
}

/// One waker, and two workers at the same queue.
fn one_thread_polls(fault: Fault) {
    loom::model(move || {
        let task = Arc::new(Task::new(fault));
        task.messages[1].store(1, Relaxed);
        let waker = {
            let task = Arc::clone(&task);
            thread::spawn(move || task.wake(0))
        };
        let worker = {
            let task = Arc::clone(&task);
            thread::spawn(move || task.run_if_queued())
        };
        task.run_if_queued();
        waker.join().unwrap();
        let _ran = worker.join().unwrap();
        while task.run_if_queued() {}
        assert!(task.has_finished.load(Relaxed), "both messages were seen");
    });
}

/// The promise that `model` breaks, if it breaks one.
fn broken(model: impl Fn() + std::panic::UnwindSafe) -> Option<String> {
    let thrown = std::panic::catch_unwind(model).err()?;
    let text = thrown.downcast_ref::<String>().cloned();
    Some(text.unwrap_or_else(|| (*thrown.downcast_ref::<&str>().expect("a message")).to_owned()))
}

/// Demands that `model` breaks `promise`.
fn breaks(promise: &str, model: impl Fn() + std::panic::UnwindSafe) {
    let broken = broken(model).expect("the model fails");
    assert!(broken.contains(promise), "{broken}");
}

#[test]
fn canary_a_poll_that_begins_by_a_store_is_caught() {
    let promise = "both messages were seen";
    breaks(promise, || nobody_is_forgotten(Fault::StoredBegin));
}

#[test]
fn canary_a_poll_that_ends_in_two_steps_is_caught() {
    let promise = "both messages were seen";
    breaks(promise, || nobody_is_forgotten(Fault::TornEnd));
}

#[test]
fn canary_a_wake_that_schedules_what_is_running_is_caught() {
    let promise = "a task lies in the queue once";
    breaks(promise, || one_thread_polls(Fault::HastyWake));
}

#[test]
fn canary_a_finish_that_takes_the_bit_back_is_caught() {
    let promise = "what has finished is not polled";
    breaks(promise, || one_thread_polls(Fault::ForgetfulFinish));
}

#[test]
fn whoever_wakes_the_task_is_not_forgotten() {
    nobody_is_forgotten(Fault::None);
}

#[test]
fn one_thread_at_a_time_polls_the_task() {
    one_thread_polls(Fault::None);
}
