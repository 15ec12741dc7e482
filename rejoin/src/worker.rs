//! One thread's loop: find a runnable, run it, or sleep.
//!
//! If there is a [driver](crate::driver), a worker that finds nothing looks into it before it robs anybody, sleeps
//! in it if nobody else does, and now and then looks into it while it is busy. Whom the driver wakes is woken in
//! the loop ([`Find::Wake`]), outside of the seat's borrow: wakers are user code.

use std::task::Waker;
use std::time::Duration;

use crate::contain::wake;
use crate::current;
use crate::door;
use crate::driver;
use crate::effort::Effort;
use crate::idle::{Bed, Call};
use crate::patience::Patience;
use crate::policy;
use crate::scheduler::Scheduler;
use crate::seat::{Held, Runnable};
use crate::sync::Arc;
use crate::watch::{Sight, Watch};

/// A thread that works for one executor.
#[derive(Debug)]
pub(crate) struct Worker {
    scheduler: &'static Scheduler,
    bed: Arc<Bed>,
    watch: Watch,
    patience: Patience,
    /// The watcher has decided to rob even though the work is fine.
    probe: bool,
    /// Whom the driver wants woken.
    woken: Vec<Waker>,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slept {
    /// For work: the worker is searching.
    Called,
    /// With somebody to wake: the worker is out of bed and not searching.
    Woken,
}

/// Why a worker stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its seat was given to another thread while it blocked.
    NoSeat,
    /// The executor is closing, and this worker found nothing more to do.
    Leave,
}

impl Worker {
    pub(crate) fn new(scheduler: &'static Scheduler, effort: Effort) -> Self {
        Self {
            scheduler,
            bed: Bed::new(),
            watch: Watch::new(),
            patience: Patience::new(effort),
            probe: false,
            woken: Vec::new(),
        }
    }

    /// Works on the seat that the calling thread holds, until it must stop.
    pub(crate) fn work(&mut self) -> Stop {
        loop {
            // Apart from all else that may be found, so that the common way is short.
            let next = door::with_seat(|scheduler, held| {
                let runnable = scheduler.next(held)?;
                held.begin(&runnable);
                Some(runnable)
            });
            match next {
                Some(Some(runnable)) => run(self.scheduler, runnable),
                Some(None) => {
                    if let Some(stop) = self.look_further() {
                        return stop;
                    }
                }
                None => return Stop::NoSeat,
            }
        }
    }

    /// Finds something to do when the own queue is empty, and does it; or says why to stop.
    #[inline(never)]
    fn look_further(&mut self) -> Option<Stop> {
        let found = door::with_seat(|_, held| {
            let found = self.find(held);
            match &found {
                Find::Run(runnable) => held.begin(runnable),
                // Wakers are user code, and the watcher looks after who runs that.
                Find::Wake => {
                    held.begin_blocking(false);
                    held.set_waking(true);
                }
                Find::Quiet(_) | Find::Leave => {}
            }
            found
        });
        match found {
            Some(Find::Run(runnable)) => run(self.scheduler, runnable),
            Some(Find::Wake) => {
                self.woken.drain(..).for_each(wake);
                door::with_seat(|_, held| held.set_waking(false));
            }
            Some(Find::Quiet(waiting)) => waiting.into_iter().for_each(wake),
            Some(Find::Leave) => return Some(Stop::Leave),
            None => return Some(Stop::NoSeat),
        }
        None
    }

    /// Looks into the driver, and finds something there, or somewhere else.
    fn find(&mut self, held: &Held) -> Find {
        if self.scheduler.driver().is_none() {
            return self.find_here(held);
        }
        let is_turn = held.turn_taken();
        let left = if is_turn { None } else { self.find_left(held) };
        let found = if let Some(runnable) = left {
            Find::Run(runnable)
        } else if self.look_into_driver() {
            Find::Wake
        } else if let Some(runnable) = is_turn
            .then(|| self.scheduler.next_after_turn(held))
            .flatten()
        {
            Find::Run(runnable)
        } else {
            self.find_here(held)
        };
        driver::relieve(Some(self.scheduler));
        found
    }

    /// What others have not come to yet: it was there before what the driver has to tell, and its owner may be waiting for
    /// a processor.
    fn find_left(&self, held: &Held) -> Option<Runnable> {
        let idle = &self.scheduler.idle;
        if !self.scheduler.sees_work(held, true) || !idle.start_searching() {
            return None;
        }
        let found = self.scheduler.search(held, false);
        idle.stop_searching(|| self.scheduler.leaves_work(held));
        found
    }

    /// Looks into the driver, if there is one and nobody is in it; says whether there is somebody to wake.
    fn look_into_driver(&mut self) -> bool {
        if let Some(driver) = self.scheduler.driver().and_then(driver::Post::take) {
            driver.wait(Some(Duration::ZERO), &mut self.woken);
        }
        !self.woken.is_empty()
    }

