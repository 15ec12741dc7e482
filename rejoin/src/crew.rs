//! The threads of one executor, and the seats that they take in turn.
//!
//! There are as many seats as the executor has workers, and at least as many threads. How they meet, under one lock
//! and without any ordering of its own: [`seats`]. A worker that
//! is about to block in [`block_on`](crate::block_on) gives its seat up first ([`vacate`]), and another
//! thread takes it: one that has none, or a new one. When the blocked thread comes back its task goes
//! on without a seat; after that poll it takes a vacant one, or waits for one, or leaves.
//!
//! # The rule
//!
//! There are at most as many threads as the executor has workers, plus those that block at the
//! moment, plus as many again as it has workers, and [`policy::SPARE`], that wait for a seat without using any
//! processor time.
//!
//! # The end
//!
//! A thread that blocks in a poll may wait for a task that is only then woken to be cancelled. So of those that
//! have a seat, none leaves while anybody polls, with a seat or without.
//!
//! A thread that finds nothing more to do on its seat puts it aside as *empty*. One that blocks gives up a
//! seat that may not be empty, and so leaves it *vacant*; no thread leaves while there is a vacant seat.
//! The last thread to leave ends the executor's service, in [`Crew::has_left`]: it alone can know that
//! nothing is left, because every seat is then empty, nobody is in a poll without one, and the injector closes only when it is empty, under
//! its own lock.
//!
//! Who waits for it, and with a deadline or without one: [`end`].

mod end;
pub(crate) mod seats;

pub(crate) use end::{End, Lasting};

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use slab::Slab;

use crate::contain::{contained, wake};
use crate::current;
use crate::door;
use crate::driver;
use crate::effort::Effort;
use crate::guest;
use crate::hooks::{Hooks, tell};
use crate::policy;
use crate::registry::Ends;
use crate::scheduler::Scheduler;
use crate::seat::Held;
use crate::sim::Started;
use crate::task::{ExecutorId, Home, PanicStrategy};
use crate::worker::{Stop, Worker};
use end::Blocking;
use seats::Seats;

/// How the threads of an executor are made.
pub(crate) struct Make {
    pub(crate) workers: usize,
    pub(crate) name: Box<dyn Fn(usize) -> String + Send + Sync>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) effort: Effort,
    pub(crate) panics: PanicStrategy,
    pub(crate) hooks: Arc<Hooks>,
}

/// See the module's documentation.
pub(crate) struct Crew {
    id: ExecutorId,
    scheduler: &'static Scheduler,
    make: Make,
    seats: Seats<Held, Rest>,
}

/// What lies under the lock of the seats.
#[derive(Default)]
struct Rest {
    /// Whether any thread has ever been started.
    started: bool,
    /// The next thread's index.
    next: usize,
    threads: Vec<Started>,
    /// Polls whose threads gave their seats up.
    astray: Slab<Blocking>,
    /// Who shut the executor down has waited for long enough: the drop waits no more.
    let_go: bool,
    /// How tasks ended, kept by the last thread.
    ends: Option<Ends>,
}

thread_local! {
    /// The crew that the calling thread belongs to.
    static CREW: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };
    /// The poll in which the calling thread gave its seat up, while that lasts.
    static ASTRAY: Cell<Option<Astray>> = const { Cell::new(None) };
}

/// A poll that goes on without a seat.
#[derive(Clone, Copy)]
struct Astray {
    /// The id of its task.
    task: u64,
    /// Its place in [`Rest::astray`].
    key: usize,
}

/// Which thread could not be started, and why.
#[derive(Debug)]
pub(crate) struct StartError {
    pub(crate) thread: usize,
    pub(crate) error: io::Error,
}

impl Crew {
    /// Starts all threads, or none.
    pub(crate) fn start(make: Make) -> Result<Arc<Self>, StartError> {
        let (scheduler, id, vacant) = Scheduler::acquire(make.workers, make.effort, &make.hooks);
        let crew = Arc::new(Self {
            id,
            scheduler,
            seats: Seats::new(vacant, Rest::default()),
            make,
        });
        driver::executor_starts(scheduler.has_driver());
        for _ in 0..crew.make.workers {
            if let Err(error) = crew.start_thread() {
                crew.close();
                return Err(error);
            }
        }
        Ok(crew)
    }

