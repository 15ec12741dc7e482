//! A place for idle workers to sleep in that also hears of I/O: a [`Driver`].
//!
//! Nobody needs this but a crate that brings sockets and timers, such as `rejoin-io`. It calls [`install`]
//! once; from then on one idle worker of the process sleeps in the driver's [`wait`](Driver::wait) instead of
//! on its own, and wakes the tasks that the driver names. No thread is added, and between an event and the
//! poll of its task there is no hand-off.
//!
//! # What the driver can rely on
//!
//! - At most one thread is in [`wait`](Driver::wait) at a time, and what it returns is woken by that thread
//!   at once, with no lock held and nobody kept from the driver.
//! - While any worker of any executor is idle, somebody waits, or will have looked after 500 microseconds at most.
//! - While all are busy, each looks, without waiting, once in 61 polls, or in 3 if they are long.
//! - There is an executor as long as there is a driver in use: if no other is, the global one is started.
//!
//! Simulated executors have no driver.
//!
//! # Invariant
//!
//! While a worker is parked, the post (the right to be in the driver) is taken, or some worker is the
//! watcher, which looks into the driver at each of its ticks, or somebody who is awake will see to it before he
//! runs a task.
//!
//! # Why it holds
//!
//! Each side speaks before it looks, as in [`idle`](crate::idle):
//!
//! - a worker (1) enters its executor's counts as parked, (2) fences, (3) tries to take the post, (4) parks
//!   elsewhere if it is taken;
//! - who leaves the post or the watch to run something (a) says so, (b) fences, (c) reads the post and the
//!   counts; if the post is free and somebody is parked, it calls a watcher (`relieve`).
//!
//! One of the fences is first. If (2) is, step (c) sees the worker parked. If (b) is, step (3) finds the post
//! free. Who leaves is content with a watcher of its own executor and looks at others only if none is
//! parked there; a watcher that gets up is who leaves in its turn. A driver that is installed late is a post
//! that somebody left.
//!
//! A wake from outside finds the worker in the driver by the same parker as ever: a third state of
//! it says that the sleeper must be interrupted there (`parker`).
//!
//! `model::driver` fails without either fence, and if the parker forgets the third state.

use std::fmt;
use std::sync::OnceLock;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::executor;
use crate::executor_builder::BuildError;
use crate::idle::Idle;
use crate::scheduler::{self, Scheduler};
use crate::sync::{AtomicBool, Ordering, StaticUsize, fence};

/// Something that waits for events in place of an idle worker, and says whom they wake. See the
/// [module](self).
///
/// # Examples
///
/// A driver that knows of no event but being interrupted:
///
/// ```
/// use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
/// use std::sync::{Mutex, OnceLock};
/// use std::task::Waker;
/// use std::time::Duration;
///
/// use rejoin::driver::{self, Driver};
///
/// struct Bell(SyncSender<()>, Mutex<Receiver<()>>);
///
/// impl Driver for Bell {
///     fn wait(&self, timeout: Option<Duration>, _woken: &mut Vec<Waker>) {
///         let rung = self.1.lock().unwrap();
///         let _ = match timeout {
///             Some(timeout) => rung.recv_timeout(timeout).ok(),
///             None => rung.recv().ok(),
///         };
///     }
///
///     fn interrupt(&self) {
///         let _ = self.0.try_send(());
///     }
///
///     fn is_in_use(&self) -> bool {
///         false
///     }
/// }
///
/// static BELL: OnceLock<Bell> = OnceLock::new();
/// let (ring, rung) = sync_channel(1);
/// driver::install(BELL.get_or_init(|| Bell(ring, Mutex::new(rung))))?;
/// assert_eq!(rejoin::block_on(rejoin::spawn(async { 7 })), 7);
/// # Ok::<(), driver::InstallError>(())
/// ```
pub trait Driver: Sync {
    /// Waits for an event, for [`interrupt`](Self::interrupt), or for `timeout` to pass, if there is one; a
    /// timeout of zero only looks. Adds to `woken` who is to be woken for what happened.
    ///
    /// May return for no reason. Must not run code of users: what it has to wake it adds.
    fn wait(&self, timeout: Option<Duration>, woken: &mut Vec<Waker>);

