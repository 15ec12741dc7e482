//! Threads and tasks that wait, and are woken from elsewhere.

use std::sync::{Arc, Barrier};
use std::thread;

use futures::channel::oneshot;
use rejoin::{Executor, LocalExecutor, block_in_place, block_on, spawn, spawn_local, yield_now};

use crate::Stage;
use crate::support::Count;
use crate::watchdog::step;

/// One message there and one back, each when the other side sleeps, or is about to.
pub(crate) fn ping(stage: &mut Stage) {
    let executor = stage.executor();
    let (ask, asked) = async_channel::bounded::<usize>(1);
    let (answer, answered) = async_channel::bounded::<usize>(1);
    let echo = executor.spawn(async move {
        while let Ok(n) = asked.recv().await {
            if answer.send(n + 1).await.is_err() {
                break;
            }
        }
    });
    step("an answer");
    for n in 0..200 {
        ask.send_blocking(n).expect("somebody listens");
        for _ in 0..stage.below(40) {
            std::hint::spin_loop();
        }
        assert_eq!(answered.recv_blocking(), Ok(n + 1));
    }
    drop(ask);
    block_on(echo);
}

/// Every worker blocks at the same time, for a task that only then may run; and nested.
pub(crate) fn blocks(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..2 {
        let workers = executor.threads();
        let all_in = Arc::new(Barrier::new(workers));
        let (go, wait) = async_channel::bounded::<()>(1);
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let (all_in, wait) = (Arc::clone(&all_in), wait.clone());
                executor.spawn(async move {
                    all_in.wait();
                    block_on(spawn(async move { wait.recv().await.is_err() }))
                })
            })
            .collect();
        step("a task that runs while all workers block");
        block_on(executor.spawn(async move { drop(go) }));
        step("the blocked tasks");
        assert!(tasks.into_iter().all(block_on));
    }
    step("block_on, nested");
    let deep = 1 + stage.below(6);
    assert_eq!(block_on(executor.spawn(async move { nested(deep) })), deep);
}

fn nested(levels: usize) -> usize {
    if levels == 0 {
        return 0;
    }
    block_on(async move {
        let inner = spawn(async move { nested(levels - 1) });
        yield_now().await;
        inner.await + 1
    })
}

/// Threads come, spawn in `block_on`, await some of it, and go.
pub(crate) fn guests(stage: &mut Stage) {
    let executor = stage.executor();
    let (total, tasks) = (Count::new(), 1 + stage.below(12));
    let guest = |executor: &Executor, awaits: bool| {
        executor.block_on(async {
            let handles: Vec<_> = (0..tasks)
                .map(|n| {
                    let total = total.clone();
                    spawn(async move {
                        if n % 2 == 0 {
                            yield_now().await;
                        }
                        total.add();
                    })
                })
                .collect();
            for handle in handles {
                if awaits {
                    handle.await;
                }
            }
        });
    };
    step("guests that await what they spawned");
    thread::scope(|scope| {
        for thread in 0..4 {
            let (executor, guest) = (&executor, &guest);
            scope.spawn(move || {
                for round in 0..6 {
                    guest(executor, (thread + round) % 3 > 0);
                }
            });
        }
    });
    step("what guests have left behind");
    total.wait_for(4 * 6 * tasks);
}

/// Calls that block until all of them do, beside tasks; and workers that block in place.
pub(crate) fn blocking(stage: &mut Stage) {
    let executor = stage.executor();
    let calls = 2 + stage.below(2 * executor.threads().min(4));
    let meeting = Arc::new(Barrier::new(calls));
    let met: Vec<_> = (0..calls)
        .map(|n| {
            let meeting = Arc::clone(&meeting);
            if n % 2 == 0 {
                return executor.spawn_blocking(move || meeting.wait().is_leader());
            }
            executor.spawn(async move { block_in_place(|| meeting.wait().is_leader()) })
        })
        .collect();
    step("a task beside calls that block");
    assert_eq!(block_on(executor.spawn(async { 7 })), 7);
    step("calls that meet");
    assert_eq!(met.into_iter().map(block_on).filter(|&led| led).count(), 1);
}

/// Local tasks, woken by threads, by tasks of an executor, and by each other.
pub(crate) fn local(stage: &mut Stage) {
    let executor = stage.executor();
    let local = LocalExecutor::new();
    let mut senders = Vec::new();
    let tasks: Vec<_> = (0..1 + stage.below(20))
        .map(|n| {
            let (tell, told) = oneshot::channel();
            senders.push((n, tell));
            local.spawn(async move {
                let told: usize = told.await.expect("somebody tells");
                spawn_local(async move { told }).await
            })
        })
        .collect();
    let (threads, others): (Vec<_>, Vec<_>) = senders.into_iter().partition(|(n, _)| n % 2 == 0);
    let thread = thread::spawn(move || {
        for (n, tell) in threads {
            tell.send(n).expect("somebody waits");
        }
    });
    for (n, tell) in others {
        executor
            .spawn(async move { tell.send(n).unwrap() })
            .detach();
    }
    step("local tasks that others wake");
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(local.block_on(task), n);
    }
    thread.join().expect("it told everybody");
}

/// Whoever waits until nothing is left hears of it, and not before.
pub(crate) fn idle(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..4 {
        let (count, tasks) = (Count::new(), stage.below(40));
        for n in 0..tasks {
            let count = count.clone();
            let task = async move {
                let inner = count.clone();
                spawn(async move { inner.add() }).detach();
                if n % 3 == 0 {
                    block_on(spawn(async {}));
                }
                yield_now().await;
                count.add();
            };
            executor.spawn(task).detach();
        }
        step("that nothing is left");
        if stage.one_in(2) {
            block_on(executor.idle());
        } else {
            executor.block_on(rejoin::idle());
        }
        assert_eq!(count.get(), 2 * tasks);
    }
}
