//! The decisions of the scheduler, apart from the code that carries them out.
//!
//! Everything here is a pure function of what the caller saw: which source a worker looks at first,
//! whom it robs and in what order, how much it takes, how many sleepers a push is worth. A simulated
//! executor makes the same decisions, and a test can ask for any of them.

use std::time::{Duration, Instant};

use crate::effort::Effort;

/// A worker looks at the injector before each poll; but when it has found something there, it takes a batch, and looks
/// again when that, and as many more as there are workers, have been polled: what lies there came later, and the others
/// look too. A look costs a load, and those who push a cache line.
const LEAST_BETWEEN_BATCHES: usize = 2;

/// While work is fine, one look in so many polls is enough; each costs those who push a cache line.
const FINE_INTERVAL: u32 = 60;

/// One poll in so many is for what overflowed from a worker's ring. A prime, so that no pattern of tasks keeps step with it.
pub(crate) const SPILL_INTERVAL: u32 = 61;

/// The driver is looked into at every so many polls if those are long, else in the turn of what overflowed.
const HURRY_INTERVAL: u32 = 3;

/// Polls longer than this count as long for the driver.
const LONG_POLL: Duration = Duration::from_micros(20);

/// A worker that has enough of its own takes single tasks only: this much room it keeps for its own.
const RESERVE: usize = 128;

/// Polls in a row out of the LIFO slot after which the ring comes first, and what is in the slot goes to
/// the ring's back: two tasks that wake each other for ever have so many polls for each turn of the rest.
///
/// Fork-join work lives in the slot, depth first; to take the oldest task instead at every fourth poll
/// cost fib(20) half of its speed. A turn of the rest is the whole ring.
pub(crate) const SLOT_STREAK: u32 = 32;

/// So many threads without a seat are kept beside as many as there are workers. With none, a thread that comes
/// back from a short blocking call just after the next one began finds that another was started in its place:
/// one in seven calls in a row started a thread.
pub(crate) const SPARE: usize = 4;

/// More workers that search at a time find nothing sooner; they keep those who have work from it.
const MOST_SEARCHING: u32 = 2;

/// How often an idle worker looks around before it lies down.
pub(crate) const SEARCHES: u32 = 3;

/// Fewer tasks than this in a ring are not taken at first sight. A thief that is faster than the owner spawns
/// would else come for each single one, and both wait for the same cache lines.
pub(crate) const WORTH: usize = 8;

/// The same for work that is not worth sharing but has to be shared.
const WORTH_FINE: usize = 64;

/// How long a thief then lets the ring grow.
const GROWTH: Duration = Duration::from_micros(1);

/// The same for work that is not worth sharing.
const GROWTH_FINE: Duration = Duration::from_micros(5);

/// When so many tasks from outside wait, one more worker is called, however fine they are.
const BACKLOG: usize = 1024;

/// The score at which work counts as fine, and up to which it rises.
pub(crate) const FINE_SCORE: u32 = 4;
const LAST_SCORE: u32 = 8;

/// The score at which it counts as worth sharing.
pub(crate) const COARSE_SCORE: u32 = 0;

/// A task that takes less than this is not worth moving to another worker.
pub(crate) const WORTH_MOVING: Duration = Duration::from_nanos(1000);

/// Unless it, with what it spawned, is polled so often there.
pub(crate) const PAYING_POLLS: u32 = 4;

/// While work is fine, the watcher robs all the same after so many ticks, the first time; then after twice as many.
pub(crate) const FIRST_PROBE: u32 = 2;

/// And at least once in so many.
pub(crate) const LAST_PROBE: u32 = 64;

/// While work is fine, a poll may last so many ticks until it is slow, if it keeps pushing.
pub(crate) const PUSHING: u32 = 4;

/// A worker that found little in the injector so often in a row, and found it again when that had run, lets it grow
/// before it comes back.
pub(crate) const NIBBLES: u32 = 2;

/// Turns in which a single task out of the slot followed a single one out of the ring, after which the slot's task
/// goes to the ring's back: it is woken by each of those in the ring, and may as well hear of all of them at once.
pub(crate) const TURNS: u32 = 8;

/// A sleep shorter than this is dearer than looking around for as long.
pub(crate) const SHORT_SLEEP: Duration = Duration::from_micros(40);

