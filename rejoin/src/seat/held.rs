//! What the holder of a seat has in hand: the queue, and what it remembers from one turn of its loop to the next.

use std::cell::Cell;
use std::panic::Location;

use super::{Outer, Runnable, Seat, Shown};
use crate::driver::Turns;
use crate::policy;
use crate::run_queue::RunQueue;
use crate::sync::Ordering;
use crate::theft::Theft;

/// The seat in the hands of the thread that sits on it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) index: usize,
    pub(crate) seat: &'static Seat,
    pub(crate) queue: RunQueue<Runnable>,
    tick: Cell<u32>,
    /// At which tick something else than the common way may have its turn.
    turn_at: Cell<u32>,
    streak: Cell<u32>,
    /// Turns in a row in which one task out of the slot followed one out of the ring.
    turns: Cell<u32>,
    /// How often in a row little was found in the injector.
    nibbles: Cell<u32>,
    /// How many more polls the last batch from outside is good for.
    batch: Cell<u32>,
    /// Whether that left many behind.
    crowded: Cell<bool>,
    /// Which of the injector's lanes comes first.
    lane: Cell<u32>,
    theft: Cell<Option<Theft>>,
    /// Looks into the driver while there is enough else to do.
    /// Boxed, so that a seat stays small to hand around.
    driver_turns: Box<Cell<Turns>>,
    /// It is time for one.
    is_turn: Cell<bool>,
    /// Events came since the spill had its turn, which is owed to it now.
    pub(crate) owes_spill: Cell<bool>,
    /// The holder wakes those whose events came.
    waking: Cell<bool>,
}

impl Held {
    pub(crate) fn new(index: usize, seat: &'static Seat, queue: RunQueue<Runnable>) -> Self {
        Self {
            index,
            seat,
            queue,
            tick: Cell::new(0),
            turn_at: Cell::new(0),
            streak: Cell::new(0),
            turns: Cell::new(0),
            nibbles: Cell::new(0),
            batch: Cell::new(0),
            crowded: Cell::new(false),
            lane: Cell::new(index as u32),
            theft: Cell::new(None),
            driver_turns: Box::new(Cell::new(Turns::NEW)),
            is_turn: Cell::new(false),
            owes_spill: Cell::new(false),
            waking: Cell::new(false),
        }
    }

    /// Counts a turn of the worker's loop.
    #[inline]
    pub(crate) fn tick(&self) -> u32 {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        tick
    }

    /// Whether something else than the common way may have its turn at this tick. Ticks are counted elsewhere as well, so that
    /// the very one may have been passed over.
    #[inline]
    pub(crate) fn is_at_turn(&self, tick: u32) -> bool {
        tick.wrapping_sub(self.turn_at.get()) <= u32::MAX / 2
    }

    /// That was looked at; the next one comes later.
    pub(crate) fn had_turn(&self, tick: u32) {
        self.turn_at.set(policy::next_turn(tick, self.hurries()));
    }

    /// Sets where the loop's counter stands, and whether the slot has had its turns.
    pub(crate) fn shuffle(&self, tick: u32, slot_had_its_turns: bool) {
        self.tick.set(tick);
        self.turn_at.set(tick);
        self.streak.set(if slot_had_its_turns {
            crate::policy::SLOT_STREAK
        } else {
            0
        });
    }

    /// Turns of the worker's loop so far.
    #[inline]
    pub(crate) fn ticks(&self) -> u32 {
        self.tick.get()
    }

    /// Whether the slot comes first, and not the ring: until it has had its turns in a row, or its task has taken turns with
    /// those in the ring for long enough.
    #[inline]
    pub(crate) fn slot_first(&self) -> bool {
        policy::slot_first(self.streak.get())
    }

    /// Takes the next runnable out of the slot.
    #[inline]
    pub(crate) fn pop_slot(&self) -> Option<Runnable> {
        let runnable = self.queue.pop_slot()?;
        self.streak.set(self.streak.get().wrapping_add(1));
        Some(runnable)
    }

    /// Takes the next runnable out of the ring.
    #[inline]
    pub(crate) fn pop_ring(&self) -> Option<Runnable> {
        let runnable = self.queue.pop_ring()?;
        let turns = if self.streak.get() == 1 {
            self.turns.get() + 1
        } else {
            0
        };
        if turns < policy::TURNS {
            self.turns.set(turns);
            self.streak.set(0);
        } else {
            self.turns.set(0);
            self.end_streak();
        }
        Some(runnable)
    }

    /// Lets the ring come first at the next poll.
    pub(crate) fn end_streak(&self) {
        self.streak.set(policy::SLOT_STREAK);
    }

    /// Remembers that a batch of so many out of `waiting` came from outside.
    pub(crate) fn note_batch(&self, tasks: usize, waiting: usize, workers: usize) {
        let few = waiting < policy::WORTH;
        self.crowded.set(policy::is_crowd(waiting - tasks));
        let between = policy::between_batches(workers);
        self.batch.set(between.saturating_add(tasks as u32));
        self.nibbles
            .set(if few { self.nibbles.get() + 1 } else { 0 });
    }

