//! How long a thread that has nothing to do looks around before it sleeps.
//!
//! To sleep and be woken costs two system calls and, on the other side, a third: some ten microseconds
//! between two threads that take turns. Looking around costs processor time that somebody else may need.
//! Which is better shows only afterwards, so a thread goes by its last sleep: if that was so short that
//! looking would have been no dearer, it looks before it sleeps again; if not, it sleeps at once. With
//! nothing to do, or little, nothing is ever spent on looking. And where a worker's looks are in vain, though its sleeps
//! are short, fewer and fewer are made. That is the default; see [`Effort`] for others.

use std::time::{Duration, Instant};

use crate::effort::Effort;
use crate::policy;
use crate::processors::processors;

/// The memory of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    effort: Effort,
    last_was_short: bool,
    /// Looks in a row that were in vain.
    vain: u32,
    /// So many short sleeps are let pass before the next look.
    skip: u32,
}

impl Patience {
    /// Knows of no sleep.
    pub(crate) const fn new(effort: Effort) -> Self {
        Self {
            effort,
            last_was_short: false,
            vain: 0,
            skip: 0,
        }
    }

    /// Knows of no sleep again.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.effort);
    }

    /// Looks around for a while, if that is worth it: until `done`, which it then gives back.
    pub(crate) fn look(&self, done: impl FnMut() -> bool) -> bool {
        self.may_look().is_some_and(|length| look(length, done))
    }

    /// The same for a worker, which has many to wait for and not one: looks in vain make the next ones rare.
    pub(crate) fn look_sparingly(&mut self, done: impl FnMut() -> bool) -> bool {
        let Some(length) = self.may_look() else {
            return false;
        };
        if self.skip > 0 && self.effort != Effort::Eager {
            self.skip -= 1;
            return false;
        }
        let found = look(length, done);
        self.vain = if found { 0 } else { self.vain + 1 };
        self.skip = policy::looks_to_skip(self.vain);
        found
    }

    /// How long to look around, if at all.
    fn may_look(&self) -> Option<Duration> {
        let length = policy::look(self.effort, self.last_was_short);
        // Looking around takes real time, which a simulation does not have.
        let may = !length.is_zero() && processors() != 1 && !crate::sim::is_simulated();
        may.then_some(length)
    }

    /// Sleeps by `sleep`, and remembers how long that took.
    pub(crate) fn sleep<R>(&mut self, sleep: impl FnOnce() -> R) -> R {
        let begin = Instant::now();
        let result = sleep();
        self.remember(begin.elapsed());
        result
    }

    fn remember(&mut self, slept: Duration) {
        self.last_was_short = slept < policy::SHORT_SLEEP;
    }
}

/// Looks around for so long, or until `done`; says whether it was.
fn look(length: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        for _ in 0..policy::LOOKS_PER_CLOCK {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        if begin.elapsed() > length {
            return false;
        }
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn only_a_short_sleep_is_followed_by_a_look() {
        let mut patience = Patience::new(Effort::Balanced);
        assert!(!patience.look(|| unreachable!("nothing is known of short sleeps yet")));
        patience.remember(policy::SHORT_SLEEP / 2);
        assert_eq!(patience.look(|| true), processors() != 1);
        patience.remember(policy::SHORT_SLEEP);
        assert!(!patience.look(|| unreachable!("the last sleep was long")));
    }

    #[test]
    fn looks_that_are_in_vain_become_rare() {
        if processors() == 1 {
            return;
        }
        let mut patience = Patience::new(Effort::Balanced);
        patience.remember(policy::SHORT_SLEEP / 2);
        let mut looked = 0;
        let chances = 100;
        for _ in 0..chances {
            let mut looks = false;
            patience.look_sparingly(|| {
                looks = true;
                false
            });
            looked += u32::from(looks);
        }
        assert!((2..chances / 4).contains(&looked), "{looked} of {chances}");
        // One that is not makes up for all.
        while !patience.look_sparingly(|| true) {}
        assert!(patience.look_sparingly(|| true));
    }

    #[test]
    fn the_thrifty_never_look_and_the_eager_always() {
        let mut thrifty = Patience::new(Effort::Thrifty);
        let mut eager = Patience::new(Effort::Eager);
        for slept in [Duration::ZERO, policy::SHORT_SLEEP, Duration::from_secs(1)] {
            assert!(!thrifty.look(|| unreachable!("the thrifty sleep at once")));
            assert_eq!(eager.look(|| true), processors() != 1);
            thrifty.remember(slept);
            eager.remember(slept);
        }
    }
}
