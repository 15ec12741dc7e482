//! Tasks that are not `Send`: outputs, panics, fairness, one executor within another.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::panic::panic_any;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::{join, select};
use futures::stream::FuturesUnordered;
use rejoin::{Builder, LocalExecutor, PanicStrategy, block_on, spawn, spawn_local, yield_now};

use crate::support::{OnDrop, panic_message, watched, with_workers};
use crate::watchdog::step;

#[test]
fn tasks_share_what_is_not_send_and_give_it_back() {
    watched(|| {
        let local = LocalExecutor::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..3)
            .map(|n| {
                let seen = Rc::clone(&seen);
                local.spawn(async move {
                    seen.borrow_mut().push(n);
                    yield_now().await;
                    seen.borrow_mut().push(n + 10);
                    Rc::new(n)
                })
            })
            .collect();
        let mut outputs = Vec::new();
        for handle in handles {
            outputs.push(*local.block_on(handle));
        }
        assert_eq!(outputs, [0, 1, 2]);
        assert_eq!(*seen.borrow(), [0, 1, 2, 10, 11, 12]);
    });
}

#[test]
fn a_hundred_thousand_tasks_that_spawn_and_yield_all_end() {
    watched(|| {
        let local = LocalExecutor::new();
        let sum = Rc::new(Cell::new(0_u64));
        local.block_on(async {
            let mut handles = Vec::new();
            for n in 0..100_000 {
                let sum = Rc::clone(&sum);
                handles.push(spawn_local(async move {
                    yield_now().await;
                    sum.set(sum.get() + n);
                    yield_now().await;
                }));
            }
            for handle in handles {
                handle.await;
            }
        });
        assert_eq!(sum.get(), 4_999_950_000);
        assert_eq!(Rc::strong_count(&sum), 1);
    });
}

#[test]
fn a_detached_task_goes_on_whenever_somebody_drives() {
    watched(|| {
        let local = LocalExecutor::new();
        let turns = Rc::new(Cell::new(0));
        let counted = Rc::clone(&turns);
        local
            .spawn(async move {
                loop {
                    counted.set(counted.get() + 1);
                    yield_now().await;
                }
            })
            .detach();
        assert_eq!(turns.get(), 0);
        local.block_on(yield_now());
        let after_one = turns.get();
        assert!(after_one > 0);
        local.block_on(yield_now());
        assert!(turns.get() > after_one);
    });
}

#[test]
fn a_panic_stays_in_its_task_and_comes_out_as_its_strategy_says() {
    watched(|| {
        let local = LocalExecutor::new();
        let beside = local.spawn(async { yield_now().await });
        let propagated = local.spawn(async { panic!("on purpose") });
        let error = local.block_on(propagated.join()).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: on purpose");
        let awaited = local.spawn(async { panic_any("by the handle") });
        assert_eq!(panic_message(|| local.block_on(awaited)), "by the handle");
        let ignored = Builder::new()
            .panic_strategy(PanicStrategy::Ignore)
            .spawn_local_on(&local, async { panic!("nobody minds") });
        let error = local.block_on(ignored.join()).unwrap_err();
        assert!(error.is_panic() && error.into_panic().is_none());
        local.block_on(beside);
    });
}

#[test]
fn a_panic_of_a_drop_counts_as_one_of_the_task_and_harms_nobody() {
    watched(|| {
        let local = LocalExecutor::new();
        let bomb = OnDrop(|| panic!("in the drop"));
        let handle = local.spawn(async move {
            let _bomb = bomb;
            7
        });
        assert!(local.block_on(handle.join()).unwrap_err().is_panic());
        // An output that nobody takes, and a future that is cancelled.
        local
            .spawn(async { OnDrop(|| panic!("an output")) })
            .detach();
        let bomb = OnDrop(|| panic!("a future"));
        let cancelled = local.spawn(async move {
            pending::<()>().await;
            drop(bomb);
        });
        assert_eq!(local.block_on(cancelled.cancel()), None);
        assert_eq!(local.block_on(local.spawn(async { 8 })), 8);
    });
}

#[test]
fn a_panic_of_what_is_driven_leaves_executor_and_thread_usable() {
    watched(|| {
        let local = LocalExecutor::new();
        let handle = local.spawn(async { 7 });
        let message = panic_message(|| local.block_on(async { panic!("driven") }));
        assert_eq!(message, "driven");
        assert!(panic_message(|| spawn_local(async {})).contains("LocalExecutor"));
        assert_eq!(local.block_on(handle), 7);
    });
}

#[test]
fn a_task_that_always_wakes_itself_starves_nobody() {
    watched(|| {
        let local = LocalExecutor::new();
        local
            .spawn(async {
                loop {
                    yield_now().await;
                }
            })
            .detach();
        let (give, take) = mpsc::channel();
        let (tell, told) = oneshot::channel();
        let other = local.spawn(async move {
            give.send(()).unwrap();
            told.await.unwrap()
        });
        thread::spawn(move || {
            take.recv().unwrap();
            tell.send(7).unwrap();
        });
        step("a task woken from outside, beside one that always runs");
        assert_eq!(local.block_on(other), 7);
        step("what is polled beside whoever drives");
        let (tell, told) = oneshot::channel();
        let driven = local.run(pending::<()>());
        let beside = async {
            for _ in 0..10 {
                yield_now().await;
            }
            tell.send(8).unwrap();
            told.await.unwrap()
        };
        block_on(select(Box::pin(driven), Box::pin(beside)));
    });
}

