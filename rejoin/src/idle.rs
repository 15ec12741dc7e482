//! Who is asleep, and who wakes them.
//!
//! # Invariants
//!
//! 1. While a runnable lies in a queue, some worker is awake or has been told to wake.
//! 2. While a worker polls and another one is parked, a runnable in the polling worker's queue is
//!    taken by somebody after two ticks of the watcher at most.
//! 3. While no worker polls, nobody sleeps with a timeout (after [`policy::LINGER`] ticks).
//!
//! # Why the first holds
//!
//! Each side speaks before it looks:
//!
//! - a producer outside (a) pushes to the injector, (b) fences, (c) reads `counts`;
//! - a worker (1) enters `counts` as parked, (2) fences, (3) looks at every queue, (4) parks.
//!
//! Both fences are `SeqCst`, so one is first. If (b) is, step (3) finds the runnable and the worker
//! gets up again. If (2) is, step (c) finds the worker and calls it; the parker remembers a call that
//! comes before the park.
//!
//! A producer may find a worker *searching* and leave it at that. The searcher ends its search in one
//! of two ways. Either it finds something, or has a look into the driver to take first ([`Idle::stop_searching`]): if it
//! was the last to search, it leaves the searching, fences, looks at every queue, and calls another worker if anything is
//! left. The producer pushed before
//! its own fence and read `counts` after it: if it still saw the searcher, its push is seen by that look. Or it
//! does not: it leaves the searching and enters the parked in one step, and (2) to (4) follow. A worker that parks
//! without having searched may skip (3) only if somebody else was searching at that moment.
//!
//! A producer that *is* a worker needs no fence: it is awake, and will itself run what it pushed.
//! What it can lose to a race is help, for as long as its poll takes: that is invariant 2.
//!
//! Where a worker sleeps makes no difference: one that lies down in the [driver](crate::driver) has entered
//! `counts` and looked as the others have, and is called by the same parker. One that gets up with tasks
//! of its own, because the driver woke them, leaves the parked without being counted as searching
//! ([`Idle::rise`]): nobody relies on it, and it looks at the injector in its turn.
//!
//! `model::idle` fails without any of the three fences. While work is too fine to share (see [`theft`](crate::theft)), or
//! sleepers are to be spared (see [`effort`](crate::effort)), a push is left to whoever is awake, so step (3) may leave it
//! there only if somebody still is: that is read behind the same fence, and the last to lie down sees nobody.
//!
//! # Why the second holds
//!
//! At most one parked worker is the *watcher*: it sleeps with a timeout and looks at the others at
//! every tick ([`Watch::look`]). A ring that holds something while the watcher sleeps is reason enough
//! to get up. The slot is private to the flow between two tasks as long as the owner's poll counter
//! moves; a worker whose counter has not moved for a whole tick is marked *slow*, and from then on
//! thieves take from its slot too, and each of its pushes fences and calls a worker at once.
//!
//! A watcher is there when it is needed:
//!
//! - whoever parks while others run, and finds none, becomes the watcher, at no cost;
//! - a worker that fills its slot while others are parked and none watches calls one
//!   ([`Idle::call_watcher`]): one wake-up, the price of leaving the state in which all are parked;
//! - a worker that takes a seat on which something may lie does the same;
//! - a watcher that gets up for work hands its role on, and is called for work as the last one;
//! - a watcher leaves only when all others are parked, which is read under the lock through which
//!   each of them leaves that state; or when all that run are marked slow. Either way it looks once
//!   more a tick after it gave up the role, for what was pushed by somebody who still saw it there; until then, if it
//!   gets up it hands the role on all the same, and is called as late as a watcher;
//! - who leaves fine work to somebody else calls one, because that somebody's poll may be slow, and the watcher gets up
//!   for fine work too if any worker's is.
//!
//! `model::watcher` fails if the watcher leaves without that look under the lock, if it is forgotten that it has a look to
//! go, and if a searcher leaves fine work to nobody. `fine` strands tasks, and says so, if slow polls are no reason to take
//! what is fine.
//!
//! # What is not promised
//!
//! That no worker wakes in vain; and that help comes for a task that is waiting for its turn behind
//! polls that do end.

