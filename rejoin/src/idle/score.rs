//! What guides the calls: how eager the executor is, and whether the work at hand is worth sharing.
//!
//! No data hangs on either, and the proof in [`idle`](super) counts with any value.

use super::Idle;
use super::counts::Counts;
use crate::effort::Effort;
use crate::policy;
use crate::sync::Ordering;

impl Idle {
    /// How eagerly workers are called from now on. To be said before there are any.
    pub(crate) fn set_effort(&self, effort: Effort) {
        let bits = match effort {
            Effort::Thrifty => Counts::THRIFTY,
            Effort::Balanced => 0,
            Effort::Eager => Counts::EAGER,
        };
        // Ordering: Relaxed. It guides, as in `set_fine`, and was said before the workers start.
        let others = !(Counts::THRIFTY | Counts::EAGER);
        self.counts.fetch_and(others, Ordering::Relaxed);
        self.counts.fetch_or(bits, Ordering::Relaxed);
    }

    /// Whether new tasks are left to those that are awake: they are too fine to share, or sleepers are to sleep.
    pub(crate) fn spares(&self) -> bool {
        self.counts().spares()
    }

    /// Whether the work at hand is too fine to share.
    pub(crate) fn is_fine(&self) -> bool {
        self.counts().fine()
    }

    /// Takes note of whether a theft was worth it. One that was may have been a thread that had to wait for a
    /// processor, so it takes several to change an opinion.
    pub(crate) fn learn(&self, worth_it: bool) {
        if self.counts().eager() {
            return;
        }
        // Ordering: Relaxed, as in `set_fine`; that two threads overwrite each other does no harm.
        let score = policy::score(self.score.load(Ordering::Relaxed), worth_it);
        self.score.store(score, Ordering::Relaxed);
        if score == policy::COARSE_SCORE {
            self.set_fine(false);
        } else if score >= policy::FINE_SCORE {
            self.set_fine(true);
        }
    }

    /// Takes note of that the work at hand is worth sharing, whatever was learnt.
    pub(crate) fn forget(&self) {
        // Ordering: as in `learn`.
        self.score.store(policy::COARSE_SCORE, Ordering::Relaxed);
        self.set_fine(false);
    }

    /// Says whether the work at hand is too fine to share.
    fn set_fine(&self, fine: bool) {
        // Ordering: Relaxed. It guides, and no data hangs on it; the proof counts with either value.
        if fine && !self.is_fine() {
            self.counts.fetch_or(Counts::FINE, Ordering::Relaxed);
        } else if !fine && self.is_fine() {
            self.counts.fetch_and(!Counts::FINE, Ordering::Relaxed);
        }
    }
}