#[test]
fn two_executors_on_one_thread_wait_for_each_others_tasks() {
    watched(|| {
        let (left, right) = (LocalExecutor::new(), LocalExecutor::new());
        let first = left.spawn(async { 1 });
        let second = right.spawn(async move { first.await + 1 });
        let third = left.spawn(async move { second.await + 1 });
        step("both driven beside each other");
        let (_, sum) = block_on(join(right.run(async { yield_now().await }), async {
            let driven = right.run(left.run(third));
            driven.await
        }));
        assert_eq!(sum, 3);
    });
}

#[test]
fn who_drives_and_sleeps_is_called_for_what_comes_from_beside() {
    watched(|| {
        for beside in [false, true] {
            let local = LocalExecutor::new();
            let (tell, told) = oneshot::channel();
            let handle = local.spawn(async move { told.await.unwrap() });
            // Each of these is polled only when it was woken itself.
            let futures: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>> =
                FuturesUnordered::new();
            futures.push(Box::pin(async { assert_eq!(local.run(handle).await, 7) }));
            futures.push(Box::pin(async {
                for _ in 0..3 {
                    yield_now().await;
                }
                let task = async move { tell.send(7).unwrap() };
                if beside {
                    local.spawn(task).detach();
                } else {
                    // Drives no more when the task is there.
                    local.run(async { spawn_local(task).detach() }).await;
                }
            }));
            step("one who sleeps while another spawns and leaves");
            block_on(futures.collect::<Vec<()>>());
        }
    });
}

#[test]
fn a_task_that_blocks_on_its_own_executor_drives_it_and_misses_no_wake_up() {
    watched(|| {
        thread_local! {
            // So that a task may name it.
            static LOCAL: LocalExecutor = LocalExecutor::new();
        }
        let (tell, told) = oneshot::channel();
        let outer = async move {
            let mut woken = false;
            let inner = spawn_local(async move { told.await.unwrap() });
            poll_fn(|cx| {
                if std::mem::replace(&mut woken, true) {
                    return Poll::Ready(());
                }
                // Woken while it is out of its slot, below the one who drives.
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            LOCAL.with(|local| local.block_on(inner))
        };
        thread::spawn(move || tell.send(7).unwrap());
        LOCAL.with(|local| assert_eq!(local.block_on(local.spawn(outer)), 7));
        let blocked = poll_fn({
            let mut polls = 0;
            move |cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                // Its own turn comes in here, and is missed.
                LOCAL.with(|local| {
                    local.block_on(async {
                        yield_now().await;
                        yield_now().await;
                    });
                });
                if polls == 3 {
                    Poll::Ready(polls)
                } else {
                    Poll::Pending
                }
            }
        });
        step("a task whose turn comes while it drives the tasks itself");
        LOCAL.with(|local| assert_eq!(local.block_on(local.spawn(blocked)), 3));
    });
}

#[test]
fn inside_a_task_of_an_executor_it_awaits_tasks_of_the_workers() {
    with_workers(|executor| {
        let sums: Vec<_> = (0..20_u32)
            .map(|n| {
                executor.spawn(async move {
                    let local = LocalExecutor::new();
                    let base = Rc::new(n);
                    local.block_on(async {
                        let mine = Rc::clone(&base);
                        let local = spawn_local(async move { spawn(async { 1 }).await + *mine });
                        spawn(async { 2 }).await + local.await
                    })
                })
            })
            .collect();
        let sum: u32 = sums.into_iter().map(block_on).sum();
        assert_eq!(sum, 20 * 3 + 190);
    });
}

#[test]
fn a_task_of_the_workers_is_outside_of_the_local_executor_on_whose_thread_it_runs() {
    with_workers(|executor| {
        let outside = executor.block_on(async {
            let local = LocalExecutor::new();
            // The thread may run this very task, on top of what it blocks on.
            local
                .run(async {
                    block_on(spawn(async {
                        panic_message(|| spawn_local(async {})).contains("LocalExecutor::run")
                    }))
                })
                .await
        });
        assert!(outside);
    });
}

#[test]
fn other_block_ons_drive_it_as_well() {
    watched(|| {
        let local = LocalExecutor::new();
        let handle = local.spawn(async {
            let (tell, told) = oneshot::channel();
            thread::spawn(move || tell.send(7).unwrap());
            told.await.unwrap()
        });
        assert_eq!(async_io::block_on(local.run(handle)), 7);
    });
}

#[test]
fn a_name_a_tag_and_a_place_ride_along() {
    let local = LocalExecutor::new();
    let builder = Builder::new().name("painter").tag(3);
    let (handle, line) = (builder.spawn_local_on(&local, async {}), line!());
    assert_eq!((handle.name(), handle.tag()), (Some("painter"), 3));
    assert_eq!(handle.location().line(), line);
    assert_eq!(handle.cancel_handle().info().name(), Some("painter"));
    let plain = local.spawn(async {});
    assert_eq!(plain.location().line(), line!() - 1);
    assert_ne!(plain.id(), handle.id());
}
