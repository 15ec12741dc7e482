//! A group lets only so many tasks run at a time, and who waits is served in turn.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use rejoin::{GroupHandle, TaskGroup, block_on};

use crate::support::{Count, poll_once, spin_until, with_workers};
use crate::watchdog::step;

/// Counts how many are inside at once.
#[derive(Default)]
struct Gauge {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    async fn visit(self: Arc<Self>, turns: usize) {
        let inside = self.inside.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(inside, SeqCst);
        for _ in 0..turns {
            rejoin::yield_now().await;
        }
        self.inside.fetch_sub(1, SeqCst);
    }
}

#[test]
fn no_more_than_the_limit_run_and_all_of_them_do() {
    with_workers(|executor| {
        for limit in [1, 3, 100] {
            let gauge = Arc::new(Gauge::default());
            let group = TaskGroup::new().on(executor).limit(limit);
            for number in 0..500 {
                group.spawn(Arc::clone(&gauge).visit(number % 4));
            }
            step("a group with a limit");
            assert_eq!(block_on(group.join()).len(), 500);
            assert!(gauge.most.load(SeqCst) <= limit);
        }
    });
}

#[test]
fn the_limit_holds_under_contention_of_all_ways_to_spawn() {
    with_workers(|executor| {
        let gauge = Arc::new(Gauge::default());
        let group = TaskGroup::new().on(executor).limit(3).discarding();
        let ran = Count::new();
        let one = |turns| {
            let (gauge, ran) = (Arc::clone(&gauge), ran.clone());
            async move {
                gauge.visit(turns).await;
                ran.add();
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (handle, one) = (group.handle(), &one);
                scope.spawn(move || {
                    for round in 0..200 {
                        match (thread + round) % 3 {
                            0 => assert!(handle.spawn(one(round % 3))),
                            1 => assert!(block_on(handle.spawn_when_free(one(round % 3)))),
                            _ => {
                                let mut future = one(round % 3);
                                while let Err(error) = handle.try_spawn(future) {
                                    assert!(error.would_wait());
                                    future = error.into_future();
                                    std::thread::yield_now();
                                }
                            }
                        }
                    }
                });
            }
        });
        step("what was spawned under contention");
        block_on(group.join());
        assert_eq!(ran.get(), 800);
        assert!(gauge.most.load(SeqCst) <= 3);
    });
}

#[test]
fn who_waits_is_served_in_the_order_of_asking_tasks_and_spawners_alike() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor).limit(1);
        let (open, door) = oneshot::channel::<()>();
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |number: usize| {
            let order = Arc::clone(&order);
            async move { order.lock().unwrap().push(number) }
        };
        group.spawn(async move {
            let _ = door.await;
        });
        let mut spawners = Vec::new();
        for number in 0..20 {
            if number % 2 == 0 {
                group.spawn(note(number));
            } else {
                let mut spawner = Box::pin(group.spawn_when_free(note(number)));
                assert!(poll_once(spawner.as_mut()).is_pending());
                spawners.push(spawner);
            }
        }
        // Nobody overtakes.
        assert!(group.try_spawn(note(99)).unwrap_err().would_wait());
        open.send(()).unwrap();
        step("twenty that wait for one place");
        for spawner in spawners {
            assert!(block_on(spawner));
        }
        block_on(group.join());
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn a_spawner_that_gives_up_leaves_its_turn_to_the_next() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor).limit(1);
        let (open, door) = oneshot::channel::<()>();
        group.spawn(async move {
            let _ = door.await;
            0
        });
        let ask = |number| Box::pin(group.spawn_when_free(async move { number }));
        let (mut early, mut given, mut served) = (ask(1), ask(2), ask(3));
        for spawner in [&mut early, &mut given, &mut served] {
            assert!(poll_once(spawner.as_mut()).is_pending());
        }
        drop(early);
        open.send(()).unwrap();
        spin_until(|| group.unfinished() == 0);
        // It has been given the place and does not know it yet.
        drop(given);
        step("the spawner behind two that gave up");
        assert!(block_on(served));
        assert_eq!(block_on(group.join()), [0, 3]);
    });
}

#[test]
fn a_waiting_spawner_is_woken_by_its_newest_waker() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor).limit(1);
        let (open, door) = oneshot::channel::<()>();
        group.spawn(async move {
            let _ = door.await;
        });
        let mut spawner = Box::pin(group.spawn_when_free(async {}));
        let wakes = [Arc::new(Count::new()), Arc::new(Count::new())];
        for count in &wakes {
            let waker = Waker::from(Arc::clone(count));
            let polled = spawner.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
        }
        open.send(()).unwrap();
        step("the wake of a waiting spawner");
        wakes[1].wait_for(1);
        assert_eq!(wakes[0].get(), 0);
        assert_eq!(poll_once(spawner), Poll::Ready(true));
        block_on(group.join());
    });
}

#[test]
fn cancelling_wakes_waiting_spawners_and_drops_waiting_tasks_unpolled() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor).limit(1);
        let (polled, dropped) = (Count::new(), Count::new());
        group.spawn(pending());
        for _ in 0..50 {
            let (polled, guard) = (polled.clone(), dropped.on_drop());
            group.spawn(async move {
                polled.add();
                drop(guard);
            });
        }
        let spawner = group.spawn_when_free(async {});
        let waiting = std::thread::spawn(move || block_on(spawner));
        group.cancel();
        step("the spawner that waited in a group that was cancelled");
        assert!(!waiting.join().unwrap());
        assert_eq!(block_on(group.outcomes()).len(), 51);
        assert_eq!((polled.get(), dropped.get()), (0, 50));
    });
}

#[test]
fn a_place_is_free_again_after_a_panic() {
    with_workers(|executor| {
        let group = TaskGroup::new().on(executor).limit(1).keep_going();
        for _ in 0..20 {
            group.spawn(async { panic!("on purpose") });
        }
        group.spawn(async { 7 });
        step("the last of the queue");
        let outcomes = block_on(group.outcomes());
        assert_eq!(outcomes.last().unwrap().output(), Some(&7));
        assert_eq!(outcomes.len(), 21);
    });
}

#[allow(
    clippy::manual_async_fn,
    reason = "a task that spawns its own kind is Send only where the signature says so"
)]
fn walk(depth: u32, group: GroupHandle<()>, ran: Count) -> impl Future<Output = ()> + Send {
    async move {
        ran.add();
        if depth > 0 {
            for _ in 0..3 {
                group.spawn(walk(depth - 1, group.clone(), ran.clone()));
            }
        }
    }
}

#[test]
fn tasks_that_spawn_into_their_full_group_do_not_deadlock() {
    with_workers(|executor| {
        let (group, ran) = (TaskGroup::new().on(executor).limit(1), Count::new());
        group.spawn(walk(5, group.handle(), ran.clone()));
        step("a walk of one at a time");
        block_on(group.join());
        assert_eq!(ran.get(), 364);
    });
}