mod awaited;
mod bed;
mod counts;
mod score;
mod watcher;

use crossbeam_utils::CachePadded;

use crate::policy;
use crate::sync::{Arc, AtomicU32, AtomicU64, Lock, Ordering, StaticU64, fence, has};
use bed::{SLEEP, UP, WATCH};
use counts::Counts;

pub(crate) use bed::{Bed, Call};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Idle {
    /// A [`Counts`], changed under the lock of `sleepers` but for `searching`.
    counts: CachePadded<AtomicU64>,
    /// Seated threads that are guests: they do not run what lies in their queues.
    guests: CachePadded<AtomicU32>,
    /// How many more of the last thefts were in vain than not; see [`policy::score`].
    score: AtomicU32,
    /// The process in which the workers live: one that is forked from it has none of them.
    process: StaticU64,
    /// The parked workers; the one that lay down last is called first, its caches are warm.
    sleepers: Lock<Vec<Arc<Bed>>>,
}

const FORKED: &str = "a task was spawned or woken for an executor that has no threads here: this process was forked \
    from the one in which it runs; fork before the first spawn, or build an executor in the child";

impl Idle {
    pub(crate) fn new() -> Self {
        Self {
            counts: CachePadded::new(AtomicU64::new(0)),
            guests: CachePadded::new(AtomicU32::new(0)),
            score: AtomicU32::new(policy::COARSE_SCORE),
            process: StaticU64::new(0),
            sleepers: Lock::new(Vec::new()),
        }
    }

