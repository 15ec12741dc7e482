//! Slow polls: what lies behind one begins elsewhere. Each ends only when that has begun.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rejoin::{block_on, spawn, yield_now};

use crate::Stage;
use crate::support::{Count, spin_until};
use crate::watchdog::step;

/// A flag, and a future that raises it.
fn beginner() -> (Arc<AtomicBool>, impl Future<Output = ()> + Send + 'static) {
    let begun = Arc::new(AtomicBool::new(false));
    let raise = Arc::clone(&begun);
    (begun, async move { raise.store(true, SeqCst) })
}

/// Computes for so long.
fn compute(micros: u64) {
    let until = Instant::now() + Duration::from_micros(micros);
    spin_until(|| Instant::now() >= until);
}

/// A task spawns one after another as many as there are workers, and all of them meet in their polls. Nobody computes
/// meanwhile, so the cores are free for whoever is called, or is not.
pub(crate) fn burst(stage: &mut Stage) {
    let executor = stage.executor();
    let workers = executor.threads();
    for _ in 0..5 {
        let meeting = Arc::new(Barrier::new(workers));
        let producer = executor.spawn(async move {
            for _ in 1..workers {
                let meeting = Arc::clone(&meeting);
                spawn(async move {
                    meeting.wait();
                })
                .detach();
            }
            meeting.wait();
        });
        step("tasks that meet while they are spawned");
        block_on(producer);
    }
}

/// A slow poll spawns a task, or wakes one, at its beginning or after some short polls.
pub(crate) fn slot(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..20 {
        let (wakes, turns) = (stage.one_in(2), stage.below(4));
        let (wake, woken) = oneshot::channel::<()>();
        let (begun, task) = beginner();
        let woken = async move {
            let _ = woken.await;
            task.await;
        };
        let slow = if wakes {
            executor.spawn(woken).detach();
            executor.spawn(async move {
                for _ in 0..turns {
                    yield_now().await;
                }
                let _ = wake.send(());
                spin_until(|| begun.load(SeqCst));
            })
        } else {
            drop(wake);
            executor.spawn(async move {
                for _ in 0..turns {
                    spawn(async {}).await;
                }
                spawn(woken).detach();
                spin_until(|| begun.load(SeqCst));
            })
        };
        step("a task behind a slow poll");
        block_on(slow);
    }
}

/// All workers but one are in slow polls, which spawn one after another.
pub(crate) fn all_but_one(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..3 {
        let (inside, others) = (Count::new(), executor.threads() - 1);
        let slow: Vec<_> = (0..others)
            .map(|_| {
                let inside = inside.clone();
                executor.spawn(async move {
                    inside.add();
                    spin_until(|| inside.get() >= others);
                    let (begun, task) = beginner();
                    spawn(task).detach();
                    spin_until(|| begun.load(SeqCst));
                })
            })
            .collect();
        step("what the one free worker does for all the others");
        slow.into_iter().for_each(block_on);
    }
}

/// A slow poll spawns few or many tasks, after the watcher has left, or while it does.
pub(crate) fn late(stage: &mut Stage) {
    let executor = stage.executor();
    for _ in 0..4 {
        let (pause, tasks) = (stage.below(2_500) as u64, [1, 1, 2, 3, 300][stage.below(5)]);
        let slow = executor.spawn(async move {
            compute(pause);
            let begun = Count::new();
            for _ in 0..tasks {
                let begun = begun.clone();
                spawn(async move { begun.add() }).detach();
            }
            spin_until(|| begun.get() == tasks);
        });
        step("tasks that a slow poll spawned late");
        block_on(slow);
    }
}

/// A thread in `block_on` wakes a task, or spawns, and computes on, while a worker has nothing but short polls.
pub(crate) fn guest(stage: &mut Stage) {
    let executor = stage.executor();
    if stage.one_in(2) {
        step("work that is too fine to share");
        executor.block_on(async {
            for handle in (0..3_000).map(|_| spawn(async {})).collect::<Vec<_>>() {
                handle.await;
            }
        });
    }
    let ends = Arc::new(AtomicBool::new(false));
    let busy = (0..stage.below(executor.threads())).map(|_| {
        let ends = Arc::clone(&ends);
        executor.spawn(async move {
            while !ends.load(SeqCst) {
                yield_now().await;
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    for _ in 0..3 {
        let wakes = stage.one_in(2);
        step("what a guest that computes has woken or spawned");
        executor.block_on(async {
            spawn(async {}).await;
            let (wake, woken) = oneshot::channel();
            let (begun, task) = beginner();
            let woken = async move {
                let _ = woken.await;
                task.await;
            };
            if wakes {
                spawn(woken).detach();
                yield_now().await;
                wake.send(()).ok();
            } else {
                wake.send(()).ok();
                spawn(woken).detach();
            }
            spin_until(|| begun.load(SeqCst));
        });
    }
    ends.store(true, SeqCst);
    step("tasks that yielded until then");
    busy.into_iter().for_each(block_on);
}
