//! The poller that an idle worker sleeps in: one for the process, made at its first use.
//!
//! # Invariants
//!
//! 1. An event that the poller tells of is entered in its [`Source`], if that is still there, and those whom it wakes
//!    are handed to the worker that asked.
//! 2. Whoever sleeps here sleeps no longer than until the first timer, also if that was set meanwhile.
//! 3. While a socket is open or a timer is set, there is somebody who looks here.
//!
//! # Why they hold
//!
//! A socket's token is its place in a slab, which is looked up under the slab's lock. A place may be given to another
//! socket while an event for the one before is on its way: then that one is said to be ready and is not, which does
//! no harm ([`source`](crate::source)). Closing a socket takes it from the poller; that is left to the system.
//!
//! The second is the business of [`timers`](crate::timers), the third that of [`driver`](rejoin::driver), which is asked
//! after each change by which the reactor may come into use.
//!
//! The lock of the poller is taken by who is in the driver, and that is one thread at a time: nobody ever waits for it.

use std::io;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use rejoin::driver::{self, Driver, InstallError};
use slab::Slab;

use crate::source::{Ready, Source};
use crate::sync::Lock;
use crate::timers::Timers;

/// Events that are taken from the poller at a time. What is left is taken at the next look.
const EVENTS: usize = 256;

/// The token of the poller's own waker.
const INTERRUPT: Token = Token(usize::MAX);

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Reactor {
    poller: Lock<Poller>,
    registry: mio::Registry,
    interrupt: mio::Waker,
    sources: Lock<Slab<Arc<Source>>>,
    pub(crate) timers: Timers,
}

#[derive(Debug)]
struct Poller {
    poll: Poll,
    events: Events,
}

static REACTOR: OnceLock<Reactor> = OnceLock::new();

/// The same, once somebody looks into it.
static DRIVEN: OnceLock<&Reactor> = OnceLock::new();

/// The reactor, with somebody to look into it.
///
/// # Errors
///
/// The system refuses a poller, nobody can be made to look into it, or somebody else's driver was there first.
#[inline]
pub(crate) fn reactor() -> io::Result<&'static Reactor> {
    match DRIVEN.get() {
        Some(reactor) => Ok(reactor),
        None => start(),
    }
}

/// Makes the reactor, unless somebody has, and has it driven. No lock is held meanwhile: threads are started, and that
/// is told to the user's hooks.
#[cold]
fn start() -> io::Result<&'static Reactor> {
    let reactor = match REACTOR.get() {
        Some(reactor) => reactor,
        None => {
            let made = Reactor::new()?;
            REACTOR.get_or_init(|| made)
        }
    };
    match driver::install(reactor) {
        Ok(()) => Ok(DRIVEN.get_or_init(|| reactor)),
        Err(error) if error.is_already_installed() => Err(foreign_driver()),
        Err(error) => Err(nobody_drives(error)),
    }
}

fn foreign_driver() -> io::Error {
    io::Error::other(
        "the workers of rejoin have another driver than rejoin-io already; \
         is there a second version of rejoin-io in this program?",
    )
}

fn nobody_drives(error: InstallError) -> io::Error {
    io::Error::other(error)
}

/// A simulation has no sockets.
fn refuse_in_a_simulation() -> io::Result<()> {
    if rejoin::sim::is_simulated() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a simulation of rejoin has no sockets; put a channel in the place of this one",
        ));
    }
    Ok(())
}

impl Reactor {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let interrupt = mio::Waker::new(&registry, INTERRUPT)?;
        let events = Events::with_capacity(EVENTS);
        Ok(Self {
            poller: Lock::new(Poller { poll, events }),
            registry,
            interrupt,
            sources: Lock::new(Slab::new()),
            timers: Timers::new(),
        })
    }

    /// Registers `socket`, which is taken to be `ready`. To be forgotten by the token.
    pub(crate) fn register(
        &self,
        socket: &mut impl mio::event::Source,
        ready: Ready,
    ) -> io::Result<(Arc<Source>, usize)> {
        refuse_in_a_simulation()?;
        let source = Arc::new(Source::new(ready));
        let token = self.sources.lock().insert(Arc::clone(&source));
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.registry.register(socket, Token(token), both);
        if let Err(error) = registered.and_then(|()| driver::ensure().map_err(nobody_drives)) {
            self.forget(token);
            return Err(error);
        }
        Ok((source, token))
    }

    /// Forgets the socket of this token, which is about to be closed.
    pub(crate) fn forget(&self, token: usize) {
        let source = self.sources.lock().try_remove(token);
        // Wakers, if any are left, are dropped outside the lock.
        drop(source);
    }

    /// Sees to it that a timer that was set is looked at in time.
    pub(crate) fn see_to_timer(&self, is_next: bool) -> io::Result<()> {
        if is_next {
            self.interrupt();
        }
        driver::ensure().map_err(nobody_drives)
    }

    /// Enters what the poller told of.
    fn enter(&self, events: &Events, woken: &mut Vec<Waker>) {
        if events.is_empty() {
            return;
        }
        let sources = self.sources.lock();
        for event in events {
            if let Some(source) = sources.get(event.token().0) {
                source.enter(Ready::of(event), woken);
            }
        }
    }
}

impl Driver for Reactor {
    fn wait(&self, timeout: Option<Duration>, woken: &mut Vec<Waker>) {
        let mut poller = self.poller.lock();
        let Poller { poll, events } = &mut *poller;
        let polled = poll.poll(events, self.timers.lie_down(timeout));
        match polled {
            Ok(()) => self.enter(events, woken),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Nobody would ever hear of an event again.
            Err(error) => panic!("the system's poller failed: {error}"),
        }
        self.timers.get_up(woken);
    }

    fn interrupt(&self) {
        if let Err(error) = self.interrupt.wake() {
            panic!("the system's poller cannot be interrupted: {error}");
        }
    }

    fn is_in_use(&self) -> bool {
        !self.sources.lock().is_empty() || !self.timers.is_empty()
    }
}
