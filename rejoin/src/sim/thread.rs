//! The calling thread's part in a simulation, and threads that take one.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::baton::{Interrupted, Turn};
use super::random::Random;
use crate::door;
use crate::hooks::{TaskId, TaskInfo};
use crate::idle::Idle;
use crate::policy;
use crate::seat::Held;
use crate::sync::{Ordering, StaticBool};

/// Whether there has ever been a simulation in this process. Without one, all of this costs a look at it.
static EVER: StaticBool = StaticBool::new(false);

thread_local! {
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
    /// The task that this thread polls.
    static POLLS: RefCell<Option<TaskId>> = const { RefCell::new(None) };
}

/// From now on there may be simulated threads.
pub(crate) fn begin() {
    // Ordering: Relaxed. A simulation's threads are started afterwards; no other one has a turn.
    EVER.store(true, Ordering::Relaxed);
}

#[inline]
fn ever() -> bool {
    // Ordering: Relaxed, as in `begin`.
    EVER.load(Ordering::Relaxed)
}

/// What `look` makes of the calling thread's turn, if it is simulated.
#[inline]
pub(crate) fn with_turn<R>(look: impl FnOnce(&Turn) -> R) -> Option<R> {
    if !ever() {
        return None;
    }
    let look = |turn: &RefCell<Option<Turn>>| turn.borrow().as_ref().map(look);
    TURN.try_with(look).ok().flatten()
}

/// The calling thread's turn, if it is simulated.
#[inline]
pub(crate) fn current() -> Option<Turn> {
    with_turn(Turn::clone)
}

/// Whether the calling thread is part of a simulation.
///
/// # Examples
///
/// ```
/// use rejoin::sim;
///
/// assert!(!sim::is_simulated());
/// sim::check(0..1, || async { assert!(sim::is_simulated()) });
/// ```
#[inline]
pub fn is_simulated() -> bool {
    with_turn(|_| ()).is_some()
}

/// Here another thread of the simulation may run in place of the calling one, as if the operating system
/// had preempted it. Outside a simulation it does nothing.
///
/// It need not be in async code. Schedules are switched at every poll and at every await of this crate's
/// futures anyway; put this between two steps that another thread must not come between.
///
/// Do not call it with a lock held that another thread of the simulation may want: that thread would block
/// where the simulation does not see it, and be reported as stuck.
///
/// # Examples
///
/// ```
/// use rejoin::sim;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
///
/// fn broken_increment(number: &AtomicU32) {
///     let read = number.load(SeqCst);
///     sim::preempt();
///     number.store(read + 1, SeqCst);
/// }
///
/// let found = std::panic::catch_unwind(|| {
///     sim::check(0..200, || async {
///         let number = Arc::new(AtomicU32::new(0));
///         let other = Arc::clone(&number);
///         let task = rejoin::spawn(async move { broken_increment(&other) });
///         broken_increment(&number);
///         task.await;
///         assert_eq!(number.load(SeqCst), 2);
///     });
/// });
/// assert!(found.is_err());
/// ```
#[inline]
pub fn preempt() {
    if ever() {
        with_turn(Turn::point);
    }
}

/// A number below `bound`, drawn from the seed: for tests whose input should vary with the schedule.
///
/// # Panics
///
/// Panics outside a simulation, or if `bound` is 0.
///
/// # Examples
///
/// ```
/// rejoin::sim::check(0..10, || async { assert!(rejoin::sim::random(6) < 6) });
/// ```
pub fn random(bound: u64) -> u64 {
    assert!(bound > 0, "there is no number below 0");
    let drawn = with_turn(|turn| turn.baton.lock().random.below(bound));
    drawn.expect("sim::random was called outside a simulation; call it inside of sim::check")
}

// ---- threads ----

/// Runs `run` as the thread of `turn`.
pub(crate) fn run_as(turn: Turn, run: impl FnOnce()) {
    turn.begin();
    TURN.with_borrow_mut(|own| *own = Some(turn.clone()));
    run();
    TURN.with_borrow_mut(Option::take);
    turn.end();
}

/// Starts a thread that serves the simulation until its end.
pub(crate) fn serve(turn: &Turn, name: &str, run: impl FnOnce(&Turn) + Send + 'static) {
    let own = turn.baton.add(name.to_owned());
    let served = own.clone();
    let started = thread::Builder::new().spawn(move || run_as(own, || run(&served)));
    let handle = started.expect("the simulation needs one more thread than could be started");
    turn.baton.keep(handle);
}

/// A thread that may be one of a simulation: if the one that starts it is.
#[derive(Debug)]
pub(crate) struct Started {
    handle: thread::JoinHandle<()>,
    turn: Option<Turn>,
}

impl Started {
    pub(crate) fn start(
        builder: thread::Builder,
        name: String,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let builder = builder.name(name.clone());
        let Some(own) = current() else {
            let handle = builder.spawn(run)?;
            return Ok(Self { handle, turn: None });
        };
        let turn = own.baton.add(name);
        let taken = turn.clone();
        match builder.spawn(move || run_as(taken, run)) {
            Ok(handle) => Ok(Self {
                handle,
                turn: Some(turn),
            }),
            Err(error) => {
                turn.abandon();
                Err(error)
            }
        }
    }

    pub(crate) fn thread(&self) -> &thread::Thread {
        self.handle.thread()
    }

    pub(crate) fn join(self) -> thread::Result<()> {
        if let (Some(own), Some(turn)) = (current(), &self.turn) {
            own.join(turn.thread);
        }
        self.handle.join()
    }
}