    /// Ends the current [`wait`](Self::wait) soon, or the next one at once if there is none.
    fn interrupt(&self);

    /// Whether anybody waits for an event; asked when the last executor is gone. If so, the global one
    /// is started.
    fn is_in_use(&self) -> bool;
}

/// The driver, and who is in it.
pub(crate) struct Post {
    driver: &'static dyn Driver,
    taken: AtomicBool,
}

static POST: OnceLock<Post> = OnceLock::new();

/// Executors that have threads; simulated ones do not count.
static EXECUTORS: StaticUsize = StaticUsize::new(0);

/// Makes `driver` the one of this process, and sees to it that somebody drives it: if there is no
/// executor, the global one is started.
///
/// Costs nothing later but what [`Driver`] says. There is no way back. To install the same one again does nothing more than
/// [`ensure`].
///
/// # Errors
///
/// Fails if there is another driver already, or if the global executor is needed and cannot be started; it is
/// installed all the same then, and [`ensure`] may try again.
///
/// # Examples
///
/// See [`Driver`].
pub fn install(driver: &'static dyn Driver) -> Result<(), InstallError> {
    let post = POST.get_or_init(|| Post::new(driver));
    if !std::ptr::addr_eq(post.driver, driver) {
        return Err(InstallError(None));
    }
    ensure()?;
    // Those that lay down before there was a driver.
    relieve(None);
    Ok(())
}

/// Sees to it that somebody drives the driver: starts the global executor if there is none. Costs a fence and a
/// load if there is.
///
/// To be called when the driver has come into use; see [`Driver::is_in_use`].
///
/// # Errors
///
/// Fails if the global executor cannot be started.
///
/// # Examples
///
/// ```
/// rejoin::driver::ensure()?;
/// # Ok::<(), rejoin::driver::InstallError>(())
/// ```
#[inline]
pub fn ensure() -> Result<(), InstallError> {
    // Ordering: Relaxed, behind a fence whose partner is the one in `executor_ends`: either this sees that the
    // last executor is gone, or that one sees that the driver is in use.
    fence(Ordering::SeqCst);
    if EXECUTORS.load(Ordering::Relaxed) > 0 {
        return Ok(());
    }
    executor::start_global_if_none().map_err(|error| InstallError(Some(error)))
}

/// An executor has started.
pub(crate) fn executor_starts(has_driver: bool) {
    if has_driver {
        // Ordering: Relaxed; see `ensure`.
        EXECUTORS.fetch_add(1, Ordering::Relaxed);
    }
}

/// An executor has ended, and if it was the last one, the global one takes over from it.
pub(crate) fn executor_ends(has_driver: bool) {
    // Ordering: Relaxed; who counts it out looks at the driver afterwards, behind the fence.
    if !has_driver || EXECUTORS.fetch_sub(1, Ordering::Relaxed) > 1 {
        return;
    }
    // The fence's partner is the one in `ensure`.
    fence(Ordering::SeqCst);
    if POST.get().is_some_and(|post| post.driver.is_in_use()) {
        // Nobody to tell; whoever waits next tries again and hears of it.
        let _ = ensure();
    }
}

/// The post, if there is a driver.
#[inline]
pub(crate) fn post() -> Option<&'static Post> {
    POST.get()
}

/// Ends the wait of whoever is in the driver. Called by the parker of who sleeps there.
#[cfg(not(all(test, rejoin_model)))]
pub(crate) fn interrupt() {
    if let Some(post) = POST.get() {
        post.driver.interrupt();
    }
}

#[cfg(all(test, rejoin_model))]
pub(crate) use crate::model::driver::interrupt;