    /// Where tasks of this crew are spawned to.
    pub(crate) fn home(&self) -> Home {
        Home {
            id: self.id,
            panics: self.make.panics,
        }
    }

    /// How many workers there are meant to be.
    pub(crate) fn workers(&self) -> usize {
        self.make.workers
    }

    fn start_thread(self: &Arc<Self>) -> Result<(), StartError> {
        let thread = {
            let rest = &mut self.seats.lock().rest;
            rest.next += 1;
            rest.next - 1
        };
        let name = self
            .name(thread)
            .map_err(|error| StartError { thread, error })?;
        let mut builder = thread::Builder::new();
        if let Some(bytes) = self.make.stack_size {
            builder = builder.stack_size(bytes);
        }
        self.seats.lock().alive += 1;
        let crew = Arc::clone(self);
        let started = Started::start(builder, name, move || crew.run_thread(thread));
        let mut state = self.seats.lock();
        match started {
            Ok(handle) => {
                state.rest.started = true;
                state.rest.threads.push(handle);
                Ok(())
            }
            Err(error) => {
                state.alive -= 1;
                Err(StartError { thread, error })
            }
        }
    }

    /// What the thread `index` is called. The closure is the user's.
    fn name(&self, index: usize) -> io::Result<String> {
        let mut name = None;
        drop(contained(|| name = Some((self.make.name)(index))));
        match name {
            Some(name) if !name.contains('\0') => Ok(name),
            Some(name) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("its name {name:?} contains a zero byte"),
            )),
            None => Err(io::Error::other("the closure that names it panicked")),
        }
    }

    /// The life of one thread.
    fn run_thread(self: Arc<Self>, index: usize) {
        CREW.with_borrow_mut(|crew| *crew = Some(Arc::clone(&self)));
        current::become_worker(&self.scheduler.registry, &self.make.hooks);
        door::set_inside(Some(self.home()));
        tell(self.make.hooks.thread_start.as_ref(), |hook| hook(index));
        let mut worker = Worker::new(self.scheduler, self.make.effort);
        loop {
            while let Some(held) = self.wait_for_seat() {
                self.scheduler.idle.sit_down();
                door::take_seat(self.id, self.scheduler, held);
                let stop = worker.work();
                debug_assert_eq!(stop == Stop::NoSeat, !door::is_seated());
                if let Some(astray) = ASTRAY.take() {
                    self.come_back(astray);
                }
                if let Some(held) = door::leave_seat() {
                    self.scheduler.idle.stand_up();
                    self.seats.put_aside(held);
                }
            }
            if self.has_left() {
                break;
            }
        }
        tell(self.make.hooks.thread_stop.as_ref(), |hook| hook(index));
        // A destructor of this thread that ends the executor is none of its members.
        CREW.with_borrow_mut(Option::take);
    }

    /// A vacant seat, as soon as there is one; `None` when this thread is not needed any more.
    fn wait_for_seat(&self) -> Option<Held> {
        let most = self.make.workers + policy::SPARE;
        self.seats.take(most, || self.scheduler.nothing_shared())
    }

    /// Counts the calling thread out, unless it is the last one and there is something left to do.
    fn has_left(&self) -> bool {
        let release = |seats: &mut Vec<Held>, rest: &mut Rest| {
            rest.ends = Some(self.scheduler.registry.ends());
            self.scheduler.release(seats)
        };
        // Nobody will join a surplus thread.
        let surplus = |rest: &mut Rest| forget_own_handle(&mut rest.threads);
        let left = self.seats.leave(surplus, release);
        let has_left = left.is_some();
        // Wakers may be the user's own.
        left.into_iter().flatten().for_each(wake);
        has_left
    }

    /// Gives the seat `held` to a thread that has none, or to a new one. If there is none to be had,
    /// the seat comes back with the reason.
    fn give(self: &Arc<Self>, held: Held) -> Result<(), (Held, StartError)> {
        if self.seats.give(held) {
            return Ok(());
        }
        let Err(error) = self.start_thread() else {
            return Ok(());
        };
        match self.seats.take_back() {
            Some(held) => Err((held, error)),
            None => Ok(()),
        }
    }

    /// A poll is about to go on without a seat.
    fn go_astray(&self, held: &Held) -> Astray {
        self.scheduler.go_astray();
        let blocking = Blocking::new(held.outer().shown.info());
        Astray {
            task: held.task(),
            key: self.seats.lock().rest.astray.insert(blocking),
        }
    }

    /// That poll has ended, or goes on under its seat after all.
    fn come_back(&self, astray: Astray) {
        let gone = self.seats.lock().rest.astray.remove(astray.key);
        drop(gone);
        self.scheduler.come_back();
    }
}

