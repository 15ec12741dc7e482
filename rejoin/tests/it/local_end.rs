//! Local tasks and other threads; and their end.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use futures::channel::oneshot;
use rejoin::{LocalExecutor, LocalHandle, spawn, spawn_local, yield_now};

use crate::support::{Count, OnDrop, watched};
use crate::watchdog::step;

/// Leaves its wakers for others; says where it is polled and dropped.
struct Watched {
    home: ThreadId,
    wakers: Arc<Mutex<Vec<Waker>>>,
    strayed: Arc<AtomicBool>,
    dropped: Count,
    _not_send: PhantomData<Rc<()>>,
}

impl Watched {
    fn look(&self) {
        if thread::current().id() != self.home {
            self.strayed.store(true, SeqCst);
        }
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.look();
        let mut wakers = self.wakers.lock().unwrap();
        if wakers.len() < 1_000 {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.look();
        self.dropped.add();
    }
}

#[test]
fn woken_all_the_time_by_others_a_task_is_polled_and_dropped_on_its_thread_only() {
    watched(|| {
        let (wakers, strayed) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (dropped, over) = (Count::new(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let wakers: &Mutex<Vec<Waker>> = &wakers;
                    while !over.load(SeqCst) {
                        // By value, so that the last one of a task goes here, too.
                        let waker = wakers.lock().unwrap().pop();
                        waker.into_iter().for_each(Waker::wake);
                        thread::yield_now();
                    }
                });
            }
            for round in 0..20 {
                step("a round");
                let local = LocalExecutor::new();
                for n in 0..50 {
                    let task = local.spawn(Watched {
                        home: thread::current().id(),
                        wakers: Arc::clone(&wakers),
                        strayed: Arc::clone(&strayed),
                        dropped: dropped.clone(),
                        _not_send: PhantomData,
                    });
                    match n % 3 {
                        0 => drop(task.cancel()),
                        _ => task.detach(),
                    }
                }
                local.block_on(async {
                    for _ in 0..20 {
                        yield_now().await;
                    }
                });
                drop(local);
                assert_eq!(dropped.get(), (round + 1) * 50);
            }
            over.store(true, SeqCst);
        });
        assert!(!strayed.load(SeqCst));
    });
}

#[test]
fn every_wake_up_from_another_thread_is_heard() {
    watched(|| {
        let local = LocalExecutor::new();
        for round in 0..2_000 {
            step("a round");
            let (tell, told) = oneshot::channel();
            let (answer, answered) = oneshot::channel();
            let handle = local.spawn(async move {
                let got: u32 = told.await.unwrap();
                answer.send(got + 1).unwrap();
            });
            let other = thread::spawn(move || {
                tell.send(round).unwrap();
                rejoin::block_on(answered).unwrap()
            });
            local.block_on(handle);
            assert_eq!(other.join().unwrap(), round + 1);
        }
    });
}

