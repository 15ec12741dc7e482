//! Values in scope: where they are seen, and where not.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;

use rejoin::{LocalExecutor, TaskLocal, block_on, inherit, spawn, spawn_local, yield_now};

use crate::support::{Count, OnDrop, panic_message, poll_once, watched, with_workers};

static NUMBER: TaskLocal<u32> = TaskLocal::new();
static WORD: TaskLocal<String> = TaskLocal::new();

fn number() -> Option<u32> {
    NUMBER.try_with(|number| *number)
}

#[test]
fn a_value_goes_with_its_task_across_polls_and_workers() {
    with_workers(|executor| {
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                executor.spawn(NUMBER.scope(n, async move {
                    for _ in 0..10 {
                        assert_eq!(NUMBER.get(), n);
                        yield_now().await;
                    }
                }))
            })
            .collect();
        tasks.into_iter().for_each(block_on);
    });
}

#[test]
fn an_inner_scope_hides_the_outer_one_and_leaves_other_keys() {
    block_on(NUMBER.scope(1, async {
        let inner = WORD.scope(
            "one".to_owned(),
            NUMBER.scope(2, async {
                yield_now().await;
                (NUMBER.get(), WORD.get())
            }),
        );
        assert_eq!(inner.await, (2, "one".to_owned()));
        assert_eq!(NUMBER.get(), 1);
        assert_eq!(WORD.try_with(String::len), None);
    }));
    assert_eq!(number(), None);
}

#[test]
fn outside_a_look_says_so_and_what_to_do() {
    assert_eq!(number(), None);
    assert!(panic_message(|| NUMBER.get()).contains("TaskLocal::scope"));
}

#[test]
fn a_future_that_moves_to_other_scopes_sees_those() {
    let mut moving = pin!(WORD.scope("kept".to_owned(), async {
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push((number(), WORD.get().len()));
            yield_now().await;
        }
        seen
    }));
    assert!(poll_once(NUMBER.scope(1, moving.as_mut())).is_pending());
    assert!(poll_once(NUMBER.scope(2, moving.as_mut())).is_pending());
    assert!(poll_once(moving.as_mut()).is_pending());
    let seen = block_on(moving);
    assert_eq!(seen, [(Some(1), 4), (Some(2), 4), (None, 4)]);
}

#[test]
fn a_task_inherits_only_if_asked() {
    with_workers(|executor| {
        executor.block_on(NUMBER.scope(7, async {
            assert_eq!(spawn(async { number() }).await, None);
            let below = inherit(async { spawn(inherit(async { number() })).await });
            assert_eq!(spawn(below).await, Some(7));
            // What is in scope there and then, not where it is polled.
            let taken = inherit(async { number() });
            assert_eq!(NUMBER.scope(8, taken).await, Some(7));
        }));
    });
}

/// A future that leaves the next one, which inherits from it, and has a value of its own for the same key.
fn deeper(next: Rc<RefCell<Option<Deeper>>>, dropped: Count) -> Deeper {
    static KEEP: TaskLocal<Arc<dyn Send + Sync>> = TaskLocal::new();
    Box::pin(async move {
        let count = dropped.clone();
        let guard = Arc::new(OnDrop(move || count.add()));
        let inherits = || inherit(deeper(Rc::clone(&next), dropped));
        let inner = KEEP.sync_scope(guard, inherits);
        *next.borrow_mut() = Some(Box::pin(inner));
    })
}

type Deeper = Pin<Box<dyn Future<Output = ()>>>;

#[test]
fn inheriting_again_and_again_keeps_one_value_for_each_key() {
    watched(|| {
        let (dropped, next) = (Count::new(), Rc::default());
        let mut future = deeper(Rc::clone(&next), dropped.clone());
        for depth in 1..=10_000 {
            block_on(future);
            future = next.take().unwrap();
            assert_eq!(dropped.get(), depth - 1);
        }
        drop(future);
        assert_eq!(dropped.get(), 10_000);
    });
}

#[test]
fn a_panic_inside_takes_the_value_away() {
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        block_on(NUMBER.scope(7, async { panic!("on purpose") }))
    }));
    assert!(thrown.is_err());
    assert_eq!(number(), None);
    let thrown = catch_unwind(|| NUMBER.sync_scope(7, || panic!("on purpose")));
    assert!(thrown.is_err());
    assert_eq!(number(), None);
}

#[test]
fn a_future_is_dropped_with_its_value_in_scope() {
    with_workers(|executor| {
        let (tell, told) = std::sync::mpsc::channel();
        let asks = || {
            let tell = tell.clone();
            OnDrop(move || tell.send(number()).unwrap())
        };
        // Never polled, dropped here; pending, dropped by a worker; ready.
        let guard = asks();
        drop(NUMBER.scope(1, async move { drop(guard) }));
        assert_eq!(told.recv(), Ok(Some(1)));
        let guard = asks();
        let stuck = executor.spawn(NUMBER.scope(2, crate::support::pending_with(guard)));
        assert_eq!(block_on(stuck.cancel()), None);
        assert_eq!(told.recv(), Ok(Some(2)));
        let guard = asks();
        block_on(executor.spawn(NUMBER.scope(3, async move {
            let _until_the_end = guard;
        })));
        assert_eq!(told.recv(), Ok(Some(3)));
    });
}

#[test]
fn what_blocks_inside_sees_the_value_and_tasks_that_its_thread_runs_do_not() {
    with_workers(|executor| {
        executor.block_on(NUMBER.scope(7, async {
            for _ in 0..100 {
                assert_eq!(block_on(async { number() }), Some(7));
                // The thread may run this very task, on top of what blocks.
                assert_eq!(block_on(spawn(async { number() })), None);
            }
        }));
    });
}

#[test]
fn local_tasks_see_their_own_values_and_not_those_around_whoever_drives() {
    watched(|| {
        let local = LocalExecutor::new();
        let before = local.spawn(async { number() });
        block_on(NUMBER.scope(7, async {
            let driven = local.run(async {
                let plain = spawn_local(async { number() });
                let inherits = spawn_local(inherit(async { number() }));
                let own = spawn_local(NUMBER.scope(8, async { number() }));
                (number(), plain.await, inherits.await, own.await)
            });
            assert_eq!(driven.await, (Some(7), None, Some(7), Some(8)));
        }));
        assert_eq!(local.block_on(before), None);
    });
}

#[test]
fn a_look_may_enter_scopes_itself() {
    NUMBER.sync_scope(1, || {
        NUMBER.with(|outer| {
            let inner = block_on(NUMBER.scope(outer + 1, async { NUMBER.get() }));
            assert_eq!((inner, NUMBER.get()), (2, 1));
        });
    });
}
