//! One thread's loop: find a runnable, run it, or sleep.

use std::task::Waker;

use crate::contain::wake;
use crate::current;
use crate::door;
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
        }
    }

    /// Works on the seat that the calling thread holds, until it must stop.
    pub(crate) fn work(&mut self) -> Stop {
        loop {
            let next = door::with_seat(|scheduler, held| {
                let runnable = match scheduler.next(held) {
                    Some(runnable) => runnable,
                    None => match self.find(held) {
                        Find::Run(runnable) => runnable,
                        other => return other,
                    },
                };
                held.begin(&runnable);
                Find::Run(runnable)
            });
            match next {
                Some(Find::Run(runnable)) => run(self.scheduler, runnable),
                Some(Find::Quiet(waiting)) => waiting.into_iter().for_each(wake),
                Some(Find::Leave) => return Stop::Leave,
                None => return Stop::NoSeat,
            }
        }
    }

    /// Searches, and sleeps, until there is something to do.
    fn find(&mut self, held: &Held) -> Find {
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
                    let look = self.patience.look(sees_work);
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
                return self.find_last(held).map_or(Find::Leave, Find::Run);
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
                patience.sleep(|| self.sleep(held));
                self.patience = patience;
            }
            searching = true;
        }
    }

    /// Like [`find`](Self::find), when the executor is closing: stays as long as anybody polls, because
    /// what lies behind a slow poll must not wait for it now either. Nobody calls, so this looks.
    fn find_last(&mut self, held: &Held) -> Option<Runnable> {
        let mut tick = policy::FIRST_TICK;
        loop {
            if let Some(runnable) = self.scheduler.search(held, true) {
                return Some(runnable);
            }
            if !self.scheduler.anybody_polls() {
                return None;
            }
            self.bed.doze(tick);
            tick = policy::next_closing_tick(tick, self.scheduler.end_is_awaited());
        }
    }

    /// Sleeps until called for work. The calling worker is searching then.
    ///
    /// What [`Bed::call`] says is the truth; an unpark only means that it may have changed.
    fn sleep(&mut self, held: &Held) {
        let idle = &self.scheduler.idle;
        let mut mode = Mode::Sound;
        loop {
            mode = match (self.bed.call(), mode) {
                // The unpark that goes with the call is here or on its way.
                (Call::Up, _) => return self.bed.sleep(),
                (Call::Watch, Mode::Watching) => Mode::Watching,
                (Call::Watch, _) => {
                    self.watch.restart(self.scheduler, held);
                    Mode::Watching
                }
                (Call::Sleep, Mode::LastLook) => Mode::LastLook,
                (Call::Sleep, _) => Mode::Sound,
            };
            let called = match mode {
                Mode::Sound => {
                    self.bed.sleep();
                    true
                }
                Mode::Watching | Mode::LastLook => self.bed.doze(self.watch.tick()),
            };
            if called && self.bed.call() == Call::Up {
                return;
            }
            if mode == Mode::Sound {
                continue;
            }
            let sight = self.watch.look(self.scheduler, held);
            mode = match (sight, mode) {
                (Sight::Work, _) => return idle.get_up(&self.bed),
                (Sight::Probe, _) => {
                    self.probe = true;
                    return idle.get_up(&self.bed);
                }
                (Sight::Running, Mode::LastLook) => {
                    // Somebody began a poll in between, and may have relied on being watched.
                    idle.resume_watching(&self.bed);
                    Mode::Watching
                }
                (Sight::Running, mode) => mode,
                (Sight::AllSlow | Sight::Quiet, Mode::Watching)
                    if idle.stop_watching(&self.bed, sight == Sight::AllSlow) =>
                {
                    Mode::LastLook
                }
                (Sight::AllSlow | Sight::Quiet, Mode::Watching) => Mode::Watching,
                (Sight::AllSlow | Sight::Quiet, _) => Mode::Sound,
            };
        }
    }
}

/// What a worker found.
enum Find {
    Run(Runnable),
    /// Nothing is left, and these wait for that. They are woken when the seat is not being looked at: a waker
    /// may be the user's own.
    Quiet(Vec<Waker>),
    /// It is time to leave.
    Leave,
}

/// How a worker sleeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Without a timeout.
    Sound,
    /// As the watcher.
    Watching,
    /// The watcher no more, but for one more look.
    LastLook,
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
