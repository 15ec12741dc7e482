//! A million things that own one another are dropped in a bounded stack.

use std::future::pending;
use std::panic::panic_any;

use rejoin::{Executor, JoinHandle, block_on};

use crate::support::{Count, OnDrop, executor, spin_until, watched};
use crate::watchdog::step;

const LENGTH: usize = 1_000_000;

/// An output that owns the handle of the task that gave the next one.
struct Link {
    _next: Option<JoinHandle<Link>>,
    _count: OnDrop<Box<dyn FnMut() + Send>>,
}

fn link(dropped: &Count, next: Option<JoinHandle<Link>>) -> Link {
    let count = dropped.clone();
    Link {
        _next: next,
        _count: OnDrop(Box::new(move || count.add())),
    }
}

fn outputs(executor: &Executor, dropped: &Count) -> JoinHandle<Link> {
    let mut last = None;
    for _ in 0..LENGTH {
        let link = link(dropped, last.take());
        last = Some(executor.spawn(async move { link }));
    }
    let last = last.unwrap();
    spin_until(|| last.is_finished());
    last
}

#[test]
fn outputs_that_own_the_next_handle() {
    watched(|| {
        let executor = executor(2);
        let dropped = Count::new();
        let chain = outputs(&executor, &dropped);
        step("the end of all tasks");
        block_on(executor.spawn(async {}));
        drop(chain);
        step("the chain's drops");
        dropped.wait_for(LENGTH);
    });
}

#[test]
fn outputs_that_own_the_next_handle_of_a_dead_executor() {
    watched(|| {
        let executor = executor(2);
        let dropped = Count::new();
        let chain = outputs(&executor, &dropped);
        step("the executor's end");
        drop(executor);
        step("the chain's drops");
        drop(chain);
        dropped.wait_for(LENGTH);
    });
}

#[test]
fn payloads_that_own_the_next_handle() {
    watched(|| {
        let executor = executor(1);
        let dropped = Count::new();
        // The message of each would be printed otherwise.
        let mut last: Option<JoinHandle<()>> = None;
        for _ in 0..LENGTH / 10 {
            let (next, guard) = (last.take(), dropped.on_drop());
            last = Some(executor.spawn(async move {
                let kept = (next, guard);
                std::panic::resume_unwind(Box::new(kept));
            }));
        }
        let last = last.unwrap();
        step("the last panic");
        spin_until(|| last.is_finished());
        drop(last);
        step("the chain's drops");
        dropped.wait_for(LENGTH / 10);
        let _ = || panic_any(0);
    });
}

#[test]
fn pending_futures_that_cancel_the_next_in_their_drop() {
    struct Cancels(Option<JoinHandle<()>>);
    impl Drop for Cancels {
        fn drop(&mut self) {
            drop(self.0.take().map(JoinHandle::cancel));
        }
    }
    watched(|| {
        for shut_down in [false, true] {
            let executor = executor(2);
            let dropped = Count::new();
            let mut last = executor.spawn(pending::<()>());
            for _ in 0..LENGTH / 4 {
                let (kept, guard) = (Cancels(Some(last)), dropped.on_drop());
                last = executor.spawn(async move {
                    let _kept = (kept, guard);
                    pending::<()>().await;
                });
            }
            if shut_down {
                step("the executor's end");
                drop(executor);
                drop(last);
            } else {
                step("the cancelled chain");
                drop(last.cancel());
                dropped.wait_for(LENGTH / 4);
            }
            assert_eq!(dropped.get(), LENGTH / 4);
        }
    });
}

#[test]
fn tasks_of_a_dead_executor_each_woken_by_the_drop_of_the_one_before() {
    watched(|| {
        let dead = executor(1);
        let builder = rejoin::Builder::new().on(&dead);
        drop(dead);
        let dropped = Count::new();
        fn spawn_next(builder: rejoin::Builder, dropped: Count, left: usize) {
            if left > 0 {
                let again = builder.clone();
                let guard = OnDrop(move || {
                    dropped.add();
                    spawn_next(again.clone(), dropped.clone(), left - 1);
                });
                drop(builder.spawn(async move { drop(guard) }));
            }
        }
        step("tasks that spawn the next in their drop");
        spawn_next(builder, dropped.clone(), LENGTH / 4);
        assert_eq!(dropped.get(), LENGTH / 4);
    });
}