    fn counts(&self) -> Counts {
        // Ordering: Relaxed. Where a stale answer would matter, the caller has fenced.
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// Adds and subtracts in one step; gives back what was there before.
    fn change(&self, plus: u64, minus: u64) -> Counts {
        // Ordering: AcqRel, so that whoever reads a state by a read-modify-write of its own also
        // sees what led to it; the proof needs only the fences.
        Counts(
            self.counts
                .fetch_add(plus.wrapping_sub(minus), Ordering::AcqRel),
        )
    }

    /// A worker took a seat, on which something may lie, and runs. Whoever lay down before saw one less that
    /// runs, and may not watch.
    pub(crate) fn sit_down(&self) {
        {
            // Not while somebody looks whether all sleep: what lies there would go unseen.
            let _nobody_looks = has!(SeatLock).then(|| self.sleepers.lock());
            self.change(Counts::SEATED, 0);
        }
        if has!(SitDown) {
            self.call_watcher();
        }
    }

    /// A worker gave its seat up, not parked and not searching.
    pub(crate) fn stand_up(&self) {
        self.change(0, Counts::SEATED);
    }

    /// The same for a guest.
    pub(crate) fn sit_down_as_guest(&self) {
        // Ordering: Relaxed, before the change by which the guest counts as seated, so that nobody takes it for
        // a worker.
        self.guests.fetch_add(1, Ordering::Relaxed);
        // Nothing lies there yet. What the guest pushes from now on calls somebody, or a watcher if there is none that it
        // sees; one that does not see the guest, and leaves, looks once more.
        self.change(Counts::SEATED, 0);
    }

    /// The same for a guest.
    pub(crate) fn stand_up_as_guest(&self) {
        let before = self.change(0, Counts::SEATED);
        // Ordering: Relaxed, as above.
        self.guests.fetch_sub(1, Ordering::Relaxed);
        if before.awaited() && has!(GuestLeaves) {
            self.notify_anyway();
        }
    }

    /// How many workers hold a seat, guests apart.
    pub(crate) fn workers(&self) -> u32 {
        // Ordering: Relaxed, as in `awake`.
        let guests = self.guests.load(Ordering::Relaxed);
        self.counts().seated().saturating_sub(guests)
    }

    /// How many workers are out of bed, guests apart.
    pub(crate) fn awake(&self) -> u32 {
        let counts = self.counts();
        // Ordering: Relaxed; a guest that comes or goes just now calls for help itself.
        let guests = self.guests.load(Ordering::Relaxed);
        counts.seated().saturating_sub(counts.parked() + guests)
    }

    // ---- producers ----

    /// Calls one worker for one new task, unless somebody is searching, the work is not worth it, or the task is
    /// the caller's `only` one; then a watcher has to do. Enough for a worker's own push; anybody else calls
    /// [`notify_from_outside`](Self::notify_from_outside).
    #[inline]
    pub(crate) fn notify_unless(&self, only: impl FnOnce() -> bool) {
        let counts = self.counts();
        if counts.parked() == 0 {
            return;
        }
        if counts.worth_waking() && !counts.spares() && !only() {
            self.call_one(false);
        } else if !counts.watched() {
            self.make_watcher();
        }
    }

    /// The calling process is the one in which workers are about to be started.
    pub(crate) fn set_process(&self) {
        // Elsewhere nobody forks, and there may be no processes to tell apart.
        let process = if cfg!(unix) {
            u64::from(std::process::id())
        } else {
            0
        };
        // Ordering: Relaxed. Only a fork makes a difference, and whoever calls it has seen the executor.
        self.process.store(process, Ordering::Relaxed);
    }

    /// Whether this process was forked from the one in which the workers live. Costs a system call.
    pub(crate) fn is_forked(&self) -> bool {
        // Ordering: as in `set_process`.
        let process = self.process.load(Ordering::Relaxed);
        process != 0 && process != u64::from(std::process::id())
    }

    /// Calls one worker for one task that was pushed before, to a queue that others can see, by a worker whose poll
    /// is slow.
    #[inline]
    pub(crate) fn notify_from_slow(&self) {
        producers_fence();
        let counts = self.counts();
        if counts.worth_waking() {
            self.call_one(false);
        }
    }

    /// Calls one worker for one task that was pushed before by somebody who will not run it. If sleepers are
    /// [spared](Self::spares), only when no other is out of bed, or when they do not keep up.
    #[inline]
    pub(crate) fn notify_from_outside(&self, backlog: impl FnOnce() -> bool) {
        producers_fence();
        let counts = self.counts();
        if counts.worth_waking() && (!counts.spares() || self.awake() == 0 || backlog()) {
            self.call_one(false);
        } else if counts.spares() {
            // Left to whoever is awake; should that poll turn out slow, somebody has to notice.
            self.call_watcher();
        }
    }

    /// Calls one worker, whoever searches.
    pub(crate) fn notify_anyway(&self) {
        producers_fence();
        if self.counts().parked() > 0 {
            self.call_one(true);
        }
    }

    /// Calls everybody: the executor is closing.
    pub(crate) fn notify_all(&self) {
        // The flag that tells why was set before, where a push is otherwise.
        producers_fence();
        while self.call_one(true) {}
    }

    #[cold]
    fn call_one(&self, whoever_searches: bool) -> bool {
        // Asked here, beside a system call that costs more.
        assert!(!self.is_forked(), "{FORKED}");
        let bed = {
            let mut sleepers = self.sleepers.lock();
            // Again, now that nobody else can change it: two producers need not wake two workers.
            let counts = self.counts();
            if !whoever_searches && counts.searching() > 0 && !counts.eager() {
                return false;
            }
            // Who is in the driver is of use there.
            let sleeps = |bed: &Arc<Bed>| !bed.has_role() && !bed.parker.is_in_driver();
            let index = sleepers.iter().rposition(sleeps);
            let index = index.or_else(|| sleepers.iter().rposition(|bed| !bed.has_role()));
            // Only who watches is left, or nobody.
            let Some(index) = index.or(sleepers.len().checked_sub(1)) else {
                return false;
            };
            let bed = sleepers.remove(index);
            self.leave_bed(&bed, Counts::SEARCHING);
            bed
        };
        bed.parker.unpark();
        true
    }

    /// From parked to what `plus` adds to the counts, under the lock; whether somebody may rely on its next look.
    fn leave_bed(&self, bed: &Bed, plus: u64) -> bool {
        let (watched, had_role) = (bed.watched(), bed.has_role());
        bed.set(UP);
        self.change(plus, Counts::PARKED + watched);
        had_role
    }

    // ---- workers ----

    /// Whether the calling worker may search; if so, it must end that by
    /// [`stop_searching`](Self::stop_searching) or [`lie_down`](Self::lie_down).
    pub(crate) fn start_searching(&self) -> bool {
        // Ordering: Relaxed load, AcqRel on success as in `change`.
        self.counts
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |counts| {
                let counts = Counts(counts);
                policy::may_search(counts.searching(), counts.seated())
                    .then_some(counts.0 + Counts::SEARCHING)
            })
            .is_ok()
    }

