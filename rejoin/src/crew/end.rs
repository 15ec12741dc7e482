//! Who waits for the end of an executor: its drop, for as long as it takes, or a shutdown, up to a deadline.
//!
//! # Invariants
//!
//! 1. [`shut_down`](Crew::shut_down) returns at its deadline, whatever tasks do.
//! 2. What is cancelled is dropped although every worker is stuck in a poll, if a thread can be started.
//!
//! # Why they hold
//!
//! The caller sleeps for a tick at a time and joins no thread. After each tick it looks at the seats. If every
//! worker is in the same poll as a tick before, or in any poll when there is no time left, it lends one more seat, to
//! one more thread. That one takes what lies on all the others', as it would at any time in an executor that closes; should
//! it get stuck itself, in the drop of a future, the next look finds so. There are thus no more such threads than
//! are stuck, and one.
//!
//! A thread that is left behind ends its poll when it can, cancels the task, finds the executor closing, and leaves;
//! the last to leave ends the service, as ever. Nothing of that needs whoever waited.
//!
//! # Since when
//!
//! No clock is read at a poll. A poll that the watcher has found slow lasts since the watcher saw it first; any
//! other one, since the caller did. A thread that gave its seat up has looked at the clock then. All of them are
//! lower bounds.
//!
//! In a process that was forked from the executor's own none of its threads is there, and nobody waits for them.
//!
//! Not promised: that somebody drops what waits behind a destructor that gets stuck after the deadline, while all
//! other threads are stuck, too.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::seats::State;
use super::{ASTRAY, Astray, Crew, Rest, is_member, vacate};
use crate::door;
use crate::driver;
use crate::hooks::TaskInfo;
use crate::policy;
use crate::registry::Ends;
use crate::seat::Held;
use crate::sim;
use crate::sync::MutexGuard;

/// What there is to say at the end of a wait.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) ends: Ends,
    pub(crate) stuck: Vec<Lasting>,
    /// Threads that have not left, but the caller's.
    pub(crate) threads: usize,
}

/// A poll that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Lasting {
    pub(crate) task: TaskInfo,
    /// For so long, at least.
    pub(crate) lasted: Duration,
    /// Whether its thread is known to block.
    pub(crate) blocks: bool,
}

/// A poll whose thread gave its seat up because it blocks.
#[derive(Debug)]
pub(super) struct Blocking {
    task: Option<TaskInfo>,
    since: Moment,
}

impl Blocking {
    pub(super) fn new(task: Option<TaskInfo>) -> Self {
        Self {
            task,
            since: Moment::now(),
        }
    }
}

/// Who waits.
struct Caller {
    /// A thread of the executor: it does not wait for itself.
    is_member: bool,
    /// The poll that it is in, if it gave its seat up.
    astray: Option<Astray>,
    /// The seat that it could not give up.
    seat: Option<usize>,
}

impl Caller {
    const OUTSIDE: Self = Self {
        is_member: false,
        astray: None,
        seat: None,
    };
}

impl Crew {
    /// Cancels all tasks, and waits until every thread has left; if the calling thread is one of them,
    /// until it is the only one, and then leaves it to end when its current poll has. After a
    /// [`shut_down`](Self::shut_down), does nothing.
    ///
    /// A caller that holds a seat, of this executor or another, gives it up first: what it waits for may
    /// wait for a task that lies there.
    pub(crate) fn close(&self) {
        if self.seats.lock().rest.let_go || self.scheduler.idle.is_forked() {
            return;
        }
        self.begin_to_close();
        let caller = self.begin_to_wait();
        let threads = {
            let mut state = self.seats.wait_until_left(usize::from(caller.is_member));
            if !state.rest.started {
                // No thread was ever there to end the service, and nobody to ask for it.
                let mut vacant = std::mem::take(&mut state.vacant);
                let released = self.scheduler.release(&mut vacant);
                debug_assert!(
                    released.is_some(),
                    "an executor that was never built has tasks"
                );
            }
            std::mem::take(&mut state.rest.threads)
        };
        self.has_waited(&caller);
        let own = thread::current().id();
        for thread in threads {
            if thread.thread().id() != own {
                // A worker does not unwind; if it ever did, its message has been printed.
                drop(thread.join());
            }
        }
        driver::executor_ends(self.scheduler.has_driver());
    }

