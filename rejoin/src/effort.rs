//! What an executor spends on being quick: the user's choice between processor time and latency.
//!
//! Nothing is lost by any choice: that somebody comes for a task that is ready holds for all ([`idle`](crate::idle)).
//! The choice only says who comes, and how soon. The [decisions](crate::policy) that depend on it are asked where
//! somebody sleeps or is about to; it lies in the word of counters that they read anyway.

use std::fmt;
use std::str::FromStr;

/// How eagerly an executor wakes sleeping workers, and how long a worker with nothing to do looks around before it
/// sleeps: processor time against latency.
///
/// | | a task comes while workers sleep and one is awake | a worker finds nothing to do |
/// |---|---|---|
/// | [`Thrifty`](Self::Thrifty) | nobody is woken for it; if it has not been taken after a tick, of 50 to 500 microseconds, one worker gets up | sleeps at once |
/// | [`Balanced`](Self::Balanced) | one worker is woken, unless another one is looking for work already; nobody for tasks that have turned out too short to share | looks around for 25 microseconds if its last sleep was shorter than 40 |
/// | [`Eager`](Self::Eager) | one worker is woken for each task, whoever looks for work and however short it is | looks around for 100 microseconds, always |
///
/// In all three a task that comes while all workers sleep wakes one at once, what waits behind a slow poll is taken by
/// somebody else, and an idle process uses no processor time. At most one half of the workers look around at a time, and
/// no more than two because they ran out of work; none does where there is only one processor.
///
/// Measured on two processors with two workers, each beside tokio's multi-thread runtime in the same run, whose figure over
/// ours stands here: above 1, ours is less.
///
/// | tokio's over ours | `Thrifty` | `Balanced` | `Eager` |
/// |---|---:|---:|---:|
/// | processor time of a message, 5 % load | 1.27 | 1.22 | 0.34 |
/// | the same, 10 % load | 1.22 | 1.17 | 0.33 |
/// | the same, 20 % load | 1.22 | 0.87 | 0.58 |
/// | from wake to poll, idle, median | 1.70 (9.0 µs) | 2.26 (6.0 µs) | 1.57 (8.4 µs) |
/// | the same, half load | 0.63 | 0.69 | 0.67 |
/// | the same, full load | 1.50 | 1.73 | 1.44 |
/// | a task from outside while a worker computes for 20 ms, median | 116 µs | 28 µs | 20 µs |
///
/// With two processors, who is eager takes them from whoever is to be waited for; give `Eager` some to spare.
///
/// Take `Thrifty` for work in the background that should leave processors and batteries to others, `Eager` where
/// microseconds count and processors have nothing better to do. [`block_on`](crate::block_on) on threads that are no workers
/// looks around as in `Balanced`.
///
/// Chosen by [`ExecutorBuilder::effort`](crate::ExecutorBuilder::effort); for the global executor also by the environment
/// variable `REJOIN_EFFORT`, which is `thrifty`, `balanced` or `eager`.
///
/// # Examples
///
/// ```
/// use rejoin::{Effort, Executor};
///
/// let background = Executor::builder().threads(2).effort(Effort::Thrifty).build()?;
/// assert_eq!(rejoin::block_on(background.spawn(async { 7 })), 7);
/// assert_eq!("eager".parse(), Ok(Effort::Eager));
/// # Ok::<(), rejoin::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effort {
    /// As little processor time as possible.
    Thrifty,
    /// Quick while there is much to do, frugal when there is little.
    #[default]
    Balanced,
    /// As quick as possible.
    Eager,
}

impl Effort {
    const ALL: [(&'static str, Self); 3] = [
        ("thrifty", Self::Thrifty),
        ("balanced", Self::Balanced),
        ("eager", Self::Eager),
    ];
}

impl FromStr for Effort {
    type Err = UnknownEffort;

    fn from_str(text: &str) -> Result<Self, UnknownEffort> {
        let known = Self::ALL.into_iter().find(|&(name, _)| name == text);
        known.map(|(_, effort)| effort).ok_or(UnknownEffort(()))
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(_, effort)| effort == self);
        f.pad(known.map_or("?", |(name, _)| name))
    }
}

/// A text is none of `thrifty`, `balanced` and `eager`.
///
/// # Examples
///
/// ```
/// let error: rejoin::UnknownEffort = "frantic".parse::<rejoin::Effort>().unwrap_err();
/// assert_eq!(error.to_string(), "an effort is thrifty, balanced or eager");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEffort(());

impl fmt::Display for UnknownEffort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an effort is thrifty, balanced or eager")
    }
}

