//! Threads that pass a baton: one runs at a time, and a seed says which.
//!
//! # Invariants
//!
//! 1. Between the start and the end of a simulation at most one of its threads runs.
//! 2. Which thread runs next depends on the seed and on what the threads did before, and on nothing
//!    else: not on the clock, not on the operating system's scheduler.
//!
//! # Why they hold
//!
//! A thread goes on only while [`State::running`] names it. It gives the baton away under the lock, by
//! naming another one, and then waits. Everything that the choice looks at lies under that lock, is
//! changed only by the thread that has the baton, and is kept in vectors in the order of creation.
//!
//! # What is chosen
//!
//! At every *point* a thread that could go on may lose the baton. When a thread blocks, the next one is
//! drawn among those that are ready. When none is, the earliest deadline of a worker's sleep is reached at
//! once; when there is none either, or many have passed in vain, all is idle, and the [clock](super::clock) goes on.
//! When that has nothing to do, it is a deadlock.

mod told;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Timers;
use super::random::Random;
use super::style::Style;
use super::tasks::Tasks;
use super::trace::Trace;

/// What the threads of one simulation share.
#[derive(Debug)]
pub(crate) struct Baton {
    state: Mutex<State>,
    /// The last thread has ended, or the simulation has been given up.
    over: Condvar,
    /// The zero of the workers' virtual time.
    begin: Instant,
}

/// Everything that a choice may look at.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) random: Random,
    style: Style,
    threads: Vec<Thread>,
    /// The thread that has the baton.
    running: usize,
    /// Time as the workers' ticks see it. Apart from the users' time, which ticks must not move.
    ticks: Duration,
    /// Ticks in a row between which nothing was polled.
    vain_ticks: u32,
    pub(crate) timers: Timers,
    pub(crate) tasks: Tasks,
    /// How many workers an executor has by default.
    pub(crate) workers: usize,
    /// The decision that is wrong on purpose.
    pub(crate) broken: Option<super::canary::Decision>,
    pub(crate) trace: Trace,
    steps: u64,
    most_steps: u64,
    pub(crate) failure: Option<Failure>,
    /// The main thread has returned: whoever only serves may leave.
    pub(crate) closing: bool,
    over: bool,
    handles: Vec<thread::JoinHandle<()>>,
}

/// Once in so many points, the earliest sleep of a worker ends although others run: a slow poll, as the
/// watcher sees it.
const EARLY_TICK: u64 = 64;

/// After so many ticks in a row between which nothing was polled, the clock goes on although workers still wait for
/// ticks: those of an executor that closes do as long as any poll lasts, and that one may sleep until a time.
const VAIN_TICKS: u32 = 64;

#[derive(Debug)]
struct Thread {
    name: String,
    doing: Doing,
    /// An unpark that came before its park.
    token: bool,
    /// In a worker's bed when it parks, and not in `block_on`.
    in_bed: bool,
    interrupted: bool,
    rank: u64,
    turn: Arc<Condvar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Ready,
    Parked(Option<Duration>),
    /// Waits for a signal at this address.
    Waiting(usize),
    /// Waits for the end of another thread.
    Joining(usize),
    /// The clock, which goes on when nothing else can.
    Idle,
    Ended,
}

/// Why a simulation failed, other than by a panic of the test.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) String);

/// Thrown in threads that block for ever, so that they end.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// One thread's part in a simulation.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) baton: Arc<Baton>,
    pub(crate) thread: usize,
}

