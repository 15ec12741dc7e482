//! Decisions of the scheduler that are wrong on purpose, in one simulation: each must be found.

use std::cell::Cell;

use super::thread::with_turn;

/// What can be decided wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Whether a new task is worth a call: never.
    WorthWaking,
    /// Whether to stay, at the end, for a thread that blocks without a seat: never.
    MindTheAstray,
}

thread_local! {
    static BREAKS: Cell<Option<Decision>> = const { Cell::new(None) };
}

/// The decision that simulations begun by this thread get wrong.
pub(crate) fn broken_here() -> Option<Decision> {
    BREAKS.get()
}

/// Whether the simulation that the calling thread is part of gets `decision` wrong. Only in this crate's own tests.
#[inline]
pub(crate) fn is_broken(decision: Decision) -> bool {
    cfg!(test) && with_turn(|turn| turn.baton.lock().broken == Some(decision)) == Some(true)
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::sim::{self, check};
    use crate::{Executor, block_on, spawn, yield_now};

    /// Whether `test` fails under one of some seeds with `decision` broken. Without, it must pass.
    fn is_found<Fut: Future<Output = ()>>(
        decision: Decision,
        test: impl Fn() -> Fut + Send + Sync + Copy + 'static,
    ) -> bool {
        check(0..400, test);
        BREAKS.set(Some(decision));
        let found = catch_unwind(AssertUnwindSafe(|| check(0..400, test)));
        BREAKS.set(None);
        found.is_err()
    }

    #[test]
    fn canary_a_push_that_calls_nobody_is_found() {
        let woken_from_outside = || async {
            let (tell, told) = async_channel::bounded(1);
            let waiter = spawn(async move { told.recv().await });
            let thread = sim::thread(move || tell.send_blocking(7).is_ok());
            assert_eq!(waiter.await, Ok(7));
            assert!(thread.join().unwrap());
        };
        assert!(is_found(Decision::WorthWaking, woken_from_outside));
    }

    #[test]
    fn canary_a_thread_that_leaves_while_another_blocks_without_a_seat_is_found() {
        let blocks_while_it_closes = || async {
            let inner = async {
                drop(Executor::new().unwrap());
                std::future::pending::<()>().await;
            };
            spawn(async move { drop(block_on(spawn(inner).join())) }).detach();
            yield_now().await;
            drop(sim::thread(|| ()).join());
        };
        assert!(is_found(Decision::MindTheAstray, blocks_while_it_closes));
    }
}