impl std::error::Error for UnknownEffort {}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;
    use crate::idle::{Bed, Call, Idle};
    use crate::sync::Arc;

    const ALL: [Effort; 3] = [Effort::Thrifty, Effort::Balanced, Effort::Eager];

    /// Four workers, of which the last `awake` are up and the others lie in bed.
    fn crew(effort: Effort, awake: usize) -> (Idle, Vec<Arc<Bed>>) {
        let idle = Idle::new();
        idle.set_effort(effort);
        let beds: Vec<_> = (0..4).map(|_| Bed::new()).collect();
        beds.iter().for_each(|_| idle.sit_down());
        for bed in &beds[..4 - awake] {
            idle.lie_down(bed, false);
        }
        (idle, beds)
    }

    fn up(beds: &[Arc<Bed>], awake: usize) -> usize {
        let sleepers = &beds[..4 - awake];
        let up = sleepers.iter().filter(|bed| bed.call() == Call::Up);
        up.count()
    }

    fn somebody_watches(beds: &[Arc<Bed>]) -> bool {
        beds.iter().any(|bed| bed.call() == Call::Watch)
    }

    #[test]
    fn an_effort_is_what_it_prints() {
        for effort in ALL {
            assert_eq!(effort.to_string().parse(), Ok(effort));
        }
        assert_eq!("Eager".parse::<Effort>(), Err(UnknownEffort(())));
    }

    #[test]
    fn tasks_from_outside_while_all_sleep_wake_one_or_as_many() {
        for (effort, woken) in [
            (Effort::Thrifty, 1),
            (Effort::Balanced, 1),
            (Effort::Eager, 3),
        ] {
            let (idle, beds) = crew(effort, 0);
            (0..3).for_each(|_| idle.notify_from_outside(|| false));
            assert_eq!(up(&beds, 0), woken, "{effort}");
        }
    }

    #[test]
    fn tasks_from_outside_while_one_is_awake_wake_none_one_or_as_many() {
        for (effort, woken) in [
            (Effort::Thrifty, 0),
            (Effort::Balanced, 1),
            (Effort::Eager, 3),
        ] {
            let (idle, beds) = crew(effort, 1);
            (0..3).for_each(|_| idle.notify_from_outside(|| false));
            assert_eq!(up(&beds, 1), woken, "{effort}");
            assert!(woken == 3 || somebody_watches(&beds), "{effort}");
        }
    }

    #[test]
    fn tasks_of_a_worker_of_its_own_wake_none_one_or_as_many() {
        for (effort, woken) in [
            (Effort::Thrifty, 0),
            (Effort::Balanced, 1),
            (Effort::Eager, 3),
        ] {
            let (idle, beds) = crew(effort, 1);
            (0..3).for_each(|_| idle.notify_unless(|| false));
            assert_eq!(up(&beds, 1), woken, "{effort}");
        }
    }

    #[test]
    fn a_searcher_that_finds_something_calls_another_for_what_it_leaves_and_nobody_for_nothing() {
        for effort in ALL {
            for leaves in [false, true] {
                let (idle, beds) = crew(effort, 1);
                assert!(idle.start_searching());
                idle.stop_searching(|| leaves);
                assert_eq!(up(&beds, 1), usize::from(leaves), "{effort}");
                assert!(somebody_watches(&beds), "{effort}");
            }
        }
    }

    #[test]
    fn only_the_eager_share_what_is_fine() {
        for effort in ALL {
            let (idle, _) = crew(effort, 1);
            for _ in 0..crate::policy::FINE_SCORE {
                idle.learn(false);
            }
            assert_eq!(idle.is_fine(), effort != Effort::Eager);
        }
    }

    #[test]
    fn a_slow_poll_and_a_backlog_wake_somebody_whatever_the_effort() {
        for effort in ALL {
            let (idle, beds) = crew(effort, 1);
            idle.notify_from_slow();
            assert_eq!(up(&beds, 1), 1, "{effort}");
            let (idle, beds) = crew(effort, 1);
            idle.notify_from_outside(|| true);
            assert_eq!(up(&beds, 1), 1, "{effort}");
        }
    }

    #[test]
    fn the_next_executor_makes_its_own_effort() {
        let (idle, beds) = crew(Effort::Eager, 1);
        idle.set_effort(Effort::Thrifty);
        idle.notify_from_outside(|| false);
        assert_eq!(up(&beds, 1), 0);
        idle.set_effort(Effort::Balanced);
        (0..3).for_each(|_| idle.notify_from_outside(|| false));
        assert_eq!(up(&beds, 1), 1);
    }
}
