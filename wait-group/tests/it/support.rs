//! Wakers to poll with, and a watchdog.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use cooked_waker::{IntoWaker, WakeRef};

/// Much longer than any test takes, and shorter than anyone's patience.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends the process, and says which test hung, if it is not dropped in time.
#[must_use]
pub(crate) struct Watchdog(mpsc::Sender<()>);

/// Watches the calling test; `what` says what it waits for.
pub(crate) fn watch(what: &'static str) -> Watchdog {
    let (alive, ended) = mpsc::channel();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PATIENCE) {
            eprintln!("hung: {test}, waiting for {what}");
            std::process::exit(101);
        }
    });
    Watchdog(alive)
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Polls once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

/// Counts how often it is woken. All its wakers are the same to `Waker::will_wake`.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicUsize);

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(crate) fn rung(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// How many wakers for this bell exist.
    pub(crate) fn wakers(self: &Arc<Self>) -> usize {
        Arc::strong_count(self) - 1
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// The same bell by another waker: the same data under another vtable. It rings twice.
impl WakeRef for Bell {
    fn wake_by_ref(&self) {
        self.0.fetch_add(2, SeqCst);
    }
}

impl Bell {
    pub(crate) fn other_waker(self: &Arc<Self>) -> Waker {
        Arc::clone(self).into_waker()
    }
}

type Action = Box<dyn FnOnce() + Send>;

/// What a [`hooked`](Hooks::waker) waker does, once each, and how often it was cloned, woken, dropped.
#[derive(Default)]
pub(crate) struct Hooks {
    on_clone: Mutex<Option<Action>>,
    on_wake: Mutex<Option<Action>>,
    on_drop: Mutex<Option<Action>>,
    clones: AtomicUsize,
    wakes: AtomicUsize,
    drops: AtomicUsize,
}

impl Hooks {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn on_clone(self: Arc<Self>, action: impl FnOnce() + Send + 'static) -> Arc<Self> {
        *self.on_clone.lock().unwrap() = Some(Box::new(action));
        self
    }

    pub(crate) fn on_wake(self: Arc<Self>, action: impl FnOnce() + Send + 'static) -> Arc<Self> {
        *self.on_wake.lock().unwrap() = Some(Box::new(action));
        self
    }

    pub(crate) fn on_drop(self: Arc<Self>, action: impl FnOnce() + Send + 'static) -> Arc<Self> {
        *self.on_drop.lock().unwrap() = Some(Box::new(action));
        self
    }

    /// A waker with these hooks. Each of its clones is another one to `Waker::will_wake`.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Box::new(Hooked(Arc::clone(self))).into_waker()
    }

    pub(crate) fn clones(&self) -> usize {
        self.clones.load(SeqCst)
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(SeqCst)
    }

    pub(crate) fn drops(&self) -> usize {
        self.drops.load(SeqCst)
    }
}

struct Hooked(Arc<Hooks>);

fn act(hook: &Mutex<Option<Action>>) {
    let action = hook.lock().unwrap().take();
    if let Some(action) = action {
        action();
    }
}

impl Clone for Hooked {
    fn clone(&self) -> Self {
        act(&self.0.on_clone);
        self.0.clones.fetch_add(1, SeqCst);
        Hooked(Arc::clone(&self.0))
    }
}

impl WakeRef for Hooked {
    fn wake_by_ref(&self) {
        self.0.wakes.fetch_add(1, SeqCst);
        act(&self.0.on_wake);
    }
}

impl cooked_waker::Wake for Hooked {}

impl Drop for Hooked {
    fn drop(&mut self) {
        self.0.drops.fetch_add(1, SeqCst);
        act(&self.0.on_drop);
    }
}

/// Calls `f` and gives back the message it panics with.
pub(crate) fn panic_of(f: impl FnOnce()) -> Option<String> {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err()?;
    let text = payload.downcast_ref::<&str>().copied();
    Some(text.unwrap_or("not a text").to_owned())
}
