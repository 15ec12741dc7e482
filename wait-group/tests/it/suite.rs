//! What must hold on every runtime, and for plain threads.
//!
//! The cases are generic in [`Runtime`] and use nothing of this crate's tests but this file, so that
//! another crate can run them on a runtime of its own:
//!
//! ```text
//! #[path = "../../../wait-group/tests/it/suite.rs"]
//! mod suite;
//!
//! struct Rejoin;
//!
//! impl suite::Runtime for Rejoin {
//!     fn spawn(future: impl Future<Output = ()> + Send + 'static) { … }
//!     fn block_on<T>(future: impl Future<Output = T>) -> T { … }
//! }
//!
//! suite::on!(rejoin, Rejoin);
//! ```
//!
//! The crate needs `rejoin-wait-group` among its dependencies, and nothing else. Every case has a
//! watchdog that ends the process and says which case hung, on which runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use rejoin_wait_group::WaitGroup;

/// Much longer than any case takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Somewhere to run tasks.
pub(crate) trait Runtime {
    /// Starts a task that nobody waits for.
    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    /// Drives a future to its end, on the calling thread or elsewhere.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
}

/// Defines the module `$name` with all cases as tests on the runtime `$runtime`.
macro_rules! on {
    ($name:ident, $runtime:ty) => {
        mod $name {
            $crate::suite::cases!($runtime:
                all_workers_are_waited_for,
                a_group_that_is_done_is_ready_at_once,
                what_workers_wrote_is_visible,
                workers_may_make_workers,
                many_waiters_in_many_tasks_are_all_woken,
                tasks_and_threads_wait_together,
                a_worker_that_panics_is_done,
                a_waiter_moves_between_tasks,
                waiters_that_are_given_up_do_not_disturb_the_rest,
                a_tree_of_groups_completes_from_the_leaves_up,
                shutdown_misses_nobody,
                a_bounded_wait_gives_the_waiter_back,
                a_storm_of_small_groups,
            );
        }
    };
}
pub(crate) use on;

macro_rules! cases {
    ($runtime:ty: $($case:ident,)*) => {
        $(
            #[test]
            fn $case() {
                let case = concat!(stringify!($runtime), ": ", stringify!($case));
                $crate::suite::watched(case, $crate::suite::$case::<$runtime>);
            }
        )*
    };
}
pub(crate) use cases;

/// Runs `case`, and ends the process with its name if it hangs.
pub(crate) fn watched(name: &'static str, case: fn()) {
    let (alive, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PATIENCE) {
            eprintln!("hung: {name}");
            std::process::exit(101);
        }
    });
    case();
    drop(alive);
}

/// Lets other tasks run once.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub(crate) fn all_workers_are_waited_for<R: Runtime>() {
    let finished = Arc::new(AtomicUsize::new(0));
    let group = WaitGroup::new();
    for _ in 0..100 {
        let (worker, finished) = (group.clone(), Arc::clone(&finished));
        R::spawn(async move {
            give_way().await;
            finished.fetch_add(1, Relaxed);
            drop(worker);
        });
    }
    R::block_on(async { group.await });
    assert_eq!(finished.load(Relaxed), 100);
}

pub(crate) fn a_group_that_is_done_is_ready_at_once<R: Runtime>() {
    R::block_on(async {
        let group = WaitGroup::new();
        let wait = group.waiter();
        group.wait().await;
        wait.await;
    });
}

pub(crate) fn what_workers_wrote_is_visible<R: Runtime>() {
    for _ in 0..300 {
        let written = Arc::new([const { AtomicUsize::new(0) }; 4]);
        let group = WaitGroup::new();
        for index in 0..4 {
            let written = Arc::clone(&written);
            R::spawn(group.track(async move { written[index].store(1, Relaxed) }));
        }
        let seen = R::block_on(async {
            group.wait().await;
            written.each_ref().map(|flag| flag.load(Relaxed))
        });
        assert_eq!(seen, [1; 4]);
    }
}

pub(crate) fn workers_may_make_workers<R: Runtime>() {
    fn fork<R: Runtime>(worker: WaitGroup, depth: usize, count: Arc<AtomicUsize>) {
        R::spawn(async move {
            count.fetch_add(1, Relaxed);
            if depth > 0 {
                fork::<R>(worker.clone(), depth - 1, Arc::clone(&count));
                fork::<R>(worker.clone(), depth - 1, count);
            }
            drop(worker);
        });
    }

    let count = Arc::default();
    let group = WaitGroup::new();
    fork::<R>(group.clone(), 5, Arc::clone(&count));
    R::block_on(group.wait());
    assert_eq!(count.load(Relaxed), 63);
}

pub(crate) fn many_waiters_in_many_tasks_are_all_woken<R: Runtime>() {
    let group = WaitGroup::new();
    let woken = WaitGroup::new();
    for _ in 0..50 {
        let wait = group.waiter();
        R::spawn(woken.track(wait));
    }
    R::spawn(async move {
        give_way().await;
        group.done();
    });
    R::block_on(woken.wait());
}

