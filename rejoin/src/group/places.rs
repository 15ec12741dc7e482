//! How many may run at a time, and who is next.
//!
//! # Invariant
//!
//! Whoever waits for a place gets it in the order of asking. A place that becomes free while somebody
//! waits is handed to the first of them and is never free in between, so nobody can overtake.
//!
//! Tasks that were spawned and found no place, and spawners that wait for one, stand in the same queue.
//! A spawner may go away while it waits. Its entry then stays as a gap until it reaches an end of the
//! queue, or until the gaps are more than half of it; so the queue is never longer than twice those who
//! wait, and to leave costs a binary search.

use std::collections::VecDeque;
use std::mem;
use std::task::Waker;

/// The tasks' beginnings are `S`.
pub(super) struct Places<S> {
    limit: usize,
    taken: usize,
    /// In ascending order of tickets.
    queue: VecDeque<(u64, Turn<S>)>,
    next_ticket: u64,
    /// Of the spawners that went away, those still in the queue.
    gaps: usize,
}

/// Somebody who waits for a place.
pub(super) enum Turn<S> {
    /// A task that was spawned: its key, and how it is started.
    Task(usize, S),
    Spawner(Waker),
    /// A spawner that went away.
    Gap,
}

impl<S> Places<S> {
    pub(super) fn unlimited() -> Self {
        Self {
            limit: usize::MAX,
            taken: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
            gaps: 0,
        }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes a place, if there is one. While somebody waits there is none.
    pub(super) fn take(&mut self) -> bool {
        let free = self.taken < self.limit;
        self.taken += usize::from(free);
        free
    }

    /// Queues up; the ticket is to leave with.
    pub(super) fn enter(&mut self, turn: Turn<S>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.queue.push_back((ticket, turn));
        ticket
    }

    /// The waker of the spawner with this `ticket`, if it waits still: if not, it has been given a place.
    pub(super) fn waker(&mut self, ticket: u64) -> Option<&mut Waker> {
        let index = self.find(ticket)?;
        match &mut self.queue[index].1 {
            Turn::Spawner(waker) => Some(waker),
            Turn::Task(..) | Turn::Gap => None,
        }
    }

    /// The spawner with this `ticket` waits no longer: its waker, to drop, if it still waited.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        let index = self.find(ticket)?;
        let waker = match mem::replace(&mut self.queue[index].1, Turn::Gap) {
            Turn::Spawner(waker) => waker,
            // It has left already, or is a task, which has no ticket to leave with.
            other => {
                self.queue[index].1 = other;
                return None;
            }
        };
        self.gaps += 1;
        self.close_gaps();
        Some(waker)
    }

    /// Gives the place of somebody who needs it no longer to the first who waits.
    pub(super) fn pass_on(&mut self) -> Option<Turn<S>> {
        // The ends of the queue are never gaps.
        let next = self.queue.pop_front().map(|(_, turn)| turn);
        self.close_gaps();
        if next.is_none() {
            self.taken -= 1;
        }
        next
    }

    /// Nobody waits any more: all who did.
    pub(super) fn close(&mut self) -> impl Iterator<Item = Turn<S>> + use<S> {
        self.gaps = 0;
        mem::take(&mut self.queue).into_iter().map(|(_, turn)| turn)
    }

    fn find(&self, ticket: u64) -> Option<usize> {
        self.queue
            .binary_search_by_key(&ticket, |&(ticket, _)| ticket)
            .ok()
    }

    fn close_gaps(&mut self) {
        let is_gap = |entry: Option<&(u64, Turn<S>)>| matches!(entry, Some((_, Turn::Gap)));
        while is_gap(self.queue.front()) {
            self.queue.pop_front();
            self.gaps -= 1;
        }
        while is_gap(self.queue.back()) {
            self.queue.pop_back();
            self.gaps -= 1;
        }
        if self.gaps > self.queue.len() / 2 {
            self.queue.retain(|(_, turn)| !matches!(turn, Turn::Gap));
            self.gaps = 0;
        }
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    fn full() -> Places<()> {
        let mut places = Places::unlimited();
        places.set_limit(1);
        assert!(places.take() && !places.take());
        places
    }

    fn spawner() -> Turn<()> {
        Turn::Spawner(Waker::noop().clone())
    }

    #[test]
    fn a_place_goes_to_the_first_who_waits() {
        let mut places = full();
        places.enter(Turn::Task(7, ()));
        let ticket = places.enter(spawner());
        assert!(matches!(places.pass_on(), Some(Turn::Task(7, ()))));
        assert!(places.waker(ticket).is_some());
        assert!(matches!(places.pass_on(), Some(Turn::Spawner(_))));
        assert!(places.waker(ticket).is_none());
        assert!(!places.take());
        assert!(places.pass_on().is_none());
        assert!(places.take());
    }

    #[test]
    fn who_leaves_is_passed_over() {
        let mut places = full();
        let tickets: Vec<u64> = (0..5).map(|_| places.enter(spawner())).collect();
        for gone in [0, 2, 4] {
            assert!(places.leave(tickets[gone]).is_some());
            assert!(places.leave(tickets[gone]).is_none());
        }
        assert_eq!(places.queue.len() - places.gaps, 2);
        assert!(places.pass_on().is_some());
        assert!(places.waker(tickets[1]).is_none() && places.waker(tickets[3]).is_some());
        assert!(places.pass_on().is_some());
        assert!(places.pass_on().is_none());
    }

    #[test]
    fn spawners_that_come_and_go_behind_one_that_stays_leave_no_gaps_behind() {
        let mut places = full();
        let first = places.enter(spawner());
        let mut before = places.enter(spawner());
        for _ in 0..10_000 {
            let ticket = places.enter(spawner());
            places.leave(before);
            before = ticket;
        }
        assert!(places.queue.len() < 8, "{}", places.queue.len());
        assert!(places.waker(first).is_some() && places.waker(before).is_some());
    }
}