/// Most short sleeps in a row without a look before them, because looks were in vain.
const MOST_SKIPPED: u32 = 64;

/// How long a thread looks around after a short sleep.
const LOOK: Duration = Duration::from_micros(25);

/// How long an eager worker looks around after any sleep: a few times what it costs to sleep and be woken.
const EAGER_LOOK: Duration = Duration::from_micros(100);

/// Looks between two looks at the clock.
pub(crate) const LOOKS_PER_CLOCK: u32 = 16;

/// The first tick of a watcher that has just been called.
pub(crate) const FIRST_TICK: Duration = Duration::from_micros(50);

/// The longest tick of a watcher: what a task waits at most behind a poll that turns out slow is
/// two of them.
pub(crate) const LAST_TICK: Duration = Duration::from_micros(500);

/// The longest time between two looks of a worker that waits for the last polls of a closing executor.
const LAST_CLOSING_TICK: Duration = Duration::from_millis(10);

/// The same when nobody waits for the executor's end any more: a poll that is stuck may be so for ever.
const LAST_LONELY_TICK: Duration = Duration::from_millis(100);

/// Room for so many tasks is kept where more than that were once.
pub(crate) const KEPT: usize = 4096;

/// Ticks that a watcher goes on for when nothing runs any more, in case that something soon does.
pub(crate) const LINGER: u32 = 4;

/// More lanes of the injector cost more to look at than they save those who push.
const MOST_LANES: usize = 8;

/// With debug assertions there are so many on any machine, so that tests come to know them.
const LEAST_LANES: usize = if cfg!(debug_assertions) { 4 } else { 1 };

/// Most tasks that a worker takes out of the injector at once, beside the one it runs.
const INJECTOR_BATCH: usize = 128;

/// Whether the `tick`-th poll is for what overflowed.
pub(crate) fn is_spill_turn(tick: u32) -> bool {
    tick % SPILL_INTERVAL == 0
}

/// Whether who hurries may look into the driver at the `tick`-th poll.
pub(crate) fn may_hurry(tick: u32) -> bool {
    tick % HURRY_INTERVAL == 0
}

/// The next of these two turns after the `tick`-th poll, for who hurries or does not.
pub(crate) fn next_turn(tick: u32, hurries: bool) -> u32 {
    let until = |interval: u32| interval - tick % interval;
    let spill = until(SPILL_INTERVAL);
    let turn = if hurries {
        spill.min(until(HURRY_INTERVAL))
    } else {
        spill
    };
    tick.wrapping_add(turn)
}

/// Whether the slot comes first after `streak` polls in a row out of it; else the ring, whose back what lies in the slot then
/// goes to.
#[inline]
pub(crate) fn slot_first(streak: u32) -> bool {
    streak < SLOT_STREAK
}

/// Whether so many `polls`, which took so long together, are long.
pub(crate) fn polls_are_long(polls: u32, together: Duration) -> bool {
    together > LONG_POLL * polls
}

/// Whom the worker on `seat` robs, in order: everybody else once, beginning at a place that moves
/// with `tick`, so that thieves spread.
pub(crate) fn victims(seat: usize, seats: usize, tick: u32) -> impl Iterator<Item = usize> {
    let start = tick as usize % seats.max(1);
    (0..seats)
        .map(move |step| (start + step) % seats)
        .filter(move |&victim| victim != seat)
}

/// How many lanes an injector has, into which as many threads push at a time as there are `processors`: a power of two.
pub(crate) fn lanes(processors: usize) -> usize {
    let lanes = (processors / 2).clamp(LEAST_LANES, MOST_LANES);
    1 << lanes.ilog2()
}

/// How many polls of its own a worker makes before it looks again at where it has just found a batch.
pub(crate) fn between_batches(workers: usize) -> u32 {
    u32::try_from(workers.max(LEAST_BETWEEN_BATCHES)).unwrap_or(u32::MAX)
}

/// How many tasks, beside the one to run, a worker that can use so much `room` takes out of an injector in which
/// `waiting` are left: half of them if there is anybody else. The others find them in its ring, where they
/// keep nobody from pushing; with a share for each of 16 workers all were at the injector all the time.
pub(crate) fn injector_share(waiting: usize, workers: usize, room: usize) -> usize {
    (waiting / workers.clamp(1, 2))
        .min(INJECTOR_BATCH)
        .min(room)
}

