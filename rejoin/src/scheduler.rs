//! What all workers of an executor share: its queues, who sleeps, and what it ends with.
//!
//! # Invariant
//!
//! A scheduler is never freed, and outlives every waker that names it.
//!
//! # Why it holds
//!
//! Schedulers lie in a table that only grows. When an executor is gone its scheduler waits, empty, for
//! the next one, whose generation differs; one whose generations are used up is retired. Memory is
//! bounded by the largest number of executors that lived at one time.

use std::sync::{Arc, LazyLock};

use crate::driver::{self, Post};
use crate::hooks::Hooks;
use crate::idle::Idle;
use crate::injector::Injector;
use crate::policy::{self, First};
use crate::registry::Registry;
use crate::run_queue::Steal;
use crate::seat::{Held, Runnable, Seat};
use crate::sim;
use crate::sync::{AtomicU8, AtomicU32, AtomicUsize, Lock, Ordering, StaticBool};
use crate::table::Table;
use crate::task::ExecutorId;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Scheduler {
    index: u32,
    /// It serves executors of simulations only, so that nothing in it depends on what others left.
    simulated: bool,
    /// Tasks from outside.
    pub(crate) injector: Injector<Runnable>,
    /// What found no room in a worker's ring. Apart from the injector, because its tasks are in no hurry:
    /// a worker that keeps taking them back while its own queue is full moves them to and fro.
    spill: Injector<Runnable>,
    pub(crate) idle: Idle,
    pub(crate) registry: Registry,
    seats: Table<Seat>,
    /// Seats of the executor before, for the next one.
    free_seats: Lock<Vec<Held>>,
    /// How many workers there are meant to be.
    workers: AtomicUsize,
    /// Threads in the middle of a poll whose seat went to another thread.
    astray: AtomicUsize,
    /// Any of the constants below.
    flags: AtomicU8,
    /// Of the executor that is served.
    hooks: Lock<Option<Arc<Hooks>>>,
    /// Of the executor that is served, or the next one. Changes under the lock of `FREE`.
    generation: AtomicU32,
}

/// Workers cancel what they would run. Set when the executor closes.
const CANCEL: u8 = 1;
/// Workers that find nothing leave. Set once every task that waits has been woken.
const LEAVE: u8 = 2;
/// Some hook wants to hear of tasks.
const HOOKED: u8 = 4;

/// Whether any executor has ever had hooks for tasks.
pub(crate) static ANY_HOOKED: StaticBool = StaticBool::new(false);
static SCHEDULERS: LazyLock<Table<Scheduler>> = LazyLock::new(Table::new);
/// Schedulers that serve no executor.
static FREE: LazyLock<Lock<Vec<&'static Scheduler>>> = LazyLock::new(|| Lock::new(Vec::new()));
static FREE_SIMULATED: LazyLock<Lock<Vec<&'static Scheduler>>> =
    LazyLock::new(|| Lock::new(Vec::new()));
/// So many seats from the beginning, in a simulation: whom a thief comes to must not depend on how many an
/// executor before had.
const SIMULATED_SEATS: usize = 32;

/// Whether the executor `id` is there and not closing.
pub(crate) fn is_alive(id: ExecutorId) -> bool {
    // Ordering: Relaxed. Whoever asks while the executor goes may hear either; what it then spawns is
    // cancelled.
    get(id).is_some_and(|scheduler| {
        scheduler.generation.load(Ordering::Relaxed) == id.generation && !scheduler.is_cancelling()
    })
}

/// The scheduler in the place that `id` names, whichever generation it serves.
pub(crate) fn get(id: ExecutorId) -> Option<&'static Scheduler> {
    SCHEDULERS.get(id.index as usize)
}

/// All schedulers there have ever been.
pub(crate) fn all() -> impl Iterator<Item = &'static Scheduler> {
    SCHEDULERS.iter()
}

impl Scheduler {
    /// A worker's own push: to the slot, and what was there to the ring; a yield to the back.
    #[inline]
    pub(crate) fn push_here(&self, held: &Held, runnable: Runnable, yielded: bool) {
        if yielded {
            return self.push_back(held, runnable, true);
        }
        match held.queue.push_slot(runnable) {
            Some(displaced) => self.push_back(held, displaced, false),
            None if held.seat.is_guest() => self.idle.notify_from_outside(|| false),
            None if held.seat.is_slow() => self.idle.notify_from_slow(),
            None => self.idle.call_watcher(),
        }
    }

