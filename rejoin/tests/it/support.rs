//! Executors of every size, and what tests wait with. Nothing here looks at a clock.

use std::any::type_name;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use rejoin::Executor;

use crate::watchdog::{step, watchdog};

/// The numbers of workers that every situation is run with.
pub(crate) const SIZES: [usize; 4] = [1, 2, 4, 16];

/// Runs `test` on executors of every size, under a watchdog that knows its name.
pub(crate) fn with_workers<T: Fn(&Executor)>(test: T) {
    for workers in SIZES {
        on_workers(workers, &test);
    }
}

/// Runs `test` on an executor with so many workers, under a watchdog that knows its name.
pub(crate) fn on_workers<T: Fn(&Executor)>(workers: usize, test: &T) {
    let _watchdog = watchdog(format!("{} with {workers} workers", name_of::<T>()));
    let executor = executor(workers);
    test(&executor);
    step("the end of the executor");
    drop(executor);
}

/// Runs `test` under a watchdog that knows its name.
pub(crate) fn watched<T: FnOnce()>(test: T) {
    let _watchdog = watchdog(name_of::<T>());
    test();
}

/// The path of the function whose closure `T` is.
fn name_of<T>() -> &'static str {
    type_name::<T>().trim_end_matches("::{{closure}}")
}

pub(crate) fn executor(workers: usize) -> Executor {
    Executor::builder().threads(workers).build().unwrap()
}

/// What `f` panics with, as text.
pub(crate) fn panic_message<R>(f: impl FnOnce() -> R) -> String {
    let Err(thrown) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("expected a panic");
    };
    match thrown.downcast::<String>() {
        Ok(text) => *text,
        Err(thrown) => thrown
            .downcast::<&str>()
            .map_or_else(|_| String::new(), |text| text.to_string()),
    }
}

/// A number that threads can wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<(Mutex<usize>, Condvar)>);

impl Count {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.1.notify_all();
    }

    pub(crate) fn get(&self) -> usize {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until the number is at least `least`.
    pub(crate) fn wait_for(&self, least: usize) {
        let mut number = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *number < least {
            number = self
                .0
                .1
                .wait(number)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Something that counts when it is dropped.
    pub(crate) fn on_drop(&self) -> OnDrop<impl FnMut() + Send + 'static> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Counts what wakes it.
impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.add();
    }
}

/// Runs a function when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Polls `future` once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Pending for ever; `kept` is dropped with it.
pub(crate) async fn pending_with<T>(kept: T) {
    std::future::pending::<()>().await;
    drop(kept);
}

/// Spins until `done`. For the inside of polls that must not give their worker back.
pub(crate) fn spin_until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}