/// What a worker can use of the `room` in its ring, beside what it keeps for its own.
pub(crate) fn spare_room(room: usize) -> usize {
    room.saturating_sub(RESERVE)
}

/// What it uses for what overflowed from rings, when events that never cease had the turn before: a part of what there is, be
/// it little. At each turn, fork-join work would move to and fro, and fib(20) take 1.3 times as long.
pub(crate) fn owed_room(room: usize) -> usize {
    room / 2
}

/// Whether one more worker may search while `searching` already do and `seats` there are: at most half, so that thieves
/// don't queue up before one victim, and few of many. Each that finds something calls the next.
pub(crate) fn may_search(searching: u32, seats: u32) -> bool {
    2 * searching < seats && searching < MOST_SEARCHING
}

/// Whether one more task is worth waking a sleeper: not while somebody is searching already, because
/// the last searcher to find something passes the call on; but to the `eager` it is.
pub(crate) fn worth_waking(parked: u32, searching: u32, eager: bool) -> bool {
    if crate::sim::is_broken(crate::sim::Decision::WorthWaking) {
        return false;
    }
    parked > 0 && (searching == 0 || eager)
}

/// Whether `tasks` that were stolen have been worth it after so many `polls`.
pub(crate) fn has_paid(tasks: usize, polls: u32) -> bool {
    polls as usize >= tasks.saturating_mul(PAYING_POLLS as usize)
}

/// The score that follows `score` after one more theft.
pub(crate) fn score(score: u32, worth_it: bool) -> u32 {
    if worth_it {
        score.saturating_sub(2)
    } else {
        (score + 1).min(LAST_SCORE)
    }
}

/// Whether so many `polls` in `time` are so short that tasks like that are not worth moving.
pub(crate) fn are_fine(polls: u64, time: Duration) -> bool {
    u128::from(polls) * WORTH_MOVING.as_nanos() > time.as_nanos()
}

/// The number of ticks between two probes that follows `ticks`.
pub(crate) fn next_probe(ticks: u32) -> u32 {
    (2 * ticks).min(LAST_PROBE)
}

/// Whether the injector has its turn at the `tick`-th poll while work is fine.
pub(crate) fn fine_turn(tick: u32) -> bool {
    tick % FINE_INTERVAL == 0
}

/// How many more places a list gets that holds so many tasks and is full: twice as many while that is little, else an eighth
/// more, because a list of a million would be half empty.
pub(crate) fn more_room(tasks: usize) -> usize {
    if tasks < KEPT {
        tasks.max(4)
    } else {
        tasks / 8
    }
}

/// How much of its `room` a queue keeps that holds so many tasks: after a burst it gives the memory back by halves, so that
/// each task costs a move at most.
pub(crate) fn kept_room(tasks: usize, room: usize) -> usize {
    if room > KEPT && tasks <= room / 4 {
        room / 2
    } else {
        room
    }
}

/// Whether so many tasks from outside are more than one worker takes at once.
pub(crate) fn is_crowd(waiting: usize) -> bool {
    waiting >= INJECTOR_BATCH
}

/// Whether so many tasks from outside are more than those that are awake can keep up with.
pub(crate) fn is_backlog(waiting: usize) -> bool {
    waiting >= BACKLOG
}

/// How many short sleeps to let pass before the next look, after so many looks `in_vain` in a row.
pub(crate) fn looks_to_skip(in_vain: u32) -> u32 {
    if in_vain == 0 {
        return 0;
    }
    1_u32
        .checked_shl(in_vain)
        .map_or(MOST_SKIPPED, |skip| skip.min(MOST_SKIPPED))
}

/// Lets a queue that holds little grow before it is robbed, for as long as there is nothing `else_to_do`.
pub(crate) fn let_grow(fine: bool, else_to_do: impl Fn() -> bool) {
    let begin = Instant::now();
    let growth = if fine { GROWTH_FINE } else { GROWTH };
    while !else_to_do() && begin.elapsed() < growth {
        std::hint::spin_loop();
    }
}

/// Fewer tasks than this are not taken at first sight.
pub(crate) fn worth(fine: bool) -> usize {
    if fine { WORTH_FINE } else { WORTH }
}