    /// Cancels all tasks, waits until every thread has left, but for the calling one, or for `limit`, and says
    /// what came of it.
    pub(crate) fn shut_down(self: &Arc<Self>, limit: Duration) -> End {
        let begun = Moment::now();
        self.seats.lock().rest.let_go = true;
        if self.scheduler.idle.is_forked() {
            return self.account(&Caller::OUTSIDE, &Sight::new(begun));
        }
        self.scheduler.registry.count_ends();
        self.begin_to_close();
        let end = self.wait(begun, limit);
        driver::executor_ends(self.scheduler.has_driver());
        end
    }

    /// The same for an executor that was shut down before.
    pub(crate) fn wait_again(self: &Arc<Self>, limit: Duration) -> End {
        let begun = Moment::now();
        if self.scheduler.idle.is_forked() {
            return self.account(&Caller::OUTSIDE, &Sight::new(begun));
        }
        // What it waits for may wait for a task that lies on the caller's seat.
        let _ = vacate();
        self.wait(begun, limit)
    }

    fn begin_to_close(&self) {
        // If no thread can be started, the seat stays; then only such a circle is a deadlock.
        let _ = vacate();
        self.seats.close();
        self.scheduler.close();
    }

    /// The others wait for whoever polls; not for the one who waits for them.
    fn begin_to_wait(&self) -> Caller {
        let is_member = is_member(self.id);
        let astray = ASTRAY.try_with(std::cell::Cell::get).ok().flatten();
        let own_seat = door::with_seat(|scheduler, held| {
            std::ptr::eq(scheduler, self.scheduler).then_some(held.index)
        });
        let caller = Caller {
            is_member,
            astray: astray.filter(|_| is_member),
            seat: own_seat.flatten().filter(|_| is_member),
        };
        if caller.astray.is_some() {
            self.scheduler.come_back();
        }
        caller
    }

    fn has_waited(&self, caller: &Caller) {
        if caller.astray.is_some() {
            self.scheduler.go_astray();
        }
    }

    // ---- up to a deadline ----

    fn wait(self: &Arc<Self>, begun: Moment, limit: Duration) -> End {
        let caller = self.begin_to_wait();
        self.await_end(&caller, true);
        let mut sight = Sight::new(begun);
        let mut tick = policy::FIRST_TICK;
        loop {
            let looked = sight.look(self, &caller);
            let left = limit.saturating_sub(begun.elapsed());
            // Who does not come back to see whether they are stuck takes it that they are.
            if looked.all_stuck || (looked.all_poll && left.is_zero()) {
                self.lend_a_hand();
            }
            let state = self.seats.lock();
            if left.is_zero() || state.alive <= usize::from(caller.is_member) {
                break;
            }
            self.sleep(state, tick.min(left));
            // Virtual time costs nothing but the number of ticks.
            tick = if sim::is_simulated() {
                tick.saturating_mul(2)
            } else {
                policy::next_closing_tick(tick, true)
            };
        }
        self.await_end(&caller, false);
        let end = self.account(&caller, &sight);
        self.has_waited(&caller);
        end
    }

    /// Sleeps until a thread has left, or for so long.
    fn sleep(&self, state: MutexGuard<'_, State<Held, Rest>>, tick: Duration) {
        if sim::is_simulated() {
            drop(state);
            sim::rest(tick);
        } else {
            self.seats.wait_for(state, tick);
        }
    }

    /// Tells the threads that are left whether somebody waits for them.
    fn await_end(&self, caller: &Caller, awaited: bool) {
        let state = self.seats.lock();
        // Afterwards the scheduler may be somebody else's.
        if state.rest.ends.is_none() && state.alive > usize::from(caller.is_member) {
            self.scheduler.set_end_awaited(awaited);
        }
    }