/// After the calling thread left the post or the watch of `own` to run something, or `own` altogether: sees to
/// it that somebody who is parked looks into the driver.
pub(crate) fn relieve(own: Option<&'static Scheduler>) {
    let Some(post) = post() else { return };
    let stays = own.filter(|own| !own.is_leaving());
    let others = scheduler::all()
        .filter(|other| other.has_driver() && !own.is_some_and(|own| std::ptr::eq(own, *other)));
    post.relieve(
        stays
            .into_iter()
            .chain(others)
            .map(|scheduler| &scheduler.idle),
    );
}

/// The fence (b) of the proof. Its partner is the one in [`Idle::lie_down`](crate::idle::Idle::lie_down).
#[inline]
fn leavers_fence() {
    #[cfg(all(test, rejoin_model))]
    if !crate::model::has(crate::model::Fence::Leaver) {
        return;
    }
    fence(Ordering::SeqCst);
}

impl Post {
    pub(crate) fn new(driver: &'static dyn Driver) -> Self {
        Self {
            driver,
            taken: AtomicBool::new(false),
        }
    }

    /// After the calling thread left: calls a watcher in the first of `idles` where somebody is parked.
    pub(crate) fn relieve<'a>(&self, mut idles: impl Iterator<Item = &'a Idle>) {
        leavers_fence();
        // Who has the post sees to it when he leaves.
        if self.is_taken() {
            return;
        }
        if let Some(idle) = idles.find(|idle| idle.anybody_parked()) {
            idle.call_watcher();
        }
    }

    /// Whether somebody is in the driver.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        // Ordering: Relaxed. Where a stale answer would matter, the caller has fenced.
        self.taken.load(Ordering::Relaxed)
    }

    /// Takes the post, if it is free; left by the drop of what comes back.
    pub(crate) fn take(&self) -> Option<Taken<'_>> {
        if self.is_taken() {
            return None;
        }
        // Ordering: Acquire pairs with the Release in the drop of `Taken`: one holder after another.
        self.taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then_some(Taken(self))
    }
}

/// The post, in the hands of one thread.
pub(crate) struct Taken<'a>(&'a Post);

impl Taken<'_> {
    /// See [`Driver::wait`].
    pub(crate) fn wait(&self, timeout: Option<Duration>, woken: &mut Vec<Waker>) {
        self.0.driver.wait(timeout, woken);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // Ordering: Release; see `take`. Who drops it fences before it looks at who sleeps.
        self.0.taken.store(false, Ordering::Release);
    }
}

/// When one worker that is busy looks into the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    /// When it last did, and at which of its ticks.
    last: Option<(Instant, u32)>,
    /// Polls are so long that it should look more often.
    pub(crate) hurry: bool,
}

impl Turns {
    pub(crate) const NEW: Self = Self {
        last: None,
        hurry: false,
    };

    /// The turns after a look at this `tick`.
    pub(crate) fn after(self, tick: u32) -> Self {
        let now = Instant::now();
        let hurry = self.last.is_some_and(|(last, before)| {
            crate::policy::polls_are_long(tick.wrapping_sub(before), now - last)
        });
        Self {
            last: Some((now, tick)),
            hurry,
        }
    }
}

/// Why a [`Driver`] was not installed, or has nobody to drive it.
///
/// # Examples
///
/// See [`Driver`].
#[derive(Debug)]
pub struct InstallError(Option<BuildError>);

impl InstallError {
    /// Whether there was another driver before.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::driver::InstallError;
    ///
    /// fn is_fine(installed: Result<(), InstallError>) -> bool {
    ///     installed.is_ok_and(|()| true)
    /// }
    /// # assert!(is_fine(rejoin::driver::ensure()));
    /// ```
    pub fn is_already_installed(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("this process has another driver already"),
            Some(error) => write!(f, "nobody drives the driver: {error}"),
        }
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}