impl Baton {
    pub(crate) fn new(seed: u64, most_steps: u64, trace: Trace) -> Arc<Self> {
        let mut random = Random::new(seed);
        let style = Style::draw(&mut random);
        Arc::new(Self {
            state: Mutex::new(State {
                random,
                style,
                threads: Vec::new(),
                running: 0,
                ticks: Duration::ZERO,
                vain_ticks: 0,
                timers: Timers::default(),
                tasks: Tasks::default(),
                workers: 1,
                broken: super::canary::broken_here(),
                trace,
                steps: 0,
                most_steps,
                failure: None,
                closing: false,
                over: false,
                handles: Vec::new(),
            }),
            over: Condvar::new(),
            begin: Instant::now(),
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread that has not begun to run; the first one has the baton.
    pub(crate) fn add(self: &Arc<Self>, name: String) -> Turn {
        let mut state = self.lock();
        let rank = state.random.next();
        state.threads.push(Thread {
            name,
            doing: Doing::Ready,
            token: false,
            in_bed: false,
            interrupted: false,
            rank,
            turn: Arc::new(Condvar::new()),
        });
        Turn {
            baton: Arc::clone(self),
            thread: state.threads.len() - 1,
        }
    }

    /// Keeps a handle that nobody joins before the end.
    pub(crate) fn keep(&self, handle: thread::JoinHandle<()>) {
        self.lock().handles.push(handle);
    }

    /// Waits until the last thread has ended. If none moves for as long as `patience`, or what is left
    /// blocks for ever, gives up and leaves the threads where they are.
    ///
    /// Waits are counted, and no clock is read: a process that is stopped, in a debugger say, goes on where it was.
    pub(crate) fn watch(&self, patience: Duration) {
        const WAITS: u32 = 4;
        let mut state = self.lock();
        let (mut steps, mut waits) = (state.steps, 0);
        while !state.over {
            let waited = self.over.wait_timeout(state, patience / WAITS);
            let (now, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = now;
            if state.steps != steps {
                (steps, waits) = (state.steps, 0);
            } else if waited.timed_out() && !state.over {
                waits += 1;
                // The first of them may have begun before the last step, or have been cut short by a stop.
                if waits > WAITS {
                    let stuck = state.stuck(patience);
                    state.failure.get_or_insert(stuck);
                    return;
                }
            }
        }
        let handles = std::mem::take(&mut state.handles);
        let ended = state.threads.iter().all(|one| one.doing == Doing::Ended);
        drop(state);
        if ended {
            for handle in handles {
                // Its panics were caught and kept for whoever joins it in the simulation.
                drop(handle.join());
            }
        }
    }
}

impl State {
    /// Makes ready whichever thread runs next, and gives it the baton; `me` has said what it does.
    fn pass(&mut self, baton: &Baton, me: usize) {
        self.steps += 1;
        if self.steps == self.most_steps {
            self.fail_and_interrupt("the test did not come to an end");
        } else if self.steps >= 2 * self.most_steps {
            return self.give_up(baton);
        }
        while !self.threads.iter().any(|one| one.doing == Doing::Ready) {
            if self.threads.iter().all(|one| one.doing == Doing::Ended) {
                return self.give_up(baton);
            }
            let in_vain = self.vain_ticks >= VAIN_TICKS;
            if in_vain {
                self.vain_ticks = 0;
            }
            let goes_on = (in_vain && self.start_clock()) || self.tick() || self.start_clock();
            if !goes_on && !self.fail_and_interrupt("deadlock") {
                return self.give_up(baton);
            }
        }
        let next = self.next(me);
        self.trace.switch(next, &self.threads[next].name);
        self.running = next;
        self.threads[next].turn.notify_one();
    }

    /// The simulation is over, whether all its threads have ended or can never do so.
    fn give_up(&mut self, baton: &Baton) {
        self.over = true;
        self.running = usize::MAX;
        baton.over.notify_all();
    }

    /// One of the ready threads, by the seed's style.
    fn next(&mut self, me: usize) -> usize {
        let could_stay = self.threads[me].doing == Doing::Ready;
        let ready = |state: &Self| {
            let threads = state.threads.iter().enumerate();
            let ready = threads.filter(|(_, one)| one.doing == Doing::Ready);
            ready
                .map(|(index, one)| (one.rank, index))
                .collect::<Vec<_>>()
        };
        match self.style {
            Style::Walk { stay } if could_stay && self.random.below(16) < stay => me,
            Style::Walk { .. } => {
                let ready = ready(self);
                ready[self.random.index(ready.len())].1
            }
            Style::Ranks { change } => {
                if could_stay && self.random.below(change) == 0 {
                    let lowest = self.threads.iter().map(|one| one.rank).min();
                    self.threads[me].rank = lowest.unwrap_or(0).saturating_sub(1);
                }
                let highest = ready(self).into_iter().max();
                highest.map_or(me, |(_, index)| index)
            }
        }
    }

    /// Ends the earliest sleep of a worker; says whether there was one.
    fn tick(&mut self) -> bool {
        let sleeps = self.threads.iter().enumerate();
        let earliest = sleeps.filter_map(|(index, one)| match one.doing {
            Doing::Parked(Some(deadline)) => Some((deadline, index)),
            _ => None,
        });
        let Some((deadline, index)) = earliest.min() else {
            return false;
        };
        self.ticks = self.ticks.max(deadline);
        self.vain_ticks += 1;
        self.threads[index].doing = Doing::Ready;
        true
    }

    /// Something is polled.
    pub(crate) fn polls(&mut self) {
        self.vain_ticks = 0;
    }

    /// Lets the clock go on, if it has anything to do.
    fn start_clock(&mut self) -> bool {
        if self.timers.is_empty() && !self.closing {
            return false;
        }
        let clock = self.threads.iter_mut().find(|one| one.doing == Doing::Idle);
        clock.map(|clock| clock.doing = Doing::Ready).is_some()
    }

    /// Notes why the simulation failed, if it is the first time, and wakes whoever blocks for ever, so
    /// that it can be told; says whether there was anybody.
    fn fail_and_interrupt(&mut self, why: &str) -> bool {
        if self.failure.is_none() {
            let after = if self.closing {
                ", after the test itself had ended: is there an executor that was not dropped?"
            } else {
                ""
            };
            let failure = Failure(format!("{why}{after}\n{}", self.report()));
            self.failure = Some(failure);
        }
        let mut anybody = false;
        for one in &mut self.threads {
            let can = match one.doing {
                Doing::Parked(_) => !one.in_bed,
                Doing::Joining(_) => true,
                _ => false,
            };
            if can && !one.interrupted {
                one.interrupted = true;
                one.doing = Doing::Ready;
                anybody = true;
            }
        }
        // A main thread that runs is told at its next turn in `block_on`.
        self.threads[0].interrupted = true;
        anybody
    }
}

impl Turn {
    /// The first wait of a thread for its turn.
    pub(crate) fn begin(&self) {
        self.wait(self.baton.lock());
    }

    /// The calling thread has ended.
    pub(crate) fn end(&self) {
        let mut state = self.baton.lock();
        state.threads[self.thread].doing = Doing::Ended;
        for one in &mut state.threads {
            if one.doing == Doing::Joining(self.thread) {
                one.doing = Doing::Ready;
            }
        }
        if self.thread == 0 {
            state.closing = true;
        }
        state.pass(&self.baton, self.thread);
    }

    /// The thread could not be started.
    pub(crate) fn abandon(&self) {
        self.baton.lock().threads[self.thread].doing = Doing::Ended;
    }

    /// Here another thread may go on in place of this one.
    pub(crate) fn point(&self) {
        let mut state = self.baton.lock();
        if state.random.below(EARLY_TICK) == 0 {
            state.tick();
        }
        self.give(state, Doing::Ready);
    }

    /// Sleeps until unparked or for so long, or until all else blocks for ever.
    pub(crate) fn park(&self, timeout: Option<Duration>, in_bed: bool) {
        let mut state = self.baton.lock();
        let deadline = timeout.map(|timeout| state.ticks + timeout);
        let me = &mut state.threads[self.thread];
        me.in_bed = in_bed;
        let doing = if std::mem::take(&mut me.token) {
            Doing::Ready
        } else {
            Doing::Parked(deadline)
        };
        self.give(state, doing);
        self.baton.lock().threads[self.thread].token = false;
    }

    /// Ends the thread's park, or its next one.
    pub(crate) fn unpark(&self) {
        let me = &mut self.baton.lock().threads[self.thread];
        me.token = true;
        if let Doing::Parked(_) = me.doing {
            me.doing = Doing::Ready;
        }
    }

    /// Waits for [`signal`](Self::signal) at this address.
    pub(crate) fn wait_for_signal(&self, address: usize) {
        self.give(self.baton.lock(), Doing::Waiting(address));
    }

    /// Ends all waits for a signal at this address.
    pub(crate) fn signal(&self, address: usize) {
        for one in &mut self.baton.lock().threads {
            if one.doing == Doing::Waiting(address) {
                one.doing = Doing::Ready;
            }
        }
    }

    /// Waits until `other` has ended, or until all else blocks for ever.
    pub(crate) fn join(&self, other: usize) {
        let state = self.baton.lock();
        if state.threads[other].doing != Doing::Ended {
            self.give(state, Doing::Joining(other));
        }
    }

    /// The clock waits until all is idle.
    pub(crate) fn wait_until_idle(&self) {
        self.give(self.baton.lock(), Doing::Idle);
    }

    /// Whether the calling thread is to stop blocking.
    pub(crate) fn is_interrupted(&self) -> bool {
        let state = self.baton.lock();
        let me = &state.threads[self.thread];
        state.failure.is_some() && me.interrupted && !me.in_bed
    }

    /// Time as the workers' ticks see it.
    pub(crate) fn ticks(&self) -> Instant {
        self.baton.begin + self.baton.lock().ticks
    }

    fn give(&self, mut state: MutexGuard<'_, State>, doing: Doing) {
        state.threads[self.thread].doing = doing;
        state.pass(&self.baton, self.thread);
        self.wait(state);
    }

    fn wait(&self, mut state: MutexGuard<'_, State>) {
        let turn = Arc::clone(&state.threads[self.thread].turn);
        while state.running != self.thread {
            state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
