//! The fifth step: one queue per worker, and stealing.
//!
//! What a task spawns or wakes goes to the queue of the worker that runs it: no lock, and the memory is
//! in the right cache. A worker with nothing to do takes half of what somebody else has. The shared queue
//! remains for what comes from other threads and for what finds a full ring: the *injector*.
//!
//! # What it lacks
//!
//! Each push wakes a sleeper, even if somebody is about to find the task: rejoin counts who searches. A
//! new task lies behind all others, also one that the running task waits for: rejoin has a slot in front.
//! Each push fences: a worker of rejoin does not, and a watcher makes up for it. And the schedule function
//! captures where the queues are.

mod injector;

use std::cell::OnceCell;
use std::future::Future;
use std::ptr;
use std::thread;

use async_task::Runnable;
use st3::StealError;
use st3::fifo::{Stealer, Worker as Ring};

use self::injector::Injector;
pub use crate::v4::JoinHandle;
use crate::v4::caught;

/// Room in a worker's own queue.
const ROOM: usize = 256;

/// A worker looks at the injector first once in so many polls, or a busy ring would keep it waiting.
const INJECTOR_INTERVAL: u32 = 61;

thread_local! {
    /// The own queue of a worker, and among whom it works.
    static OWN: OnceCell<(&'static Shared, Ring<Runnable>)> = const { OnceCell::new() };
}

#[derive(Debug)]
struct Shared {
    injector: Injector<Runnable>,
    stealers: Vec<Stealer<Runnable>>,
}

impl Shared {
    fn schedule(&'static self, runnable: Runnable) {
        let rejected = OWN.with(|own| match own.get() {
            Some((shared, ring)) if ptr::eq(*shared, self) => ring.push(runnable).err(),
            _ => Some(runnable),
        });
        match rejected {
            Some(runnable) => self.injector.push(runnable),
            None => self.injector.call(),
        }
    }

    fn work(&self, ring: &Ring<Runnable>) -> ! {
        let mut polls = 0_u32;
        loop {
            polls = polls.wrapping_add(1);
            let is_turn = polls % INJECTOR_INTERVAL == 0;
            let early = is_turn.then(|| self.injector.try_pop()).flatten();
            let next = early.or_else(|| ring.pop()).or_else(|| self.steal(ring));
            next.unwrap_or_else(|| self.injector.pop_or(|| self.steal(ring)))
                .run();
        }
    }

    /// Takes half of the first ring that holds anything: one to run, the rest into the own ring.
    fn steal(&self, ring: &Ring<Runnable>) -> Option<Runnable> {
        let half = |len: usize| len.div_ceil(2);
        self.stealers.iter().find_map(|stealer| {
            loop {
                match stealer.steal_and_pop(ring, half) {
                    Ok((runnable, _)) => return Some(runnable),
                    Err(StealError::Empty) => return None,
                    // Another thief is at it. What it leaves may be ours.
                    Err(StealError::Busy) => thread::yield_now(),
                }
            }
        })
    }
}

/// Workers with a queue each, which never end.
#[derive(Clone, Copy, Debug)]
pub struct Executor {
    shared: &'static Shared,
}

impl Executor {
    /// Starts so many threads, and panics if it cannot.
    pub fn start(threads: usize) -> Self {
        let rings: Vec<_> = (0..threads).map(|_| Ring::new(ROOM)).collect();
        let shared: &Shared = Box::leak(Box::new(Shared {
            injector: Injector::new(),
            stealers: rings.iter().map(Ring::stealer).collect(),
        }));
        for ring in rings {
            thread::spawn(|| {
                OWN.with(|own| shared.work(&own.get_or_init(|| (shared, ring)).1));
            });
        }
        Self { shared }
    }

    /// Starts `future` as a task. Dropping the handle detaches it.
    ///
    /// ```
    /// use rejoin_ladder::{block_on, v5::Executor};
    ///
    /// let executor = Executor::start(2);
    /// assert_eq!(block_on(executor.spawn(async { 6 * 7 })), 42);
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let shared = self.shared;
        let (runnable, task) = async_task::spawn(caught(future), move |one| shared.schedule(one));
        runnable.schedule();
        JoinHandle(Some(task))
    }

    /// How often something went through the shared queue.
    pub fn shared_pushes(&self) -> u64 {
        self.shared.injector.pushes()
    }
}