pub(crate) fn tasks_and_threads_wait_together<R: Runtime>() {
    let group = WaitGroup::new();
    let woken = WaitGroup::new();
    let threads = [(); 3].map(|()| {
        let (wait, worker) = (group.waiter(), woken.clone());
        thread::spawn(move || {
            by_thread(wait);
            drop(worker);
        })
    });
    for _ in 0..3 {
        R::spawn(woken.track(group.waiter()));
    }
    R::spawn(async move { drop(group) });
    R::block_on(woken.wait());
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Polls on a plain thread, with and without std.
fn by_thread(mut wait: rejoin_wait_group::Wait) {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Unpark(thread::current())).into();
    while Pin::new(&mut wait)
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        thread::park();
    }
}

pub(crate) fn a_worker_that_panics_is_done<R: Runtime>() {
    let group = WaitGroup::new();
    let worker = group.clone();
    R::spawn(async move {
        let _worker = worker;
        give_way().await;
        // No message: the panic is on purpose.
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    R::block_on(group.wait());
}

pub(crate) fn a_waiter_moves_between_tasks<R: Runtime>() {
    let group = WaitGroup::new();
    let mut wait = group.waiter();
    R::block_on(std::future::poll_fn(|cx| {
        assert!(Pin::new(&mut wait).poll(cx).is_pending());
        Poll::Ready(())
    }));
    let moved = WaitGroup::new();
    R::spawn(moved.track(wait));
    R::spawn(async move { drop(group) });
    R::block_on(moved.wait());
}

pub(crate) fn waiters_that_are_given_up_do_not_disturb_the_rest<R: Runtime>() {
    for _ in 0..100 {
        let group = WaitGroup::new();
        let ended = WaitGroup::new();
        for index in 0..8 {
            let mut wait = group.waiter();
            R::spawn(ended.track(async move {
                if index % 2 == 0 {
                    // Polls once and goes.
                    std::future::poll_fn(|cx| {
                        let _ = Pin::new(&mut wait).poll(cx);
                        Poll::Ready(())
                    })
                    .await;
                } else {
                    wait.await;
                }
            }));
        }
        R::spawn(async move { drop(group) });
        R::block_on(ended.wait());
    }
}

pub(crate) fn a_tree_of_groups_completes_from_the_leaves_up<R: Runtime>() {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let root = WaitGroup::new();
    for branch in 0..3 {
        let child = root.child();
        for leaf in 0..3 {
            let ended = Arc::clone(&ended);
            R::spawn(child.child().track(async move {
                give_way().await;
                ended.lock().unwrap().push((branch, leaf));
            }));
        }
    }
    R::block_on(root.wait());
    assert_eq!(ended.lock().unwrap().len(), 9);
}

pub(crate) fn shutdown_misses_nobody<R: Runtime>() {
    for _ in 0..100 {
        let open = WaitGroup::new();
        let door = open.waiter();
        let (served, asked) = (Arc::new(AtomicUsize::new(0)), WaitGroup::new());
        let accepted = Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let (door, served) = (door.clone(), Arc::clone(&served));
            let accepted = Arc::clone(&accepted);
            R::spawn(asked.track(async move {
                // An end: while a request is open somewhere, the next one is let in, and four that keep in step
                // would let each other in for ever.
                for _ in 0..100 {
                    let Some(request) = door.try_join() else {
                        break;
                    };
                    accepted.fetch_add(1, Relaxed);
                    give_way().await;
                    served.fetch_add(1, Relaxed);
                    drop(request);
                    give_way().await;
                }
            }));
        }
        drop(open);
        R::block_on(door);
        R::block_on(asked.wait());
        assert_eq!(served.load(Relaxed), accepted.load(Relaxed));
    }
}

pub(crate) fn a_bounded_wait_gives_the_waiter_back<R: Runtime>() {
    let group = WaitGroup::new();
    let worker = group.clone();
    R::block_on(async {
        let (steps, wait) = group.wait().or(async { 3 }).await.unwrap_err();
        assert_eq!((steps, wait.workers()), (3, 1));
        R::spawn(async move { drop(worker) });
        assert!(wait.or(std::future::pending::<()>()).await.is_ok());
    });
}

pub(crate) fn a_storm_of_small_groups<R: Runtime>() {
    let all = WaitGroup::new();
    for _ in 0..50 {
        let storm = all.clone();
        R::spawn(all.track(async move {
            for _ in 0..20 {
                let group = WaitGroup::new();
                for _ in 0..3 {
                    R::spawn(group.track(storm.track(async {})));
                }
                // Several waiters, of which one is polled and given up.
                let mut given_up = group.waiter();
                let _ =
                    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut given_up).poll(cx))).await;
                group.wait().await;
            }
        }));
    }
    R::block_on(all.wait());
}
