//! Executors that end in the midst of everything.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use rejoin::{block_on, spawn};

use crate::Stage;
use crate::support::{Count, OnDrop, pending_with};
use crate::watchdog::step;

/// Tasks are woken all the time by other threads, and spawn in their drops, while the executor is dropped.
pub(crate) fn wakes(stage: &mut Stage) {
    let executor = stage.executor();
    let tasks = 1 + stage.below(30);
    let (polls, dropped) = (Count::new(), Count::new());
    let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            let (polls, guard, wakers) = (polls.clone(), dropped.on_drop(), Arc::clone(&wakers));
            let spawner = executor.spawner();
            let spawns = OnDrop(move || {
                if let Ok(handle) = spawner.spawn(pending::<()>()) {
                    handle.detach();
                }
            });
            let mut first = true;
            executor.spawn(poll_fn(move |cx| {
                let _owned = (&guard, &spawns);
                if std::mem::take(&mut first) {
                    wakers.lock().expect("no poison").push(cx.waker().clone());
                    polls.add();
                }
                Poll::<()>::Pending
            }))
        })
        .collect();
    step("the first polls");
    polls.wait_for(tasks);
    let over = Arc::new(AtomicBool::new(false));
    let waking: Vec<_> = (0..2)
        .map(|_| {
            let (over, wakers) = (Arc::clone(&over), Arc::clone(&wakers));
            thread::spawn(move || {
                while !over.load(SeqCst) {
                    let wakers = wakers.lock().expect("no poison").clone();
                    wakers.iter().for_each(Waker::wake_by_ref);
                    thread::yield_now();
                }
            })
        })
        .collect();
    if stage.one_in(2) {
        executor.spawn(async {}).detach();
    }
    step("the end of an executor whose tasks are woken");
    drop(executor);
    over.store(true, SeqCst);
    for thread in waking {
        thread.join().expect("wakers are harmless");
    }
    assert_eq!(dropped.get(), tasks);
    for handle in handles {
        assert!(block_on(handle.join()).is_err_and(|error| error.is_cancelled()));
    }
}

/// Some polls are stuck, some block, and some drops get stuck; the shutdown returns at once or when all have ended.
pub(crate) fn deadline(stage: &mut Stage) {
    let executor = stage.executor();
    let (go, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let wait = move |gate: &Mutex<mpsc::Receiver<()>>| drop(gate.lock().map(|gate| gate.recv()));
    let (begun, dropped) = (Count::new(), Count::new());
    let stuck = stage.below(executor.threads() + 1);
    for n in 0..stuck {
        let (gate, begun, guard) = (Arc::clone(&gate), begun.clone(), dropped.on_drop());
        let task = async move {
            begun.add();
            if n % 2 == 0 {
                block_on(spawn(async {}).join()).ok();
            }
            wait(&gate);
            pending_with(guard).await;
        };
        executor.spawn(task).detach();
    }
    step("polls that get stuck");
    begun.wait_for(stuck);
    let others = 1 + stage.below(20);
    for n in 0..others {
        let (gate, guard, sticks) = (Arc::clone(&gate), dropped.on_drop(), n % 7 == 6);
        let stuck = OnDrop(move || {
            if sticks {
                wait(&gate);
            }
        });
        executor.spawn(pending_with((stuck, guard))).detach();
    }
    if stage.one_in(2) {
        step("a shutdown that returns at once");
        drop(executor.shutdown(Duration::ZERO));
        drop(go);
    } else {
        let ending = thread::spawn(move || executor.shutdown(Duration::MAX));
        drop(go);
        step("a shutdown that waits for all");
        let report = ending.join().expect("no panic");
        assert!(report.is_complete());
        assert_eq!(dropped.get(), stuck + others);
    }
    step("the drops of what was cancelled");
    dropped.wait_for(stuck + others);
}
