//! The watcher's role: who has it, hands it on, and gives it up. The proof is in [`idle`](super).

use super::bed::{LOOK, SLEEP, WATCH};
use super::counts::Counts;
use super::{Bed, Call, Idle};
use crate::sync::{Arc, has};

impl Idle {
    /// Sees to it that somebody watches over the calling worker, whose slot has just been filled.
    #[inline]
    pub(crate) fn call_watcher(&self) {
        let counts = self.counts();
        if counts.parked() > 0 && !counts.watched() {
            self.make_watcher();
        }
    }

    #[cold]
    pub(super) fn make_watcher(&self) {
        let bed = {
            let sleepers = self.sleepers.lock();
            // It will be called for work last.
            let (Some(bed), false) = (Self::longest(&sleepers), self.counts().watched()) else {
                return;
            };
            bed.set(WATCH);
            self.change(Counts::WATCHED, 0);
            Arc::clone(bed)
        };
        bed.parker.unpark();
    }

    /// Makes one of `sleepers` the watcher if who has just left their list `had_role`, and nobody else has it; to be
    /// unparked.
    pub(super) fn hand_on(&self, sleepers: &[Arc<Bed>], had_role: bool) -> Option<Arc<Bed>> {
        let hands_on = had_role && !self.counts().watched() && has!(HandOn);
        let next = Self::longest(sleepers).filter(|_| hands_on)?;
        next.set(WATCH);
        self.change(Counts::WATCHED, 0);
        Some(Arc::clone(next))
    }

    /// Who has slept longest; who is in the driver had better stay there.
    pub(super) fn longest(sleepers: &[Arc<Bed>]) -> Option<&Arc<Bed>> {
        let outside = sleepers.iter().find(|bed| !bed.parker.is_in_driver());
        outside.or(sleepers.first())
    }

    /// Gives the watcher's role up, but for one more look a tick later, if nobody runs, or if `all_slow` that run are
    /// marked slow.
    pub(crate) fn stop_watching(&self, bed: &Bed, all_slow: bool) {
        let _unchanged = self.sleepers.lock();
        let counts = self.counts();
        let nobody_runs = counts.parked() == counts.seated();
        let may_leave = nobody_runs || all_slow || !has!(WhoRuns);
        if bed.call() == Call::Watch && may_leave {
            bed.set(LOOK);
            self.change(0, Counts::WATCHED);
        }
    }

    /// After that look: takes the role up again if somebody `runs` who may have relied on it, and nobody else has it;
    /// says whether it did.
    pub(crate) fn has_looked(&self, bed: &Bed, runs: bool) -> bool {
        let _unchanged = self.sleepers.lock();
        if bed.call() != Call::Look {
            return false;
        }
        let resumes = runs && !self.counts().watched();
        if resumes {
            bed.set(WATCH);
            self.change(Counts::WATCHED, 0);
        } else {
            bed.set(SLEEP);
        }
        resumes
    }
}