    /// After a push to the injector.
    #[inline]
    pub(crate) fn call_for_injected(&self) {
        self.idle.notify_from_outside(|| self.is_backlog());
    }

    /// A worker's own push to the ring.
    #[inline]
    fn push_back(&self, held: &Held, runnable: Runnable, yielded: bool) {
        if let Err(runnable) = held.queue.push_ring(runnable) {
            return self.overflow(held, runnable);
        }
        if held.seat.is_guest() {
            self.idle.notify_from_outside(|| false);
        } else if held.seat.is_slow() {
            self.idle.notify_from_slow();
        } else if self.idle.wants_work() && !(yielded && held.queue.is_single()) {
            // A lone task that yields is run again by this worker: no call for help.
            self.idle.notify();
        } else {
            self.idle.call_watcher();
        }
    }

    /// Takes the older half of a full ring, and the runnable that found no room, to the spill.
    #[cold]
    fn overflow(&self, held: &Held, runnable: Runnable) {
        let mut tasks = 1;
        let newest = std::iter::once(runnable);
        match held.queue.overflow() {
            Some(older) => {
                tasks += older.len();
                self.spill.push_batch(older.chain(newest));
            }
            // A thief is taking the older half already.
            None => self.spill.push_batch(newest),
        }
        if held.seat.is_guest() && self.idle.is_fine() {
            self.idle.notify_from_outside(|| false);
        } else if held.seat.is_slow() || !self.idle.is_fine() {
            self.idle.notify_many(tasks);
        } else {
            self.idle.call_watcher();
        }
    }

    /// Takes all that lies in a guest's queue, but what a thief has its hand on, to the injector.
    pub(crate) fn hand_over(&self, held: &Held) {
        let mut tasks = 0;
        if let Some(ring) = held.queue.drain_ring() {
            tasks += ring.len();
            self.injector.push_batch(ring);
        }
        while let Some(runnable) = held.queue.pop_ring().or_else(|| held.queue.pop_slot()) {
            tasks += 1;
            self.injector.push_batch(std::iter::once(runnable));
        }
        if tasks > 0 && self.idle.is_fine() {
            self.call_for_injected();
        } else if tasks > 0 {
            self.idle.notify_many(tasks);
        }
    }

    // ---- seats for guests ----

    /// A seat beside those of the workers.
    pub(crate) fn lend_seat(&'static self) -> Held {
        let free = self.free_seats.lock().pop();
        free.unwrap_or_else(|| self.new_seat())
    }

    /// A lent seat comes back, its queue empty.
    pub(crate) fn take_back(&self, held: Held) {
        self.free_seats.lock().push(held);
    }

    // ---- finding work ----

    /// The next runnable of the worker on `held`, without robbing anybody.
    #[inline(always)]
    pub(crate) fn next(&self, held: &Held) -> Option<Runnable> {
        match policy::first(held.tick(), held.streak()) {
            First::Injector if held.hurries() && self.gives_turn(held) => return None,
            First::Spill if self.gives_turn(held) => return None,
            First::Injector if self.may_wait(held) => held.pop_slot().or_else(|| held.pop_ring()),
            First::Injector => self
                .pop_injector(held)
                .or_else(|| held.pop_slot())
                .or_else(|| held.pop_ring()),
            First::Spill => self
                .look_back(held)
                .pop_spill(held)
                .or_else(|| held.pop_slot())
                .or_else(|| held.pop_ring()),
            First::Slot => held.pop_slot().or_else(|| held.pop_ring()),
            First::Ring => held
                .pop_ring()
                .inspect(|_| self.give_way(held))
                .or_else(|| held.pop_slot()),
        }
        .or_else(|| self.pop_shared(held))
    }

    /// Whether the worker on `held`, busy as it is, has to look into the driver now, because nobody else does.
    fn gives_turn(&self, held: &Held) -> bool {
        let gives = self.driver().is_some_and(|post| !post.is_taken());
        if gives {
            held.take_turn();
        }
        gives
    }

    /// The next runnable after such a look.
    pub(crate) fn next_after_turn(&self, held: &Held) -> Option<Runnable> {
        self.look_back(held)
            .pop_injector(held)
            .or_else(|| self.pop_spill(held))
            .or_else(|| held.pop_slot())
            .or_else(|| held.pop_ring())
    }

