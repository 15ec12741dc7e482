//! While a thread ends, its destructors still spawn, wake and drop.

use std::cell::RefCell;
use std::task::{Poll, Waker};
use std::thread;

use rejoin::{Executor, JoinHandle, block_on, spawn};

use crate::support::{Count, OnDrop, executor, watched, with_workers};
use crate::watchdog::step;

type Late = Option<OnDrop<Box<dyn FnMut()>>>;

thread_local! {
    static EARLY: RefCell<Late> = const { RefCell::new(None) };
    static LATE: RefCell<Late> = const { RefCell::new(None) };
}

/// Runs `job` in a destructor of the thread that runs `body`: one that was registered before the
/// thread first used the library, and one that was registered after.
fn in_destructors(body: impl Fn() + Sync, job: impl Fn() -> Box<dyn FnMut()> + Sync) {
    for before in [false, true] {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if before {
                    EARLY.with_borrow_mut(|slot| *slot = Some(OnDrop(job())));
                }
                body();
                if !before {
                    LATE.with_borrow_mut(|slot| *slot = Some(OnDrop(job())));
                }
            });
            thread.join().unwrap();
        });
    }
}

fn used(executor: &Executor) {
    assert_eq!(block_on(executor.spawn(async { 7 })), 7);
}

#[test]
fn a_destructor_spawns_a_task_that_runs() {
    with_workers(|executor| {
        let ran = Count::new();
        let job = || {
            let (spawner, ran) = (executor.spawner(), ran.clone());
            Box::new(move || {
                let count = ran.clone();
                spawner.spawn(async move { count.add() }).unwrap().detach();
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
            }) as Box<dyn FnMut()>
        };
        in_destructors(|| used(executor), job);
        step("the spawned tasks");
        ran.wait_for(4);
    });
}

#[test]
fn a_destructor_blocks_on_a_task() {
    with_workers(|executor| {
        let ran = Count::new();
        let job = || {
            let (spawner, ran) = (executor.spawner(), ran.clone());
            Box::new(move || {
                assert_eq!(block_on(spawner.spawn(async { 7 }).unwrap()), 7);
                ran.add();
            }) as Box<dyn FnMut()>
        };
        step("the destructors");
        in_destructors(|| used(executor), job);
        assert_eq!(ran.get(), 2);
    });
}

#[test]
fn a_destructor_wakes_a_task_and_drops_and_cancels_others() {
    with_workers(|executor| {
        let (woken, dropped) = (Count::new(), Count::new());
        let job = || {
            let (tell, told) = std::sync::mpsc::channel::<Waker>();
            let (count, mut first) = (woken.clone(), true);
            executor
                .spawn(std::future::poll_fn(move |cx| {
                    if std::mem::take(&mut first) {
                        tell.send(cx.waker().clone()).unwrap();
                        return Poll::Pending;
                    }
                    count.add();
                    Poll::Ready(())
                }))
                .detach();
            let waker = told.recv().unwrap();
            let output = dropped.on_drop();
            let mut finished: Option<JoinHandle<_>> = Some(executor.spawn(async move { output }));
            let stuck = crate::support::pending_with(dropped.on_drop());
            let mut stuck = Some(executor.spawn(stuck));
            Box::new(move || {
                waker.wake_by_ref();
                drop(finished.take());
                drop(stuck.take().map(JoinHandle::cancel));
            }) as Box<dyn FnMut()>
        };
        in_destructors(|| used(executor), job);
        step("the task woken by a destructor");
        woken.wait_for(2);
        step("what destructors dropped");
        dropped.wait_for(4);
    });
}

#[test]
fn a_destructor_of_a_worker_spawns_wakes_and_blocks_elsewhere() {
    with_workers(|outer| {
        let ran = Count::new();
        let ending = executor(outer.threads());
        let (own, other, count) = (ending.spawner(), outer.spawner(), ran.clone());
        block_on(ending.spawn(async move {
            let job = move || {
                // Its own executor is gone or going; the other one is there.
                if let Ok(late) = own.spawn(async {}) {
                    drop(late);
                }
                drop(spawn(async {}));
                assert_eq!(block_on(other.spawn(async { 7 }).unwrap()), 7);
                count.add();
            };
            LATE.with_borrow_mut(|slot| *slot = Some(OnDrop(Box::new(job))));
        }));
        step("the executor whose worker has a destructor");
        drop(ending);
        assert_eq!(ran.get(), 1);
    });
}

#[test]
fn a_destructor_of_a_worker_wakes_tasks_of_its_own_executor_that_are_over() {
    watched(|| {
        for workers in [1, 2, 4] {
            let executor = executor(workers);
            let (tell, told) = std::sync::mpsc::channel::<Waker>();
            let (polls, dropped, ran) = (Count::new(), Count::new(), Count::new());
            let (count, guard) = (polls.clone(), dropped.on_drop());
            executor
                .spawn(std::future::poll_fn(move |cx| {
                    let _guard = &guard;
                    count.add();
                    tell.send(cx.waker().clone()).unwrap();
                    Poll::<()>::Pending
                }))
                .detach();
            let (waiting, count) = (told.recv().unwrap(), ran.clone());
            block_on(executor.spawn(std::future::poll_fn(move |cx| {
                let (waiting, count) = (waiting.clone(), count.clone());
                let mut wakers = Some((cx.waker().clone(), waiting));
                let job = move || {
                    let (ended, waiting) = wakers.take().unwrap();
                    for waker in [ended, waiting] {
                        waker.wake_by_ref();
                        waker.wake();
                    }
                    count.add();
                };
                LATE.with_borrow_mut(|slot| *slot = Some(OnDrop(Box::new(job))));
                Poll::Ready(())
            })));
            step("the executor whose worker has a destructor that wakes");
            drop(executor);
            assert_eq!((ran.get(), polls.get(), dropped.get()), (1, 1, 1));
        }
    });
}
