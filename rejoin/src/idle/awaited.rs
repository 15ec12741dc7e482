//! Whether all sleep, for those who wait until nothing is left. The proof is in [`quiet`](crate::quiet).

use super::{Counts, Idle, producers_fence};
use crate::sync::{Ordering, fence};

impl Idle {
    /// Somebody waits until nothing is left, or nobody does any more.
    pub(crate) fn set_awaited(&self, awaited: bool) {
        // Ordering: AcqRel, as in `change`.
        if awaited {
            self.counts.fetch_or(Counts::AWAITED, Ordering::AcqRel);
        } else {
            self.counts.fetch_and(!Counts::AWAITED, Ordering::AcqRel);
        }
    }

    /// Whether somebody waits until nothing is left.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.counts().awaited()
    }

    /// Something has changed that no worker saw: has one look whether anything is left, if somebody waits.
    pub(crate) fn call_if_awaited(&self) {
        producers_fence();
        if self.is_awaited() {
            self.notify_anyway();
        }
    }

    /// What `look` gives, if all sleep. Meanwhile nobody gets up and no worker sits down; `look` may ask
    /// whether there is no guest either.
    pub(crate) fn while_all_sleep<R>(
        &self,
        look: impl FnOnce(&dyn Fn() -> bool) -> Option<R>,
    ) -> Option<R> {
        let _nobody_gets_up = self.sleepers.lock();
        let all_sleep = || {
            let counts = self.counts();
            // Ordering: Acquire, with the read above: what whoever stood up did before is seen.
            fence(Ordering::Acquire);
            counts.parked() == counts.seated()
        };
        all_sleep().then(|| look(&all_sleep)).flatten()
    }
}