    /// Learns from the last theft, whose loot is used up, whether the work at hand is worth sharing.
    pub(crate) fn judge(&self, held: &Held) {
        if let Some(worth_it) = held.theft_was_worth_it() {
            self.idle.learn(worth_it);
        }
    }

    /// Tells the others if the last theft has already been worth it.
    fn look_back(&self, held: &Held) -> &Self {
        if held.theft_has_paid() {
            self.idle.learn(true);
        }
        self
    }

    /// Sends what lies in the slot to the back of the ring: its like has had its turns.
    fn give_way(&self, held: &Held) {
        if let Some(runnable) = held.queue.pop_slot() {
            if let Err(runnable) = held.queue.push_ring(runnable) {
                self.overflow(held, runnable);
            }
        }
    }

    /// Whether the injector may wait for a longer turn: polls are so short that it comes soon all the same.
    fn may_wait(&self, held: &Held) -> bool {
        self.idle.is_fine() && !policy::fine_turn(held.ticks())
    }

    /// One runnable out of the injector, and this worker's share of the rest into its ring.
    fn pop_injector(&self, held: &Held) -> Option<Runnable> {
        self.pop_from(&self.injector, held)
    }

    /// The same out of the spill.
    fn pop_spill(&self, held: &Held) -> Option<Runnable> {
        self.pop_from(&self.spill, held)
    }

    /// When the own queue is empty.
    fn pop_shared(&self, held: &Held) -> Option<Runnable> {
        self.judge(held);
        if held.nibbles() && !self.injector.is_empty() {
            policy::let_grow(self.idle.is_fine());
        }
        self.pop_injector(held).or_else(|| self.pop_spill(held))
    }

    fn pop_from(&self, shared: &Injector<Runnable>, held: &Held) -> Option<Runnable> {
        // Ordering: Relaxed; a number that guides, nothing more.
        let workers = self.workers.load(Ordering::Relaxed);
        let share = |left| {
            held.note_batch(left < policy::WORTH);
            policy::injector_share(left, workers, held.queue.room())
        };
        shared.pop(share, |batch| {
            held.note_theft(batch.len() + 1);
            held.queue.extend(batch);
            // They get their turn now, before what this worker's own tasks wake and spawn.
            held.end_streak();
        })
    }

    /// Whether nothing lies where any worker may take it.
    pub(crate) fn nothing_shared(&self) -> bool {
        self.injector.is_empty() && self.spill.is_empty()
    }

    /// Whether something lies there for the calling worker, which has nothing to do. What is too fine to share is
    /// left to those that are awake, unless their polls are slow or they fall behind those outside. The caller may
    /// count as one of them.
    pub(crate) fn sees_shared(&self, is_awake: bool) -> bool {
        !self.nothing_shared()
            && (!self.idle.is_fine() || self.is_alone(is_awake) || self.is_backlog())
    }

    /// Whether no worker is awake but the calling one, if that `is_awake`, and those whose polls are slow: nobody
    /// knows when they come back to their queues.
    fn is_alone(&self, is_awake: bool) -> bool {
        let (awake, own) = (self.idle.awake(), u32::from(is_awake));
        awake <= own || awake <= own + self.slow_workers()
    }

    fn slow_workers(&self) -> u32 {
        let slow = self
            .seats
            .iter()
            .filter(|seat| seat.is_slow() && !seat.is_guest());
        u32::try_from(slow.count()).unwrap_or(u32::MAX)
    }

    /// Whether those that are awake fall behind those outside.
    pub(crate) fn is_backlog(&self) -> bool {
        policy::is_backlog(self.injector.len())
    }

