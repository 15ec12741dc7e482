//! The suite on tokio, on smol and on plain threads, and what is particular to each.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use rejoin_wait_group::WaitGroup;

use crate::suite::{self, Runtime};
use crate::support::watch;

/// tokio's multi-threaded runtime.
struct Tokio;

fn tokio() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .build()
            .expect("tokio starts")
    })
}

impl Runtime for Tokio {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio().spawn(future);
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio().block_on(future)
    }
}

/// smol's global executor.
struct Smol;

impl Runtime for Smol {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(future).detach();
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

/// A thread for each task.
struct Threads;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Runtime for Threads {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        thread::spawn(move || Self::block_on(future));
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let waker = Arc::new(Unpark(thread::current())).into();
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }
}

suite::on!(tokio_multi_thread, crate::runtimes::Tokio);
suite::on!(smol_global, crate::runtimes::Smol);
suite::on!(plain_threads, crate::runtimes::Threads);

#[test]
fn an_aborted_tokio_task_is_done() {
    let _watch = watch("aborted tasks");
    tokio().block_on(async {
        let group = WaitGroup::new();
        let tasks = [(); 10].map(|()| tokio::spawn(group.track(std::future::pending::<()>())));
        for task in &tasks {
            task.abort();
        }
        group.wait().await;
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_cancelled_smol_task_is_done() {
    let _watch = watch("cancelled tasks");
    smol::block_on(async {
        let group = WaitGroup::new();
        let task = smol::spawn(group.track(std::future::pending::<()>()));
        let wait = group.wait();
        assert!(task.cancel().await.is_none());
        wait.await;
    });
}

#[test]
fn a_tokio_timeout_bounds_a_wait() {
    let _watch = watch("a timeout");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let group = WaitGroup::new();
        let worker = group.clone();
        let mut wait = group.wait();
        let timeout = std::time::Duration::from_millis(1);
        assert!(tokio::time::timeout(timeout, &mut wait).await.is_err());
        assert_eq!(wait.workers(), 1);
        drop(worker);
        assert!(tokio::time::timeout(timeout, wait).await.is_ok());
    });
}