#[test]
fn a_late_wake_up_polls_nobody_else() {
    watched(|| {
        let local = LocalExecutor::new();
        let kept = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&kept);
        local.block_on(local.spawn(poll_fn(move |cx| {
            *keep.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        })));
        let late: Waker = kept.take().unwrap();
        let polls = Rc::new(Cell::new(0));
        let (counted, keep) = (Rc::clone(&polls), Rc::clone(&kept));
        // It has the slot of the one that ended.
        let _next = local.spawn(poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            *keep.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        local.block_on(yield_now());
        late.wake_by_ref();
        local.block_on(async {
            late.wake_by_ref();
            yield_now().await;
        });
        thread::spawn(move || late.wake()).join().unwrap();
        local.block_on(yield_now());
        assert_eq!(polls.get(), 1);
        // Its own is heard all the same.
        kept.take().unwrap().wake();
        local.block_on(yield_now());
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn dropping_the_executor_drops_every_future_and_a_handle_says_what_came_of_its_task() {
    watched(|| {
        let local = LocalExecutor::new();
        let (dropped, mut stuck) = (Count::new(), Vec::new());
        for n in 0..100 {
            let guard = dropped.on_drop();
            let task = local.spawn(async move {
                // Without a waker left anywhere, with one, and never polled.
                if n % 2 == 0 {
                    yield_now().await;
                }
                pending::<()>().await;
                drop(guard);
            });
            stuck.push(task);
        }
        let done = local.spawn(async { Rc::new(7) });
        local.block_on(async {
            while !done.is_finished() {
                yield_now().await;
            }
        });
        local.spawn(dropping(dropped.on_drop())).detach();
        drop(local);
        assert_eq!(dropped.get(), 101);
        let other = LocalExecutor::new();
        for task in stuck {
            assert!(task.is_finished());
            assert!(other.block_on(task.join()).unwrap_err().is_cancelled());
        }
        assert_eq!(*other.block_on(done), 7);
    });
}

async fn dropping<T>(kept: T) {
    drop(kept);
}

#[test]
fn a_future_that_spawns_wakes_and_drops_in_its_drop_loses_nothing() {
    watched(|| {
        let local = LocalExecutor::new();
        let dropped = Count::new();
        let (tell, told) = oneshot::channel::<()>();
        let guard = dropped.on_drop();
        let waiting = local.spawn(async move {
            let _ = told.await;
            drop(guard);
            pending::<()>().await;
        });
        let (count, inner) = (dropped.clone(), RefCell::new(Some((tell, waiting))));
        let bomb = OnDrop(move || {
            let guard = count.on_drop();
            let late = spawn_local(async move { drop(guard) });
            assert!(late.is_finished());
            drop(inner.take());
        });
        local.spawn(pending_forever(bomb)).detach();
        local.block_on(yield_now());
        drop(local);
        assert_eq!(dropped.get(), 2);
    });
}

/// Pending for ever; `kept` is dropped with it.
async fn pending_forever<T>(kept: T) {
    pending::<()>().await;
    drop(kept);
}

thread_local! {
    static KEPT: RefCell<Option<LocalExecutor>> = const { RefCell::new(None) };
}

#[test]
fn an_executor_kept_in_a_thread_local_ends_with_its_thread() {
    watched(|| {
        for early in [false, true] {
            let (dropped, strayed) = (Count::new(), Count::new());
            let (give, take) = std::sync::mpsc::channel();
            let (count, stray) = (dropped.clone(), strayed.clone());
            let thread = thread::spawn(move || {
                if early {
                    KEPT.set(Some(LocalExecutor::new()));
                }
                let local = LocalExecutor::new();
                let home = thread::current().id();
                let guard = OnDrop(move || {
                    if thread::current().id() != home {
                        stray.add();
                    }
                    count.add();
                });
                let task = local.spawn(async move {
                    poll_fn::<(), _>(|cx| {
                        give.send(cx.waker().clone()).unwrap();
                        Poll::Pending
                    })
                    .await;
                    drop(guard);
                });
                local.block_on(yield_now());
                task.detach();
                KEPT.set(Some(local));
            });
            thread.join().unwrap();
            assert_eq!((dropped.get(), strayed.get()), (1, 0));
            // Woken when its thread is no more.
            take.into_iter().for_each(Waker::wake);
        }
    });
}

#[test]
fn a_chain_of_a_million_tasks_that_own_the_next_handle_does_not_recurse() {
    watched(|| {
        let local = LocalExecutor::new();
        let mut next: Option<LocalHandle<()>> = None;
        for _ in 0..1_000_000 {
            let owned = next.take();
            next = Some(local.spawn(async move { pending_forever(owned).await }));
        }
        drop(next);
        step("the futures");
        drop(local);
        step("the outputs");
        let local = LocalExecutor::new();
        let mut next: Option<LocalHandle<Boxed>> = None;
        for _ in 0..1_000_000 {
            let owned = next.take();
            next =
                Some(local.spawn(async move { Boxed(owned.map(|handle| Box::new(handle) as _)) }));
        }
        local.block_on(async {
            // The first turn of all.
            spawn_local(async {}).await;
        });
        drop(next);
        drop(local);
    });
}

/// An output that owns something of another type.
struct Boxed(#[expect(dead_code, reason = "only its drop matters")] Option<Box<dyn std::any::Any>>);

#[test]
fn cycles_of_tasks_and_their_handles_end_with_the_executor() {
    watched(|| {
        let local = LocalExecutor::new();
        let dropped = Count::new();
        let handles: Rc<RefCell<HashSet<u8>>> = Rc::default();
        let own: Rc<RefCell<Option<LocalHandle<()>>>> = Rc::default();
        let (kept, guard) = (Rc::clone(&own), dropped.on_drop());
        let task = local.spawn(async move {
            pending::<()>().await;
            drop((kept, guard));
        });
        *own.borrow_mut() = Some(task);
        drop((own, handles));
        local.block_on(yield_now());
        assert_eq!(dropped.get(), 0);
        drop(local);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn hundreds_that_are_woken_at_once_by_a_task_of_the_workers_all_run() {
    const NUMBER: usize = 500;
    crate::support::with_workers(|executor| {
        step("all of them");
        let ran = executor.block_on(async {
            let local = LocalExecutor::new();
            let (give, given) = async_channel::unbounded();
            let telling = spawn(async move {
                let mut tellers = Vec::new();
                for _ in 0..NUMBER {
                    let (tell, told) = oneshot::channel::<()>();
                    tellers.push(tell);
                    give.send(told).await.unwrap();
                }
                yield_now().await;
                tellers.into_iter().for_each(|tell| tell.send(()).unwrap());
            });
            let ran = Rc::new(Cell::new(0));
            let counted = Rc::clone(&ran);
            let mut tasks = Vec::new();
            let driven = async {
                // Woken by the other task as well.
                while let Ok(told) = given.recv().await {
                    let ran = Rc::clone(&counted);
                    tasks.push(spawn_local(async move {
                        told.await.unwrap();
                        ran.set(ran.get() + 1);
                    }));
                }
                futures::future::join_all(tasks).await;
            };
            local.run(driven).await;
            telling.await;
            ran.get()
        });
        assert_eq!(ran, NUMBER);
    });
}
