//! The executors that a scheduler serves, one after another: how each begins.
//!
//! What is handed from one to the next is empty, and comes through the lock of [`FREE`].

use std::sync::Arc;

use super::{ANY_HOOKED, FREE, FREE_SIMULATED, HOOKED, SCHEDULERS, SIMULATED_SEATS, Scheduler};
use crate::effort::Effort;
use crate::hooks::Hooks;
use crate::idle::Idle;
use crate::injector::Injector;
use crate::policy;
use crate::processors::processors;
use crate::quiet::Quiet;
use crate::registry::Registry;
use crate::seat::{Held, Seat};
use crate::sim;
use crate::sync::{AtomicU8, AtomicU32, AtomicUsize, Lock, Ordering};
use crate::table::Table;
use crate::task::ExecutorId;

impl Scheduler {
    /// A scheduler for a new executor with `workers` workers, and their seats.
    pub(crate) fn acquire(
        workers: usize,
        effort: Effort,
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
        scheduler.idle.forget();
        scheduler.idle.set_effort(effort);
        scheduler.idle.set_process();
        scheduler.registry.open(hooked);
        scheduler.quiet.open(generation);
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
            sim::shuffle_idle(&scheduler.idle);
        }
        scheduler.free_seats.lock().extend(seats.drain(workers..));
        let id = ExecutorId::new(scheduler.index, generation);
        (scheduler, id, seats)
    }

    /// Schedulers that serve no executor.
    pub(super) fn free(simulated: bool) -> &'static Lock<Vec<&'static Self>> {
        if simulated { &FREE_SIMULATED } else { &FREE }
    }

    fn new(index: usize, simulated: bool) -> Self {
        Self {
            simulated,
            index: u32::try_from(index).expect("the table has room for fewer"),
            // What a simulation does hangs on its seed alone.
            injector: Injector::new(if simulated {
                1
            } else {
                policy::lanes(processors())
            }),
            spill: Injector::new(1),
            idle: Idle::new(),
            registry: Registry::new(),
            quiet: Quiet::new(),
            seats: Table::new(),
            free_seats: Lock::new(Vec::new()),
            workers: AtomicUsize::new(0),
            astray: AtomicUsize::new(0),
            hooks: Lock::new(None),
            flags: AtomicU8::new(0),
            generation: AtomicU32::new(1),
        }
    }

    pub(super) fn new_seat(&'static self) -> Held {
        let mut queue = None;
        let made = self.seats.push_with(|_| {
            let (seat, owners_end) = Seat::new();
            queue = Some(owners_end);
            seat
        });
        let (index, seat) = made.expect("more than four thousand million workers");
        Held::new(index, seat, queue.expect("made with the seat"))
    }
}
