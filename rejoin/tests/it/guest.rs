//! A thread in `block_on` that spawns: its tasks run, whatever it does meanwhile.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;

use futures::channel::oneshot;
use futures::future::{Either, select};
use rejoin::{Executor, block_on, spawn, yield_now};

use crate::support::{Count, executor, spin_until, watched, with_workers};
use crate::watchdog::step;

#[test]
fn what_it_spawned_runs_while_it_blocks_by_other_means() {
    with_workers(|executor| {
        for tasks in [1, 2, 300, 1_000] {
            executor.block_on(async move {
                let ran = Count::new();
                for _ in 0..tasks {
                    let ran = ran.clone();
                    spawn(async move { ran.add() }).detach();
                }
                step("tasks of a thread that blocks unseen");
                ran.wait_for(tasks);
            });
        }
    });
}

#[test]
fn what_it_spawned_runs_while_it_computes_and_while_it_sleeps() {
    with_workers(|executor| {
        executor.block_on(async {
            for round in 0..100 {
                let ran = Count::new();
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
                if round % 2 == 0 {
                    spin_until(|| ran.get() == 1);
                }
                let (tell, told) = oneshot::channel();
                spawn(async move { tell.send(()).unwrap() }).detach();
                told.await.unwrap();
            }
        });
    });
}

#[test]
fn what_it_leaves_behind_at_its_end_runs() {
    with_workers(|executor| {
        for tasks in [1, 5, 600] {
            let ran = Count::new();
            executor.block_on(async {
                for _ in 0..tasks {
                    let ran = ran.clone();
                    spawn(async move { ran.add() }).detach();
                }
            });
            step("tasks left behind by a block_on");
            ran.wait_for(tasks);
        }
    });
}

#[test]
fn what_it_leaves_behind_when_it_panics_runs() {
    with_workers(|executor| {
        let ran = Count::new();
        let count = ran.clone();
        let _ = crate::support::panic_message(|| {
            executor.block_on(async {
                for _ in 0..5 {
                    let count = count.clone();
                    spawn(async move { count.add() }).detach();
                }
                panic!("with tasks in its queue")
            })
        });
        step("tasks left behind by a panic");
        ran.wait_for(5);
    });
}

#[test]
fn many_guests_at_once_and_one_after_another_lose_nothing() {
    with_workers(|executor| {
        let total = Count::new();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        executor.block_on(async {
                            let handles: Vec<_> = (0..20)
                                .map(|_| {
                                    let total = total.clone();
                                    spawn(async move {
                                        yield_now().await;
                                        total.add();
                                    })
                                })
                                .collect();
                            for handle in handles {
                                handle.await;
                            }
                        });
                    }
                });
            }
            step("the guests");
        });
        assert_eq!(total.get(), 8 * 20 * 20);
    });
}

#[test]
fn the_awaited_task_may_itself_block_spawn_panic_and_wait() {
    with_workers(|executor| {
        let text = executor.block_on(async {
            spawn(async {
                let inner = block_on(spawn(async { block_on(spawn(async { 3 })) }));
                yield_now().await;
                let (tell, told) = oneshot::channel();
                let other = thread::spawn(move || tell.send(4).unwrap());
                let outer = told.await.unwrap();
                other.join().unwrap();
                inner + outer
            })
            .await
        });
        assert_eq!(text, 7);
        let result = executor.block_on(async { spawn(async { panic!("x") }).join().await });
        assert!(result.unwrap_err().is_panic());
        assert_eq!(executor.block_on(async { spawn(async { 7 }).await }), 7);
    });
}

#[test]
fn a_future_that_also_waits_for_something_else_is_not_held_up_by_its_task() {
    with_workers(|executor| {
        for _ in 0..50 {
            let (go, wait) = mpsc::channel::<()>();
            let (tell, told) = oneshot::channel();
            let other = thread::spawn(move || tell.send(7).unwrap());
            let first = executor.block_on(async move {
                // Blocks its thread until the other branch has won.
                let task = spawn(async move { wait.recv().is_err() });
                match select(task, told).await {
                    Either::Right((answer, _task)) => answer.unwrap(),
                    Either::Left(_) => unreachable!("the task waits for us"),
                }
            });
            assert_eq!(first, 7);
            drop(go);
            other.join().unwrap();
        }
    });
}