/// The tick that follows `tick` for whoever waits for the last polls of a closing executor, whose end is `awaited` or
/// not.
pub(crate) fn next_closing_tick(tick: Duration, awaited: bool) -> Duration {
    let last = if awaited {
        LAST_CLOSING_TICK
    } else {
        LAST_LONELY_TICK
    };
    (2 * tick).min(last)
}

/// How long a thread whose last sleep was short or not looks around before it sleeps again; not at all if this is
/// zero.
pub(crate) fn look(effort: Effort, last_was_short: bool) -> Duration {
    match effort {
        Effort::Thrifty => Duration::ZERO,
        Effort::Balanced if last_was_short => LOOK,
        Effort::Balanced => Duration::ZERO,
        Effort::Eager => EAGER_LOOK,
    }
}

/// The tick that follows `tick`.
pub(crate) fn next_tick(tick: Duration) -> Duration {
    (2 * tick).min(LAST_TICK)
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn everybody_else_is_robbed_once_whatever_the_tick() {
        for seats in 1..6 {
            for seat in 0..seats {
                for tick in 0..12 {
                    let mut seen: Vec<_> = victims(seat, seats, tick).collect();
                    seen.sort_unstable();
                    let all: Vec<_> = (0..seats).filter(|&other| other != seat).collect();
                    assert_eq!(seen, all);
                }
            }
        }
    }

    #[test]
    fn the_slot_comes_first_until_it_has_had_its_turns() {
        assert!((0..SLOT_STREAK).all(slot_first));
        assert!(!slot_first(SLOT_STREAK));
    }

    #[test]
    fn no_turn_is_passed_over() {
        for hurries in [false, true] {
            let is_turn = |tick| is_spill_turn(tick) || (hurries && may_hurry(tick));
            for tick in (0..1_000).chain(u32::MAX - 200..u32::MAX - 100) {
                let next = next_turn(tick, hurries);
                assert!(is_turn(next));
                assert!((tick + 1..next).all(|between| !is_turn(between)));
            }
            assert!(next_turn(u32::MAX, hurries) < SPILL_INTERVAL);
        }
    }

    #[test]
    fn a_queue_is_let_grow_only_while_there_is_nothing_else_to_do() {
        for fine in [false, true] {
            let looks = std::cell::Cell::new(0);
            let_grow(fine, || looks.replace(looks.get() + 1) == 1);
            // The second one ends it, unless the time was up before.
            assert!((1..=2).contains(&looks.get()));
        }
    }

    #[test]
    fn a_burst_gives_its_room_back_by_halves() {
        assert_eq!(kept_room(0, KEPT), KEPT);
        let room = 16 * KEPT;
        assert_eq!(kept_room(room / 4 + 1, room), room);
        let mut kept = room;
        for tasks in (0..=room / 4).rev() {
            let next = kept_room(tasks, kept);
            assert!(next == kept || (next == kept / 2 && 2 * tasks <= next));
            kept = next;
        }
        assert_eq!(kept, KEPT);
    }

    #[test]
    fn a_share_of_the_injector_leaves_something_for_the_others() {
        assert_eq!(injector_share(9, 1, 256), 9);
        assert_eq!(injector_share(9, 2, 256), 4);
        assert_eq!(injector_share(9, 16, 256), 4);
        assert_eq!(injector_share(9, 2, spare_room(RESERVE + 3)), 3);
        assert_eq!(injector_share(1_000_000, 2, spare_room(RESERVE)), 0);
        assert_eq!(injector_share(1_000_000, 2, 256), INJECTOR_BATCH);
        assert_eq!(injector_share(0, 2, 256), 0);
        assert_eq!(
            injector_share(1_000_000, 2, owed_room(RESERVE)),
            RESERVE / 2
        );
    }

    #[test]
    fn there_are_half_as_many_lanes_as_processors_up_to_a_number() {
        let expected = [1, 1, 1, 1, 2, 2, 4, 8, 8].map(|lanes: usize| lanes.max(LEAST_LANES));
        assert_eq!([0, 1, 2, 3, 4, 7, 8, 16, 1024].map(lanes), expected);
    }

    #[test]
    fn a_lone_worker_may_search() {
        assert!(may_search(0, 1));
        assert!(!may_search(1, 2));
        assert!(may_search(1, 3));
        assert!(!may_search(2, 16));
    }
}