    /// Lends one more seat, to a thread that waits for one or to a new one, if any thread is left that is to end
    /// the service.
    fn lend_a_hand(self: &Arc<Self>) {
        let mut lent = None;
        let make = || {
            let held = self.scheduler.lend_seat();
            lent = Some(held.index);
            held
        };
        if !self.seats.lend(make) {
            return;
        }
        let started = self.start_thread();
        self.seats.has_lent(|vacant| {
            // Unless somebody has come by and taken it.
            let unused = vacant.iter().position(|held| Some(held.index) == lent);
            if let (Err(_), Some(unused)) = (started, unused) {
                self.scheduler.take_back(vacant.remove(unused));
            }
        });
    }

    /// How tasks ended, and which polls have not.
    fn account(&self, caller: &Caller, sight: &Sight) -> End {
        // Under the lock the last thread cannot leave, and the scheduler stays ours.
        let state = self.seats.lock();
        let threads = state.alive.saturating_sub(usize::from(caller.is_member));
        let mut stuck = Vec::new();
        if state.rest.ends.is_none() && threads > 0 {
            for (index, seat, polls) in self.scheduler.polling() {
                if caller.seat == Some(index) {
                    continue;
                }
                stuck.extend(seat.polled().map(|task| Lasting {
                    task,
                    lasted: sight.lasted(index, polls, seat.slow_since()),
                    blocks: false,
                }));
            }
            let own = caller.astray.map(|astray| astray.key);
            let astray = state
                .rest
                .astray
                .iter()
                .filter(|&(key, _)| Some(key) != own);
            stuck.extend(astray.filter_map(|(_, blocking)| {
                Some(Lasting {
                    task: blocking.task.clone()?,
                    lasted: blocking.since.elapsed(),
                    blocks: true,
                })
            }));
            stuck.sort_by_key(|one| std::cmp::Reverse(one.lasted));
        }
        let ends = state.rest.ends;
        End {
            ends: ends.unwrap_or_else(|| self.scheduler.registry.ends()),
            stuck,
            threads,
        }
    }
}

/// What the seats showed, from look to look.
struct Sight {
    begun: Moment,
    /// By seat: the poll counter, and how long after the beginning it was first seen.
    seen: HashMap<usize, (u64, Duration)>,
}

/// What one look told.
struct Looked {
    /// Every worker is in a poll.
    all_poll: bool,
    /// And in the same one as at the look before.
    all_stuck: bool,
}

impl Sight {
    fn new(begun: Moment) -> Self {
        Self {
            begun,
            seen: HashMap::new(),
        }
    }

    fn look(&mut self, crew: &Crew, caller: &Caller) -> Looked {
        let now = self.begun.elapsed();
        let own = usize::from(caller.seat.is_some());
        let (mut polling, mut stuck) = (own, own);
        for (index, _, polls) in crew.scheduler.polling() {
            if caller.seat == Some(index) {
                continue;
            }
            polling += 1;
            match self.seen.get(&index) {
                Some(&(before, _)) if before == polls => stuck += 1,
                _ => drop(self.seen.insert(index, (polls, now))),
            }
        }
        let workers = crew.scheduler.idle.workers() as usize;
        Looked {
            all_poll: workers > 0 && polling >= workers,
            all_stuck: workers > 0 && stuck >= workers,
        }
    }

    /// How long, at least, the poll with this counter lasts on a seat whose watcher knows it `since` then.
    fn lasted(&self, seat: usize, polls: u64, since: Option<Instant>) -> Duration {
        let seen = self.seen.get(&seat).filter(|seen| seen.0 == polls);
        let here = seen.map_or(Duration::ZERO, |&(_, first)| {
            self.begun.elapsed().saturating_sub(first)
        });
        // The watcher's time is another one in a simulation.
        let since = since.filter(|_| !sim::is_simulated());
        since.map_or(here, |since| since.elapsed().max(here))
    }
}

/// A moment of the users' time, which is virtual in a simulation.
#[derive(Clone, Copy, Debug)]
struct Moment {
    real: Instant,
    simulated: Option<Duration>,
}

impl Moment {
    fn now() -> Self {
        Self {
            real: Instant::now(),
            simulated: sim::time(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.simulated, sim::time()) {
            (Some(then), Some(now)) => now.saturating_sub(then),
            _ => self.real.elapsed(),
        }
    }
}
