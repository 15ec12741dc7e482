//! The steps behind one trait, and what many tests need.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};

/// An executor of the ladder.
pub(crate) trait Step: Clone + Send + Sync + 'static {
    /// Awaits the output.
    type Handle<T: Send + 'static>: Future<Output = T> + Send + Unpin + 'static;

    fn start(threads: usize) -> Self;

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static;
}

/// A step whose handles cancel.
pub(crate) trait Cancels: Step {
    fn cancel<T: Send + 'static>(handle: Self::Handle<T>)
    -> impl Future<Output = Option<T>> + Send;
}

/// A step that counts what goes through its shared queue.
pub(crate) trait Counts: Step {
    fn shared_pushes(&self) -> u64;
}

macro_rules! step {
    ($($version:ident)+) => {
        $(
            #[allow(non_camel_case_types, reason = "the modules' names, as one reads them")]
            pub(crate) type $version = rejoin_ladder::$version::Executor;

            impl Step for $version {
                type Handle<T: Send + 'static> = rejoin_ladder::$version::JoinHandle<T>;

                fn start(threads: usize) -> Self {
                    rejoin_ladder::$version::Executor::start(threads)
                }

                fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
                where
                    F: Future<Output: Send + 'static> + Send + 'static,
                {
                    rejoin_ladder::$version::Executor::spawn(self, future)
                }
            }

            impl Counts for $version {
                fn shared_pushes(&self) -> u64 {
                    rejoin_ladder::$version::Executor::shared_pushes(self)
                }
            }
        )+
    };
}

macro_rules! cancels {
    ($($version:ident)+) => {
        $(
            impl Cancels for $version {
                fn cancel<T: Send + 'static>(
                    handle: Self::Handle<T>,
                ) -> impl Future<Output = Option<T>> + Send {
                    handle.cancel()
                }
            }
        )+
    };
}

step!(v1 v2 v3 v4 v5);
cancels!(v3 v4 v5 rejoin);

/// The top of the ladder.
#[allow(non_camel_case_types, reason = "as the others")]
pub(crate) type rejoin = Arc<::rejoin::Executor>;

impl Step for rejoin {
    type Handle<T: Send + 'static> = ::rejoin::JoinHandle<T>;

    fn start(threads: usize) -> Self {
        let executor = ::rejoin::Executor::builder().threads(threads).build();
        Arc::new(executor.expect("threads start"))
    }

    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        ::rejoin::Executor::spawn(self, future)
    }
}

/// Lets other tasks run: wakes itself and waits to be polled again.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Occupies the one worker of `executor` until what is returned is dropped.
pub(crate) fn occupy(executor: &impl Step) -> mpsc::Sender<()> {
    let (release, wait) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    drop(executor.spawn(async move {
        tell.send(()).expect("the test waits");
        // A poll that blocks: what no task should do.
        let _ = wait.recv();
    }));
    told.recv().expect("the task runs");
    release
}

/// Counts how often it is polled, hands out its waker, and is ready once told so.
#[derive(Clone, Default)]
pub(crate) struct Probe(Arc<Inner>);

#[derive(Default)]
struct Inner {
    polls: AtomicUsize,
    wanted: AtomicUsize,
}

impl Probe {
    /// Ready at the `wanted`-th poll.
    pub(crate) fn ready_after(wanted: usize) -> Self {
        let probe = Self::default();
        probe.0.wanted.store(wanted, Ordering::SeqCst);
        probe
    }

    pub(crate) fn polls(&self) -> usize {
        self.0.polls.load(Ordering::SeqCst)
    }

    /// A future that sends its waker at each poll.
    pub(crate) fn future(
        &self,
    ) -> (
        impl Future<Output = ()> + Send + use<>,
        mpsc::Receiver<Waker>,
    ) {
        let (tell, told) = mpsc::channel();
        let inner = Arc::clone(&self.0);
        let future = poll_fn(move |cx| {
            let polls = inner.polls.fetch_add(1, Ordering::SeqCst) + 1;
            // The test may have seen enough.
            let _ = tell.send(cx.waker().clone());
            if polls < inner.wanted.load(Ordering::SeqCst) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });
        (future, told)
    }
}

/// Sends when it is dropped.
pub(crate) struct OnDrop(pub(crate) mpsc::Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
