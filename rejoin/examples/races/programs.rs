//! The programs: each broken across an await, and mended.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use rejoin::{WaitGroup, spawn, yield_now};

pub(crate) type Program = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Race {
    pub(crate) name: &'static str,
    pub(crate) broken: fn() -> Program,
    pub(crate) fixed: fn() -> Program,
}

pub(crate) const RACES: [Race; 3] = [
    Race {
        name: "a notification missed between check and wait",
        broken: || Box::pin(notification(true)),
        fixed: || Box::pin(notification(false)),
    },
    Race {
        name: "check, then act",
        broken: || Box::pin(withdrawal(true)),
        fixed: || Box::pin(withdrawal(false)),
    },
    Race {
        name: "a wait group held by its own waiter",
        broken: || Box::pin(own_waiter(true)),
        fixed: || Box::pin(own_waiter(false)),
    },
];

/// So long does a request take: a few turns of the executor.
async fn work() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// Opens once, and then tells those that wait.
#[derive(Default)]
struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    fn is_open(&self) -> bool {
        self.0.lock().unwrap().0
    }

    fn open(&self) {
        let waiting = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Until the gate changes: one that has changed already does not change again.
    async fn changed(&self) {
        let mut asked = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            self.0.lock().unwrap().1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Looks and waits under one lock, so nothing can come between.
    async fn opened(&self) {
        poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn notification(broken: bool) {
    let gate = Arc::new(Gate::default());
    let guest = {
        let gate = Arc::clone(&gate);
        spawn(async move {
            if broken {
                if !gate.is_open() {
                    yield_now().await; // "waiting for the gate", says the log
                    gate.changed().await;
                }
            } else {
                gate.opened().await;
            }
        })
    };
    let porter = spawn(async move {
        work().await;
        gate.open();
    });
    porter.await;
    guest.await;
}

async fn withdrawal(broken: bool) {
    let balance = Arc::new(AtomicU32::new(100));
    let withdraw = move |balance: Arc<AtomicU32>| async move {
        if broken {
            if balance.load(SeqCst) < 100 {
                return 0;
            }
            yield_now().await; // asks the bank
            balance.fetch_sub(100, SeqCst);
            return 100;
        }
        yield_now().await;
        let left = balance.fetch_update(SeqCst, SeqCst, |balance| balance.checked_sub(100));
        left.map_or(0, |_| 100)
    };
    let first = spawn(withdraw(Arc::clone(&balance)));
    let second = spawn(async move {
        work().await;
        withdraw(balance).await
    });
    assert_eq!(first.await + second.await, 100, "paid out");
}

async fn own_waiter(broken: bool) {
    let group = WaitGroup::new();
    let loaded = Arc::new(AtomicBool::new(false));
    let loader = {
        let (worker, loaded) = (group.clone(), Arc::clone(&loaded));
        spawn(async move {
            loaded.store(true, SeqCst);
            drop(worker);
        })
    };
    let indexer = {
        let worker = group.clone();
        spawn(async move {
            yield_now().await;
            if !loaded.load(SeqCst) {
                // The rare case: not loaded yet. Waits for all, and is one of them.
                if broken {
                    worker.waiter().await;
                } else {
                    worker.wait().await;
                }
                assert!(loaded.load(SeqCst));
            }
        })
    };
    group.wait().await;
    loader.await;
    indexer.await;
}