    /// A runnable from anywhere: what all share, another worker's ring, or the slot of one whose poll
    /// is slow. Leaves fine work alone, unless this is a `probe`.
    pub(crate) fn search(&self, held: &Held, probe: bool) -> Option<Runnable> {
        let fine = self.idle.is_fine() && !self.is_leaving();
        if !fine || probe || self.sees_shared(true) {
            if let Some(runnable) = self.pop_injector(held).or_else(|| self.pop_spill(held)) {
                return Some(runnable);
            }
        }
        let mut least = policy::worth(fine);
        for round in 0..policy::SEARCHES {
            let (mut busy, mut few) = (false, false);
            for victim in policy::victims(held.index, self.seats.len(), held.tick()) {
                let Some(victim) = self.seats.get(victim) else {
                    continue;
                };
                if fine && !probe && !self.needs_help(victim, true) {
                    continue;
                }
                match held.queue.steal_ring(&victim.stealers, least) {
                    Steal::Item(runnable, tasks) => {
                        held.note_theft(tasks);
                        return Some(runnable);
                    }
                    Steal::Busy => busy = true,
                    Steal::Few => few = true,
                    Steal::Empty => {}
                }
                if victim.is_slow() || self.is_leaving() {
                    match held.queue.steal_slot(&victim.stealers) {
                        Steal::Item(runnable, _) => return Some(runnable),
                        Steal::Busy => busy = true,
                        Steal::Few | Steal::Empty => {}
                    }
                }
            }
            if few {
                // Whoever fills that ring would be disturbed for one or two tasks, again and again.
                policy::let_grow(fine);
                least = 1;
            } else if round + 1 < policy::SEARCHES {
                if busy {
                    std::thread::yield_now();
                } else {
                    std::hint::spin_loop();
                }
            }
        }
        self.sees_shared(true)
            .then(|| self.pop_injector(held))
            .flatten()
    }

    /// Whether a worker that is about to sleep had better not: there is something to run, or to leave
    /// for. Changes nothing.
    pub(crate) fn sees_work(&self, held: &Held, is_awake: bool) -> bool {
        let fine = self.idle.is_fine();
        self.is_leaving()
            || self.sees_shared(is_awake)
            || self.others(held).any(|(_, seat)| {
                ((!fine || self.needs_help(seat, is_awake)) && held.queue.sees_ring(&seat.stealers))
                    || (seat.is_slow() && held.queue.sees_slot(&seat.stealers))
            })
    }

    /// Whether what lies on `seat` is to be taken however fine it is: its owner polls and polls, or will not run it
    /// at all and nobody else is there to.
    pub(crate) fn needs_help(&self, seat: &Seat, is_awake: bool) -> bool {
        if seat.is_guest() {
            self.is_alone(is_awake)
        } else {
            seat.is_slow()
        }
    }

    /// Whether anybody polls anything. Asked by a worker that does not.
    pub(crate) fn anybody_polls(&self) -> bool {
        // Ordering: Relaxed, and looked at second: who goes astray says so before its seat says that it
        // polls nothing, which is a Release store.
        self.seats.iter().any(|seat| seat.polling().is_some()) || self.anybody_astray()
    }

    fn anybody_astray(&self) -> bool {
        if sim::is_broken(sim::Decision::MindTheAstray) {
            return false;
        }
        // Ordering: Relaxed; see `anybody_polls`.
        self.astray.load(Ordering::Relaxed) > 0
    }

    /// The calling thread is about to give its seat up in the middle of a poll.
    pub(crate) fn go_astray(&self) {
        // Ordering: Relaxed; see `anybody_polls`.
        self.astray.fetch_add(1, Ordering::Relaxed);
    }

    /// That poll has ended, or goes on under its seat after all.
    pub(crate) fn come_back(&self) {
        // Ordering: Relaxed; seen late, it costs a tick of who waits for it.
        self.astray.fetch_sub(1, Ordering::Relaxed);
    }

    /// All seats but the one held, with their indices.
    pub(crate) fn others(&self, held: &Held) -> impl Iterator<Item = (usize, &Seat)> {
        let own = held.index;
        self.seats
            .iter()
            .enumerate()
            .filter(move |&(index, _)| index != own)
    }

    // ---- the driver ----

    /// Whether workers here look after the driver, if there is one.
    pub(crate) fn has_driver(&self) -> bool {
        !self.simulated
    }

