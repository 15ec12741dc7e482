//! An executor is dropped where it is in the way: in tasks, in thread locals.

use std::cell::RefCell;
use std::future::pending;
use std::sync::mpsc;
use std::thread;

use futures::channel::oneshot;
use rejoin::{Executor, block_on};

use crate::shutdown::with_own;
use crate::support::{Count, executor, pending_with, watched};
use crate::watchdog::step;

thread_local! {
    static KEPT: RefCell<Option<Executor>> = const { RefCell::new(None) };
}

#[test]
fn an_executor_dropped_by_its_own_task_ends_after_that_poll() {
    watched(|| {
        with_own(|executor| {
            let spawner = executor.spawner();
            let (dropped, after) = (Count::new(), Count::new());
            let others: Vec<_> = (0..50)
                .map(|_| executor.spawn(pending_with(dropped.on_drop())))
                .collect();
            let (give, take) = oneshot::channel::<Executor>();
            let count = after.clone();
            let handle = executor.spawn(async move {
                drop(take.await.unwrap());
                count.add();
                rejoin::yield_now().await;
                count.add();
            });
            assert!(give.send(executor).is_ok());
            step("the task that dropped its executor");
            assert!(block_on(handle.join()).unwrap_err().is_cancelled());
            assert_eq!(after.get(), 1);
            for other in others {
                assert!(block_on(other.join()).unwrap_err().is_cancelled());
            }
            assert_eq!(dropped.get(), 50);
            assert!(!spawner.is_alive());
        });
    });
}

#[test]
fn an_executor_dropped_by_its_own_task_while_another_blocks_on_a_pending_one() {
    watched(|| {
        with_own(|executor| {
            let blocked = Count::new();
            let count = blocked.clone();
            let stuck = executor.spawn(pending::<()>());
            let blocking = executor.spawn(async move {
                count.add();
                block_on(stuck.join()).unwrap_err().is_cancelled()
            });
            blocked.wait_for(1);
            let (give, take) = oneshot::channel::<Executor>();
            let dropping = executor.spawn(async move { drop(take.await.unwrap()) });
            assert!(give.send(executor).is_ok());
            step("the task that drops its executor, while another is in block_on");
            let _ = block_on(dropping.join());
            step("the task in block_on");
            assert!(block_on(blocking.join()).unwrap());
        });
    });
}

#[test]
fn an_executor_dropped_by_a_task_of_another_one_is_gone() {
    watched(|| {
        with_own(|inner| {
            let outer = executor(inner.threads());
            let dropped = Count::new();
            let stuck = inner.spawn(pending_with(dropped.on_drop()));
            let handle = outer.spawn(async move { drop(inner) });
            step("the task that drops the executor");
            block_on(handle);
            assert_eq!(dropped.get(), 1);
            assert!(block_on(stuck.join()).unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn an_executor_dropped_by_the_only_worker_of_one_that_its_polls_wait_for() {
    watched(|| {
        let outer = executor(1);
        let inner = executor(1);
        let (spawner, blocked) = (outer.spawner(), Count::new());
        let (go, wait) = mpsc::channel::<()>();
        let count = blocked.clone();
        let waiting = inner.spawn(async move {
            count.add();
            wait.recv().unwrap();
            block_on(spawner.spawn(async { 7 }).unwrap())
        });
        blocked.wait_for(1);
        let dropping = outer.spawn(async move {
            go.send(()).unwrap();
            drop(inner);
        });
        step("a task that drops an executor whose poll waits for a task behind it");
        block_on(dropping);
        assert_eq!(block_on(waiting), 7);
    });
}

#[test]
fn an_executor_kept_in_a_thread_local_ends_with_its_thread() {
    watched(|| {
        with_own(|executor| {
            let dropped = Count::new();
            let stuck = executor.spawn(pending_with(dropped.on_drop()));
            let keep = || KEPT.with_borrow_mut(|kept| *kept = Some(executor));
            step("the thread that keeps the executor");
            thread::scope(|scope| scope.spawn(keep).join().unwrap());
            assert!(block_on(stuck.join()).unwrap_err().is_cancelled());
            assert_eq!(dropped.get(), 1);
        });
    });
}

#[test]
fn a_worker_of_another_executor_may_keep_one_in_a_thread_local() {
    watched(|| {
        with_own(|inner| {
            let outer = executor(2);
            let dropped = Count::new();
            let stuck = inner.spawn(pending_with(dropped.on_drop()));
            block_on(outer.spawn(async { KEPT.with_borrow_mut(|kept| *kept = Some(inner)) }));
            step("the outer executor's end");
            drop(outer);
            assert_eq!(dropped.get(), 1);
            assert!(block_on(stuck.join()).unwrap_err().is_cancelled());
        });
    });
}