    /// The calling worker, which was searching, found something. If nobody else searches and something else `is_left`
    /// for another one, that is called, in place of the producers that relied on this search.
    pub(crate) fn stop_searching(&self, is_left: impl FnOnce() -> bool) {
        let before = self.change(0, Counts::SEARCHING);
        if before.searching() != 1 || before.parked() == 0 {
            return;
        }
        searchers_fence();
        if is_left() {
            // Whoever lies down from now on looks at the queues itself.
            if self.counts().searching() == 0 {
                self.call_one(false);
            }
        } else if before.spares() && has!(CallWatcher) {
            // Something may be there for which sleepers are spared.
            self.call_watcher();
        }
    }

    /// Enters the calling worker as parked, and says whether it has to look at the queues once more.
    /// It must then [`get_up`](Self::get_up), or sleep until [`Bed::call`] says `Up`.
    pub(crate) fn lie_down(&self, bed: &Arc<Bed>, searching: bool) -> bool {
        let must_look = {
            let mut sleepers = self.sleepers.lock();
            sleepers.push(Arc::clone(bed));
            let minus = if searching { Counts::SEARCHING } else { 0 };
            bed.set(SLEEP);
            let before = self.change(Counts::PARKED, minus);
            // Of that moment, and not of one before: who takes a seat does so without the lock, and calls a
            // watcher only if this thread lay down earlier.
            if before.parked() + 1 < before.seated() && !before.watched() {
                bed.set(WATCH);
                self.change(Counts::WATCHED, 0);
            }
            before.searching()
        } == u32::from(searching);
        sleepers_fence();
        must_look
    }

    /// Takes the calling worker, which lay down, out of bed again: it is searching now. If somebody
    /// called it meanwhile, it is searching already, and the call is consumed here.
    pub(crate) fn get_up(&self, bed: &Arc<Bed>) {
        self.leave(bed, Counts::SEARCHING);
    }

    /// The same to run what the worker brings along itself, without a search. If somebody called it meanwhile, it is
    /// searching; says so.
    pub(crate) fn rise(&self, bed: &Arc<Bed>) -> bool {
        self.leave(bed, 0)
    }

    /// Takes the calling worker out of bed, into the state that `plus` adds to the counts, or says that it has been
    /// called, and consumes the call. A watcher hands its role on.
    fn leave(&self, bed: &Arc<Bed>, plus: u64) -> bool {
        let next = {
            let mut sleepers = self.sleepers.lock();
            let Some(index) = sleepers.iter().position(|other| Arc::ptr_eq(other, bed)) else {
                drop(sleepers);
                bed.parker.park();
                return true;
            };
            sleepers.remove(index);
            let had_role = self.leave_bed(bed, plus);
            self.hand_on(&sleepers, had_role)
        };
        if let Some(next) = next {
            next.parker.unpark();
        }
        false
    }

    /// Whether any worker is in bed. Where a stale answer would matter, the caller has fenced.
    pub(crate) fn anybody_parked(&self) -> bool {
        self.counts().parked() > 0
    }
}

/// The fence (b) of the proof, between a push and the look at `counts`. Its partner is
/// [`sleepers_fence`].
#[inline]
fn producers_fence() {
    #[cfg(all(test, rejoin_model))]
    if !crate::model::has(crate::model::Fence::Producer) {
        return;
    }
    fence(Ordering::SeqCst);
}

/// The fence between the end of the last search and its look at what is left. Its partner is
/// [`producers_fence`].
#[inline]
fn searchers_fence() {
    #[cfg(all(test, rejoin_model))]
    if !crate::model::has(crate::model::Fence::Searcher) {
        return;
    }
    fence(Ordering::SeqCst);
}

/// The fence (2) of the proof, between lying down and the last look. Its partner is
/// [`producers_fence`].
#[inline]
fn sleepers_fence() {
    #[cfg(all(test, rejoin_model))]
    if !crate::model::has(crate::model::Fence::Sleeper) {
        return;
    }
    fence(Ordering::SeqCst);
}