    /// The driver's post, if there is one for the workers here.
    #[inline]
    pub(crate) fn driver(&self) -> Option<&'static Post> {
        driver::post().filter(|_| self.has_driver())
    }

    // ---- flags ----

    /// Whether running a task takes more than running it.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        // Ordering: Relaxed. Set before the workers start, or followed by a call to each of them.
        self.flags.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn is_cancelling(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & CANCEL != 0
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & LEAVE != 0
    }

    pub(crate) fn is_hooked(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & HOOKED != 0
    }

    /// The hooks for tasks, if the executor that is served is still `id`.
    pub(crate) fn hooks(&self, id: ExecutorId) -> Option<Arc<Hooks>> {
        if !self.is_hooked() {
            return None;
        }
        // Ordering: Relaxed; an executor that ends meanwhile may still be heard of.
        let served = self.generation.load(Ordering::Relaxed) == id.generation;
        served.then(|| self.hooks.lock().clone()).flatten()
    }

    // ---- beginning and end of an executor ----

    /// A scheduler for a new executor with `workers` workers, and their seats.
    pub(crate) fn acquire(
        workers: usize,
        hooks: &Arc<Hooks>,
    ) -> (&'static Self, ExecutorId, Vec<Held>) {
        let simulated = sim::is_simulated();
        let scheduler = Self::free(simulated).lock().pop();
        let scheduler = scheduler.unwrap_or_else(|| {
            let made = SCHEDULERS.push_with(|index| Self::new(index, simulated));
            made.expect("more than four thousand million executors at one time")
                .1
        });
        // Ordering: Relaxed; handed from its last owner to this one through the lock of `FREE`.
        let generation = scheduler.generation.load(Ordering::Relaxed);
        let hooked = hooks.any_for_tasks();
        let flags = if hooked { HOOKED } else { 0 };
        scheduler.flags.store(flags, Ordering::Relaxed);
        *scheduler.hooks.lock() = hooked.then(|| Arc::clone(hooks));
        ANY_HOOKED.fetch_or(hooked, Ordering::Relaxed);
        scheduler.workers.store(workers, Ordering::Relaxed);
        scheduler.registry.open();
        scheduler.injector.open(generation);
        scheduler.spill.open(generation);
        let mut seats = std::mem::take(&mut *scheduler.free_seats.lock());
        // The lowest ones, so that seats nobody sits on are the last that thieves come to.
        seats.sort_by_key(|held| held.index);
        let least = if simulated { SIMULATED_SEATS } else { 0 };
        while seats.len() < workers.max(least) {
            seats.push(scheduler.new_seat());
        }
        if simulated {
            seats.iter().for_each(sim::shuffle);
        }
        scheduler.free_seats.lock().extend(seats.drain(workers..));
        let id = ExecutorId {
            index: scheduler.index,
            generation,
        };
        (scheduler, id, seats)
    }

    /// Schedulers that serve no executor.
    fn free(simulated: bool) -> &'static Lock<Vec<&'static Self>> {
        if simulated { &FREE_SIMULATED } else { &FREE }
    }

    fn new(index: usize, simulated: bool) -> Self {
        Self {
            simulated,
            index: u32::try_from(index).expect("the table has room for fewer"),
            injector: Injector::new(),
            spill: Injector::new(),
            idle: Idle::new(),
            registry: Registry::new(),
            seats: Table::new(),
            free_seats: Lock::new(Vec::new()),
            workers: AtomicUsize::new(0),
            astray: AtomicUsize::new(0),
            hooks: Lock::new(None),
            flags: AtomicU8::new(0),
            generation: AtomicU32::new(1),
        }
    }

    fn new_seat(&'static self) -> Held {
        let mut queue = None;
        let made = self.seats.push_with(|_| {
            let (seat, owners_end) = Seat::new();
            queue = Some(owners_end);
            seat
        });
        let (index, seat) = made.expect("more than four thousand million workers");
        Held::new(index, seat, queue.expect("made with the seat"))
    }

    /// Begins to close: from now on tasks are cancelled instead of run, those that wait as well, and
    /// workers that find nothing more leave.
    pub(crate) fn close(&self) {
        // Ordering: Relaxed. The workers learn of it at their next task; those that sleep are called
        // below, behind a fence that pairs with the one before their last look.
        self.flags.fetch_or(CANCEL, Ordering::Relaxed);
        self.registry.close(|waker| waker.wake());
        self.flags.fetch_or(LEAVE, Ordering::Relaxed);
        self.idle.notify_all();
    }

    /// Ends the service of this generation, if nothing is left to do; says whether it did. To be
    /// called by the last worker, with all `seats`.
    pub(crate) fn release(&'static self, seats: &mut Vec<Held>) -> bool {
        // The spill first: only workers fill it, and the caller is the last one.
        if !self.spill.is_empty() || !self.injector.close() {
            return false;
        }
        let spill_closed = self.spill.close();
        debug_assert!(spill_closed);
        self.free_seats.lock().append(seats);
        // Dropped here, outside the lock: hooks own what the user gave them.
        let hooks = self.hooks.lock().take();
        drop(hooks);
        // Ordering: Relaxed; see `acquire`.
        let next = self.generation.load(Ordering::Relaxed).checked_add(1);
        if let Some(next) = next {
            self.generation.store(next, Ordering::Relaxed);
            Self::free(self.simulated).lock().push(self);
        }
        true
    }
}