    /// Searches, and sleeps, until there is something to run or to wake, or until it is time to leave.
    fn find_here(&mut self, held: &Held) -> Find {
        held.end();
        held.note_nothing();
        self.scheduler.judge(held);
        let idle = &self.scheduler.idle;
        let mut searching = idle.start_searching();
        loop {
            if searching {
                let probe = std::mem::take(&mut self.probe);
                let found = self.scheduler.search(held, probe).or_else(|| {
                    let sees_work = || self.scheduler.sees_work(held, true);
                    let look = self.patience.look_sparingly(sees_work);
                    look.then(|| self.scheduler.search(held, false)).flatten()
                });
                if let Some(runnable) = found {
                    idle.stop_searching(|| self.scheduler.leaves_work(held));
                    return Find::Run(runnable);
                }
            }
            if self.scheduler.is_leaving() {
                if searching {
                    idle.stop_searching(|| true);
                }
                return self.find_last(held);
            }
            let must_look = idle.lie_down(&self.bed, searching);
            if must_look && self.scheduler.sees_work(held, false) {
                idle.get_up(&self.bed);
            } else {
                if idle.is_awaited() {
                    if let Some(waiting) = self.scheduler.look_for_quiet(held) {
                        idle.get_up(&self.bed);
                        idle.stop_searching(|| true);
                        return Find::Quiet(waiting);
                    }
                }
                let mut patience = self.patience;
                let slept = patience.sleep(|| self.sleep(held));
                if slept == Slept::Woken {
                    // Who looks around does not look into the driver, so there is nothing to learn.
                    self.patience.forget();
                    return Find::Wake;
                }
                self.patience = patience;
            }
            searching = true;
        }
    }

    /// Like [`find_here`](Self::find_here), when the executor is closing: stays as long as anybody polls, because
    /// what lies behind a slow poll must not wait for it now either. Nobody calls, so this looks.
    fn find_last(&mut self, held: &Held) -> Find {
        let mut tick = policy::FIRST_TICK;
        loop {
            if let Some(runnable) = self.scheduler.search(held, true) {
                return Find::Run(runnable);
            }
            if !self.scheduler.anybody_polls() {
                return Find::Leave;
            }
            // Somebody who blocks may wait for an event.
            if self.look_into_driver() {
                return Find::Wake;
            }
            self.bed.doze(tick);
            tick = policy::next_closing_tick(tick, self.scheduler.end_is_awaited());
        }
    }

    /// Sleeps until called for work, or until the driver has somebody to wake.
    ///
    /// What [`Bed::call`] says is the truth; an unpark only means that it may have changed.
    fn sleep(&mut self, held: &Held) -> Slept {
        let idle = &self.scheduler.idle;
        let mut before = Call::Sleep;
        loop {
            let call = self.bed.call();
            match call {
                Call::Up => {
                    // The unpark that goes with the call is here or on its way.
                    self.bed.sleep();
                    return Slept::Called;
                }
                Call::Watch if before != Call::Watch => self.watch.restart(self.scheduler, held),
                Call::Sleep | Call::Watch | Call::Look => {}
            }
            before = call;
            let called = if call == Call::Sleep {
                self.sleep_soundly()
            } else {
                self.bed.doze(self.watch.tick())
            };
            if called && self.bed.call() == Call::Up {
                return self.get_up_woken(held, true);
            }
            if call != Call::Sleep {
                self.look_into_driver();
            }
            if !self.woken.is_empty() {
                return self.get_up_woken(held, false);
            }
            if call == Call::Sleep {
                continue;
            }
            match (self.watch.look(self.scheduler, held), call) {
                (sight @ (Sight::Work | Sight::Probe), _) => {
                    self.probe |= sight == Sight::Probe;
                    idle.get_up(&self.bed);
                    return Slept::Called;
                }
                (sight, Call::Look) => {
                    // Somebody who began a poll in between may have relied on being watched.
                    if idle.has_looked(&self.bed, sight == Sight::Running) {
                        before = Call::Watch;
                    }
                }
                (Sight::Running, _) => {}
                (sight @ (Sight::AllSlow | Sight::Quiet), _) => {
                    idle.stop_watching(&self.bed, sight == Sight::AllSlow);
                }
            }
        }
    }

    /// Sleeps without a timeout, in the driver if nobody else does; says whether somebody called.
    fn sleep_soundly(&mut self) -> bool {
        match self.scheduler.driver().and_then(driver::Post::take) {
            Some(driver) => self.bed.sleep_in(&driver, &mut self.woken),
            None => {
                self.bed.sleep();
                true
            }
        }
    }

    /// Gets up with whom the driver wants woken, if anybody. A worker that was `called` for work as well counts as
    /// searching, and passes the call on if it goes to wake somebody first.
    fn get_up_woken(&self, held: &Held, called: bool) -> Slept {
        let idle = &self.scheduler.idle;
        if called && self.woken.is_empty() {
            return Slept::Called;
        }
        if called || idle.rise(&self.bed) {
            idle.stop_searching(|| self.scheduler.leaves_work(held));
        }
        Slept::Woken
    }
}

/// What a worker found.
enum Find {
    Run(Runnable),
    /// Something in the driver: `Worker::woken` is not empty. What is woken of this executor goes to the worker's own
    /// queue.
    Wake,
    /// Nothing is left, and these wait for that. They are woken when the seat is not being looked at: a waker
    /// may be the user's own.
    Quiet(Vec<Waker>),
    /// It is time to leave.
    Leave,
}

/// Runs `runnable`: polls its task once, or cancels it if the executor is closing.
#[inline]
pub(crate) fn run(scheduler: &Scheduler, runnable: Runnable) {
    if scheduler.is_special() {
        return run_specially(scheduler, runnable);
    }
    runnable.run();
}

#[cold]
fn run_specially(scheduler: &Scheduler, runnable: Runnable) {
    let info = scheduler.is_hooked().then(|| runnable.metadata().info());
    let run = || {
        if scheduler.is_cancelling() {
            current::cancelling(|| {
                runnable.run();
            });
        } else {
            runnable.run();
        }
    };
    match info {
        Some(info) => current::hooked_poll(info, run),
        None => run(),
    }
}
