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

mod end;
mod search;
mod service;

use std::sync::{Arc, LazyLock};

use crate::driver::{self, Post};
use crate::hooks::Hooks;
use crate::idle::Idle;
use crate::injector::Injector;
use crate::policy;
use crate::quiet::Quiet;
use crate::registry::Registry;
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
    pub(crate) quiet: Quiet,
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
/// Nobody waits for the end of the executor, which closes.
const LET_GO: u8 = 8;

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
        scheduler.generation.load(Ordering::Relaxed) == id.generation()
            && !scheduler.is_cancelling()
    })
}

/// The scheduler in the place that `id` names, whichever generation it serves.
pub(crate) fn get(id: ExecutorId) -> Option<&'static Scheduler> {
    SCHEDULERS.get(id.index())
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
            return self.push_yielded(held, runnable);
        }
        match held.queue.push_slot(runnable) {
            Some(displaced) => self.push_back(held, displaced, false),
            // A guest that is not open to thieves is about to run this itself, or hands it over; the watcher sees to it
            // that it does, as with a worker.
            None if held.seat.is_slow() && held.seat.is_guest() => {
                self.idle.notify_from_outside(|| false);
            }
            None if held.seat.is_slow() => self.idle.notify_from_slow(),
            None => self.idle.call_watcher(),
        }
    }

    /// A worker's own push of one of many. The caller calls for all of them later; meanwhile somebody watches.
    #[inline]
    pub(crate) fn push_quietly(&self, held: &Held, runnable: Runnable) {
        match held.queue.push_ring(runnable) {
            Ok(()) => self.idle.call_watcher(),
            Err(runnable) => self.overflow(held, runnable),
        }
    }

    /// After pushes to where all may take from, by somebody who will not run what was pushed, or not soon. One worker is called,
    /// however many they were: it calls the next one when it has found something, and so on.
    #[inline]
    pub(crate) fn call_one(&self) {
        self.idle.notify_from_outside(|| self.is_backlog());
    }

    /// The push of a task that let others go first: those that wait outside, if there are many, were there before it.
    #[inline]
    fn push_yielded(&self, held: &Held, runnable: Runnable) {
        if held.is_crowded() {
            return self.push_behind_crowd(held, runnable);
        }
        self.push_back(held, runnable, true);
    }

    #[inline(never)]
    fn push_behind_crowd(&self, held: &Held, runnable: Runnable) {
        match self.injector.push_last(runnable) {
            Ok(()) => self.call_one(),
            Err(runnable) => self.push_back(held, runnable, true),
        }
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
        } else {
            // A lone task that yields is run again by this worker: no call for help.
            self.idle
                .notify_unless(|| yielded && held.queue.is_single());
        }
    }

    /// Takes the older half of a full ring, and the runnable that found no room, to the spill.
    #[cold]
    fn overflow(&self, held: &Held, runnable: Runnable) {
        if held.is_waking() {
            // Events bring as many tasks at once as there are sockets. Those before them stay where they are, and these come in
            // the order of their events.
            self.injector.push_batch(std::iter::once(runnable));
            return self.call_one();
        }
        let newest = std::iter::once(runnable);
        match held.queue.overflow() {
            Some(older) => self.spill.push_batch(older.chain(newest)),
            // A thief is taking the older half already.
            None => self.spill.push_batch(newest),
        }
        if held.seat.is_slow() && !held.seat.is_guest() {
            self.idle.notify_from_slow();
        } else {
            self.call_one();
        }
    }

    /// Takes all that lies in a guest's queue, but what a thief has its hand on, to the injector.
    pub(crate) fn hand_over(&self, held: &Held) {
        let mut any = false;
        if let Some(ring) = held.queue.drain_ring() {
            any = true;
            self.injector.push_batch(ring);
        }
        while let Some(runnable) = held.queue.pop_ring().or_else(|| held.queue.pop_slot()) {
            any = true;
            self.injector.push_batch(std::iter::once(runnable));
        }
        if any {
            self.call_one();
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
        let tick = held.tick();
        if held.is_at_turn(tick) {
            return self.next_at_turn(held, tick);
        }
        self.look_outside(held).or_else(|| self.next_own(held))
    }

    /// The same at a tick at which what overflowed, or the driver, may have its turn.
    #[inline(never)]
    fn next_at_turn(&self, held: &Held, tick: u32) -> Option<Runnable> {
        let is_spills = policy::is_spill_turn(tick);
        let may_give = is_spills || (policy::may_hurry(tick) && held.hurries());
        let gives = may_give && self.gives_turn(held, is_spills);
        held.had_turn(tick);
        if gives {
            return None;
        }
        self.look_outside(held).or_else(|| {
            let overflowed = is_spills.then(|| self.look_back(held).pop_spill(held));
            overflowed.flatten().or_else(|| self.next_own(held))
        })
    }

    /// The next one from outside, when that is to be looked at.
    #[inline(always)]
    fn look_outside(&self, held: &Held) -> Option<Runnable> {
        if held.is_at_batch() || self.injector.is_empty() || !self.may_look(held) {
            return None;
        }
        self.pop_injector(held)
    }

    /// The next one out of the own queue, or out of what all share if that is empty.
    #[inline(always)]
    fn next_own(&self, held: &Held) -> Option<Runnable> {
        if held.slot_first() {
            held.pop_slot().or_else(|| held.pop_ring())
        } else {
            let oldest = held.pop_ring().inspect(|_| self.give_way(held));
            oldest.or_else(|| held.pop_slot())
        }
        .or_else(|| self.pop_shared(held))
    }

    /// Whether the worker on `held`, busy as it is, has to look into the driver now, because nobody else does. Events may never
    /// cease: after some came, what overflowed has the next turn.
    fn gives_turn(&self, held: &Held, is_spills: bool) -> bool {
        if is_spills && held.owes_spill.get() && !self.spill.is_empty() {
            return false;
        }
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

    /// One runnable out of the injector, and this worker's share of the rest into its ring.
    fn pop_injector(&self, held: &Held) -> Option<Runnable> {
        self.pop_from(&self.injector, held.next_lane(), held, |left, workers| {
            let room = policy::spare_room(held.queue.room());
            let share = policy::injector_share(left, workers, room);
            held.note_batch(share, left, workers);
            share
        })
    }

    /// The same out of the spill.
    fn pop_spill(&self, held: &Held) -> Option<Runnable> {
        let usable = if held.owes_spill.take() {
            policy::owed_room
        } else {
            policy::spare_room
        };
        self.pop_from(&self.spill, 0, held, |left, workers| {
            policy::injector_share(left, workers, usable(held.queue.room()))
        })
    }

    /// When the own queue is empty.
    fn pop_shared(&self, held: &Held) -> Option<Runnable> {
        self.judge(held);
        if held.nibbles() && !self.injector.is_empty() {
            policy::let_grow(self.idle.is_fine(), || false);
        }
        self.pop_injector(held).or_else(|| self.pop_spill(held))
    }

    /// Looks at the lanes from the `first` on, and asks `share` how many to take beside the one to run, of how many and for how
    /// many workers.
    fn pop_from(
        &self,
        shared: &Injector<Runnable>,
        first: usize,
        held: &Held,
        share: impl FnOnce(usize, usize) -> usize,
    ) -> Option<Runnable> {
        // Ordering: Relaxed; a number that guides, nothing more.
        let workers = self.workers.load(Ordering::Relaxed);
        shared.pop(
            first,
            |left| share(left, workers),
            |batch| {
                held.note_theft(batch.len() + 1);
                held.queue.extend(batch);
                // They get their turn now, before what this worker's own tasks wake and spawn.
                held.end_streak();
            },
        )
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
        // Ordering: Release, read by the Acquire in `look_for_quiet`, which then sees what that poll left.
        // Others see it late at worst, which costs a tick of who waits for it.
        self.astray.fetch_sub(1, Ordering::Release);
        self.idle.call_if_awaited();
    }

    /// How many threads are astray.
    pub(crate) fn astray(&self) -> usize {
        // Ordering: Acquire pairs with the Release in `come_back`.
        self.astray.load(Ordering::Acquire)
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
        // Ordering: Acquire pairs with the Release in `close`; see `Registry::count_ends`.
        self.flags.load(Ordering::Acquire) & CANCEL != 0
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
        let served = self.generation.load(Ordering::Relaxed) == id.generation();
        served.then(|| self.hooks.lock().clone()).flatten()
    }
}