/// Starts a thread of the simulation: what is woken, spawned or blocked on in it comes from outside the
/// executor's workers. A free [`spawn`](crate::spawn) in it means what it means here.
///
/// Threads started in any other way are not part of the simulation and not replayed.
///
/// # Panics
///
/// Panics outside a simulation, or if no thread can be started.
///
/// # Examples
///
/// ```
/// use rejoin::sim;
///
/// sim::check(0..10, || async {
///     let thread = sim::thread(|| rejoin::block_on(rejoin::spawn(async { 7 })));
///     assert_eq!(thread.join().unwrap(), 7);
/// });
/// ```
pub fn thread<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> Thread<R> {
    let own = current();
    let own = own.expect("sim::thread was called outside a simulation; use std::thread::spawn");
    let turn = own.baton.add("of its own".to_owned());
    let (result, inside) = (Arc::new(Mutex::new(None)), door::inside());
    let (taken, put) = (turn.clone(), Arc::clone(&result));
    let started = thread::Builder::new().spawn(move || {
        run_as(taken, || {
            door::set_inside(inside);
            let returned = catch_unwind(AssertUnwindSafe(run));
            *put.lock().unwrap_or_else(PoisonError::into_inner) = Some(returned);
        });
    });
    own.baton
        .keep(started.expect("sim::thread could not start a thread"));
    Thread { turn, result }
}

/// A thread of a simulation; dropping this lets it go on alone, to the simulation's end.
///
/// # Examples
///
/// See [`thread`](fn@thread).
#[derive(Debug)]
pub struct Thread<R> {
    turn: Turn,
    result: Arc<Mutex<Option<thread::Result<R>>>>,
}

impl<R> Thread<R> {
    /// Waits until the thread has ended, and gives what it returned or panicked with.
    ///
    /// # Errors
    ///
    /// The payload of the thread's panic.
    ///
    /// # Panics
    ///
    /// Panics if it is called outside the thread's simulation.
    ///
    /// # Examples
    ///
    /// See [`thread`](fn@thread).
    pub fn join(self) -> thread::Result<R> {
        let own = current().expect("a thread of a simulation is joined in it");
        own.join(self.turn.thread);
        raise_if_interrupted();
        let result = self
            .result
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        result.unwrap_or_else(|| Err(Box::new(Interrupted) as Box<dyn Any + Send>))
    }
}

// ---- what the executor asks ----

/// Time as the workers' ticks see it.
pub(crate) fn ticks() -> Instant {
    with_turn(Turn::ticks).unwrap_or_else(Instant::now)
}

/// Parks the calling thread, whose turn this is.
pub(crate) fn park(turn: &Turn, timeout: Option<Duration>) {
    let in_bed = door::is_seated() && !door::is_guest();
    turn.park(timeout, in_bed);
}

/// Whether the calling thread must stop blocking on a future, because nothing will ever wake it.
pub(crate) fn is_interrupted() -> bool {
    with_turn(Turn::is_interrupted) == Some(true)
}

/// Ends what the calling thread blocks on, if it must.
fn raise_if_interrupted() {
    if is_interrupted() && !thread::panicking() {
        resume_unwind(Box::new(Interrupted));
    }
}

/// The calling thread is about to poll the future that it blocks on.
#[inline]
pub(crate) fn point_in_block_on() {
    if ever() {
        with_turn(Turn::point);
        raise_if_interrupted();
    }
}

/// The handle of `task` is about to be polled.
#[inline]
pub(crate) fn point_at_handle(task: impl FnOnce() -> TaskId) {
    if ever() {
        note_awaited(task);
    }
}

#[cold]
fn note_awaited(task: impl FnOnce() -> TaskId) {
    with_turn(|turn| {
        if let Ok(Some(polled)) = POLLS.try_with(|polls| *polls.borrow()) {
            turn.baton.lock().tasks.awaits(polled, task());
        }
        turn.point();
    });
}

/// A task is about to be polled, by a worker whose next choices are shuffled.
pub(crate) fn poll_begins(info: &TaskInfo) {
    with_turn(|turn| {
        let (tick, streak) = {
            let mut state = turn.baton.lock();
            let number = state.tasks.polled(info.id());
            state.trace.poll(number, info);
            let random = &mut state.random;
            (tick(random), random.below(8) == 0)
        };
        let _ = POLLS.try_with(|polls| *polls.borrow_mut() = Some(info.id()));
        door::with_seat(|_, held| held.shuffle(tick, streak));
        turn.point();
    });
}

pub(crate) fn poll_ends() {
    with_turn(|turn| {
        let _ = POLLS.try_with(|polls| *polls.borrow_mut() = None);
        turn.point();
    });
}

/// Sets where the counters of a seat stand, for a worker that has not polled anything yet.
pub(crate) fn shuffle(held: &Held) {
    let tick = with_turn(|turn| tick(&mut turn.baton.lock().random));
    held.shuffle(tick.unwrap_or(0), false);
}

/// Lets one executor in three begin as if its work had been found too fine to share.
pub(crate) fn shuffle_idle(idle: &Idle) {
    if with_turn(|turn| turn.baton.lock().random.below(3)) == Some(0) {
        (0..policy::FINE_SCORE).for_each(|_| idle.learn(false));
    }
}

/// A worker's counter, which decides where it looks first, and whom it robs first: one of the low seats,
/// which are those in use.
fn tick(random: &mut Random) -> u32 {
    (random.next() as u32) << 5 | random.below(8) as u32
}