#[test]
fn tasks_of_a_guest_meet_on_different_threads() {
    with_workers(|executor| {
        if executor.threads() == 1 {
            return;
        }
        for _ in 0..30 {
            executor.block_on(async {
                let barrier = Arc::new(Barrier::new(2));
                let pair = [(); 2].map(|()| {
                    let barrier = Arc::clone(&barrier);
                    spawn(async move { barrier.wait().is_leader() })
                });
                step("two tasks of a guest that meet");
                let [left, right] = pair;
                assert!(left.await != right.await);
            });
        }
    });
}

#[test]
fn a_guest_that_yields_until_what_it_spawned_has_run_does_not_keep_it() {
    with_workers(|executor| {
        for _ in 0..20 {
            // Its futures have awaited what they spawned so far, so no worker is called for the next one.
            executor.block_on(async { spawn(async {}).await });
            executor.block_on(async {
                let ran = Count::new();
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
                step("a task of a guest that yields until it has run");
                while ran.get() == 0 {
                    yield_now().await;
                }
            });
        }
    });
}

#[test]
fn what_it_awaits_at_once_it_runs_itself_and_what_it_then_blocks_on_runs_elsewhere() {
    with_workers(|executor| {
        let own = thread::current().id();
        let runs = 10_000;
        step("what was spawned inside");
        let here = executor.block_on(async {
            let mut here = 0;
            for _ in 0..runs {
                here += usize::from(spawn(async { thread::current().id() }).await == own);
            }
            // By now nobody is called for what it spawns.
            for _ in 0..10 {
                let (tell, told) = mpsc::channel();
                spawn(async move { tell.send(thread::current().id()).unwrap() }).detach();
                assert_ne!(told.recv().unwrap(), own);
            }
            here
        });
        // The others come only for what lies there while the thread is kept from its processor.
        assert!(here > runs * 3 / 4, "{here} of {runs}");
    });
}

#[test]
fn its_tasks_that_never_wait_keep_nobody_from_what_another_thread_wakes() {
    with_workers(|executor| {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, other) = (Arc::clone(&stop), Arc::clone(&stop));
        executor.block_on(async move {
            spawn(poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                if flag.load(SeqCst) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }))
            .detach();
            spawn(async move {
                while !other.load(SeqCst) {
                    yield_now().await;
                }
            })
            .detach();
            for _ in 0..20 {
                step("a message for the future itself");
                let (tell, told) = oneshot::channel();
                let sender = thread::spawn(move || tell.send(7).unwrap());
                assert_eq!(told.await, Ok(7));
                sender.join().unwrap();
                step("a message for a task that it awaits");
                let (tell, told) = oneshot::channel();
                let task = spawn(async move { told.await.unwrap() });
                let sender = thread::spawn(move || tell.send(8).unwrap());
                assert_eq!(task.await, 8);
                sender.join().unwrap();
            }
        });
        stop.store(true, SeqCst);
    });
}

#[test]
fn of_two_executors_one_within_the_other_each_runs_what_is_spawned_in_its_own() {
    let counting = |workers| {
        let (spawned, builder) = (Count::new(), Executor::builder().threads(workers));
        let count = spawned.clone();
        let executor = builder.on_spawn(move |_| count.add()).build().unwrap();
        (executor, spawned)
    };
    watched(|| {
        for workers in [1, 2] {
            let (outer, by_outer) = counting(workers);
            let kept = outer.block_on(async {
                let ran = Count::new();
                let count = ran.clone();
                spawn(async move { count.add() }).detach();
                let (inner, by_inner) = counting(workers);
                step("a block_on within one of another executor");
                inner.block_on(async {
                    let (tell, told) = mpsc::channel();
                    spawn(async move { tell.send(()).unwrap() }).detach();
                    told.recv().unwrap();
                    // What was spawned outside goes on.
                    ran.wait_for(1);
                    spawn(yield_now()).await;
                });
                spawn(async {}).await;
                assert_eq!((by_outer.get(), by_inner.get()), (2, 2));
                step("the end of the inner one");
                drop(inner);
                spawn(async {}).await;
                executor(workers)
            });
            step("one that was built in a block_on and outlives it");
            assert_eq!(kept.block_on(async { spawn(async { 7 }).await }), 7);
            assert_eq!(by_outer.get(), 3);
        }
    });
}
