//! Names the test that hangs and what it was waiting for, and ends the process.

use std::cell::RefCell;
use std::io::Write;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Much longer than any test takes. Multiplied by the number in [`FACTOR`], for slow machines.
const PATIENCE: Duration = Duration::from_secs(60);
const FACTOR: &str = "REJOIN_TEST_PATIENCE";

/// Watches one test until it is dropped.
#[must_use = "watches only while it lives"]
pub(crate) struct Watchdog {
    id: u64,
}

struct Watched {
    id: u64,
    name: String,
    step: &'static str,
    deadline: Instant,
}

#[derive(Default)]
struct Kennel {
    watched: Vec<Watched>,
    next: u64,
}

static KENNEL: LazyLock<Mutex<Kennel>> = LazyLock::new(|| {
    thread::spawn(watch);
    Mutex::default()
});
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// The watchdogs of this thread, the innermost last.
    static OWN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn kennel() -> MutexGuard<'static, Kennel> {
    KENNEL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches the test `name`.
pub(crate) fn watchdog(name: impl Into<String>) -> Watchdog {
    let factor = std::env::var(FACTOR)
        .ok()
        .and_then(|text| text.parse().ok());
    let deadline = Instant::now() + PATIENCE.mul_f64(factor.unwrap_or(1.0));
    let mut kennel = kennel();
    let id = kennel.next;
    kennel.next += 1;
    kennel.watched.push(Watched {
        id,
        name: name.into(),
        step: "its first step",
        deadline,
    });
    drop(kennel);
    CHANGED.notify_all();
    OWN.with_borrow_mut(|own| own.push(id));
    Watchdog { id }
}

/// Says what the calling thread's test waits for from now on.
pub(crate) fn step(what: &'static str) {
    let innermost = OWN.with_borrow(|own| own.last().copied());
    let mut kennel = kennel();
    let watched = kennel
        .watched
        .iter_mut()
        .find(|one| Some(one.id) == innermost);
    if let Some(watched) = watched {
        watched.step = what;
    }
}

fn watch() {
    let mut kennel = kennel();
    loop {
        let now = Instant::now();
        if let Some(hung) = kennel.watched.iter().find(|one| one.deadline <= now) {
            let line = format!("\nHUNG: {}, waiting for {}\n", hung.name, hung.step);
            // Not by `eprintln!`, which the test harness would capture.
            let _ = std::io::stderr().write_all(line.as_bytes());
            std::process::abort();
        }
        let next = kennel.watched.iter().map(|one| one.deadline).min();
        let wait = next.map_or(PATIENCE, |deadline| deadline.saturating_duration_since(now));
        let woken = CHANGED.wait_timeout(kennel, wait);
        kennel = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        OWN.with_borrow_mut(|own| own.retain(|&id| id != self.id));
        kennel().watched.retain(|one| one.id != self.id);
    }
}