fn forget_own_handle(threads: &mut Vec<Started>) {
    let own: ThreadId = thread::current().id();
    threads.retain(|thread| thread.thread().id() != own);
}

/// Whether the calling thread is one of the executor `id`.
fn is_member(id: ExecutorId) -> bool {
    CREW.try_with(|crew| crew.borrow().as_ref().is_some_and(|crew| crew.id == id))
        .unwrap_or(false)
}

/// The id of the task that the calling thread polls, as far as it has published one.
pub(crate) fn task_in_poll() -> u64 {
    let astray = ASTRAY.try_with(Cell::get).ok().flatten();
    let task = astray
        .map(|astray| astray.task)
        .or_else(|| door::with_seat(|_, held| held.task()));
    task.unwrap_or(0)
}

/// Gives up the calling thread's seat, if it has one, because it is about to block. On failure the
/// thread keeps it. A guest keeps its seat, too, but hands over what lies there.
pub(crate) fn vacate() -> Result<(), StartError> {
    if door::is_guest() {
        guest::hand_over();
        return Ok(());
    }
    if !door::is_seated() {
        return Ok(());
    }
    let crew = CREW.try_with(|crew| crew.borrow().clone()).ok().flatten();
    let Some(crew) = crew else { return Ok(()) };
    let Some(held) = door::leave_seat() else {
        return Ok(());
    };
    let astray = crew.go_astray(&held);
    ASTRAY.set(Some(astray));
    let outer = held.outer();
    held.end();
    crew.scheduler.idle.stand_up();
    crew.give(held).map_err(|(held, error)| {
        crew.come_back(astray);
        ASTRAY.set(None);
        crew.scheduler.idle.sit_down();
        // The poll goes on, and may turn out slow.
        held.go_on(outer);
        door::take_seat(crew.id, crew.scheduler, held);
        error
    })
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{Executor, block_on};

    /// Waits until so many threads of `crew` wait for a seat, and no other one is on its way; gives up in the end.
    fn settles(crew: &Crew, waiting: usize) {
        let begin = Instant::now();
        loop {
            let (waits, alive) = {
                let state = crew.seats.lock();
                (state.waiting, state.alive)
            };
            if waits == waiting && alive == crew.make.workers + waiting {
                return;
            }
            let late = begin.elapsed() > Duration::from_secs(20);
            assert!(!late, "{waits} of {alive} wait, not {waiting}");
            thread::yield_now();
        }
    }

    /// So many calls that block until all of them do.
    fn meet(executor: &Executor, calls: usize) {
        let meeting = Arc::new(Barrier::new(calls));
        let calls: Vec<_> = (0..calls)
            .map(|_| {
                let meeting = Arc::clone(&meeting);
                executor.spawn_blocking(move || {
                    meeting.wait();
                })
            })
            .collect();
        calls.into_iter().for_each(block_on);
    }

    #[test]
    fn as_many_threads_as_workers_and_four_are_kept_for_calls_that_block() {
        for workers in [1, 2, 4] {
            let executor = Executor::builder().threads(workers).build().unwrap();
            let (crew, kept) = (executor.crew(), workers + 4);
            settles(crew, 0);
            meet(&executor, 3 * kept);
            settles(crew, kept);
            let started = crew.seats.lock().rest.next;
            for _ in 0..20 {
                meet(&executor, kept);
                settles(crew, kept);
            }
            assert_eq!(crew.seats.lock().rest.next, started, "threads were started");
        }
    }
}