    /// Counts a poll that the last batch from outside is good for, if there is one left; says whether there was.
    #[inline]
    pub(crate) fn is_at_batch(&self) -> bool {
        let left = self.batch.get();
        if left > 0 {
            self.batch.set(left - 1);
        }
        left > 0
    }

    /// Whether many waited outside when the holder last looked.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.get()
    }

    /// Which of the injector's lanes has its turn to be looked at first.
    pub(crate) fn next_lane(&self) -> usize {
        let lane = self.lane.get().wrapping_add(1);
        self.lane.set(lane);
        lane as usize
    }

    /// Remembers that there was nothing to do.
    pub(crate) fn note_nothing(&self) {
        self.nibbles.set(0);
    }

    /// Whether the holder keeps coming for a task or two.
    pub(crate) fn nibbles(&self) -> bool {
        self.nibbles.get() >= policy::NIBBLES
    }

    /// Remembers that so many tasks were taken from others, or from what all share; few of them teach nothing.
    pub(crate) fn note_theft(&self, tasks: usize) {
        let theft = (tasks >= policy::WORTH).then(|| Theft::new(tasks, self.tick.get()));
        self.theft.set(theft);
    }

    /// Whether the last theft has already been worth it; then it is forgotten.
    pub(crate) fn theft_has_paid(&self) -> bool {
        let paid = self
            .theft
            .get()
            .is_some_and(|theft| theft.has_paid(self.tick.get()));
        if paid {
            self.theft.set(None);
        }
        paid
    }

    /// Whether the last theft was worth it, now that its loot is used up; asked once.
    pub(crate) fn theft_was_worth_it(&self) -> Option<bool> {
        let theft = self.theft.take()?;
        Some(theft.was_worth_it(self.tick.get()))
    }

    /// Whether the holder looks into the driver more often than otherwise.
    pub(crate) fn hurries(&self) -> bool {
        self.driver_turns.get().hurry
    }

    /// It is time for the holder to look into the driver.
    pub(crate) fn take_turn(&self) {
        self.driver_turns
            .set(self.driver_turns.get().after(self.tick.get()));
        self.is_turn.set(true);
    }

    /// Whether it is; asked once.
    pub(crate) fn turn_taken(&self) -> bool {
        self.is_turn.take()
    }

    /// Says whether the holder wakes those whose events came. Who does owes the spill a turn.
    pub(crate) fn set_waking(&self, waking: bool) {
        self.waking.set(waking);
        self.owes_spill.set(self.owes_spill.get() | waking);
    }

    /// Whether the holder wakes those whose events came.
    pub(crate) fn is_waking(&self) -> bool {
        self.waking.get()
    }

    /// Publishes that `runnable` is about to be run.
    #[inline]
    pub(crate) fn begin(&self, runnable: &Runnable) {
        let meta = runnable.metadata();
        self.seat.publish(meta.location, meta.id.0, meta.tag);
        if let Some(rare) = &meta.rare {
            self.seat.publish_name(meta.id.0, rare.number());
        }
    }

    /// Publishes that the holder is a guest and polls a future of its own; if it is `open`, thieves may
    /// take from its slot from the first moment, as from that of a slow worker.
    pub(crate) fn begin_blocking(&self, open: bool) {
        self.seat.publish(Location::caller(), 0, 0);
        if open {
            self.seat.mark_slow(None);
        }
    }

    /// Publishes that `runnable` is about to be run inside of another poll; gives back what was published.
    pub(crate) fn begin_inner(&self, runnable: &Runnable) -> Outer {
        let outer = self.outer();
        self.begin(runnable);
        outer
    }

    /// What is published at the moment.
    pub(crate) fn outer(&self) -> Outer {
        Outer {
            shown: self.seat.shown(),
            slow: self.seat.is_slow(),
        }
    }

    /// Publishes what was published before [`end`](Self::end), as if nothing had happened in between: were it a
    /// new poll, one that tries again and again to give its seat up would never count as slow.
    pub(crate) fn go_on(&self, outer: Outer) {
        let published = &*self.seat.published;
        let Shown {
            place,
            task,
            tag,
            name,
        } = outer.shown;
        // Ordering: Relaxed, as in `publish`.
        published.task.store(task, Ordering::Relaxed);
        published.tag.store(tag, Ordering::Relaxed);
        published.slow.store(outer.slow, Ordering::Relaxed);
        published.place.store(place);
        self.seat.publish_name(task, name);
    }

    /// Publishes that the poll around goes on.
    pub(crate) fn end_inner(&self, outer: Outer) {
        let Shown {
            place,
            task,
            tag,
            name,
        } = outer.shown;
        if let Some(place) = place {
            self.seat.publish(place, task, tag);
            self.seat.publish_name(task, name);
        }
    }

    /// The id of the task that was last published.
    pub(crate) fn task(&self) -> u64 {
        // Ordering: Relaxed, as in `publish`; our own write.
        self.seat.published.task.load(Ordering::Relaxed)
    }

    /// Publishes that nothing is being run.
    pub(crate) fn end(&self) {
        self.seat.end();
    }
}
