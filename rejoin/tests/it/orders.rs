//! A task, its handle and its cancel handle come to their ends in every order.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use futures::channel::oneshot;
use rejoin::{Cancel, Executor, JoinHandle, block_on};

use crate::support::{Count, on_workers, poll_once, spin_until};
use crate::watchdog::step;

/// How the task ends if nobody cancels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ready,
    PanicsInPoll,
    /// In the drop of the future, before and after it was ready.
    PanicsInDrop,
}

/// When something is done to the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Maybe before its first poll.
    AtOnce,
    WhileItWaits,
    DuringItsLastPoll,
    AfterItsEnd,
    /// After its handle is gone, too.
    Late,
}

use Moment::{AfterItsEnd, AtOnce, DuringItsLastPoll, Late, WhileItWaits};

const MOMENTS: [Moment; 4] = [AtOnce, WhileItWaits, DuringItsLastPoll, AfterItsEnd];

/// What becomes of its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dropped(Moment),
    Aborted(Moment),
    Cancelled(Moment),
    /// And what comes of that is awaited after the task's end.
    CancelledAndAwaited(Moment),
    Joined,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    end: End,
    output_panics: bool,
    /// Whether the handle is polled before all.
    polled: bool,
    fate: Fate,
    /// When a cancel handle is called, if there is one.
    cancel: Option<Moment>,
}

/// Counts its drop, and panics in it if told to.
struct Drops(Count, bool);

impl Drop for Drops {
    fn drop(&mut self) {
        self.0.add();
        if self.1 && !std::thread::panicking() {
            resume_unwind(Box::new("in the drop"));
        }
    }
}

/// Waits, and then is ready or panics when it is let go.
struct Body {
    order: Order,
    go: oneshot::Receiver<()>,
    /// Told that it waits, that its last poll has begun, and, twice, that it is dropped.
    progress: Count,
    release: mpsc::Receiver<()>,
    made: Count,
    outputs: Count,
    life: Option<Drops>,
}

impl Future for Body {
    type Output = Drops;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Drops> {
        let told = Pin::new(&mut self.go).poll(cx);
        self.progress.add();
        if told.is_pending() {
            return Poll::Pending;
        }
        assert!(self.release.recv().is_err(), "nobody sends");
        if self.order.end == End::PanicsInPoll {
            resume_unwind(Box::new("in the poll"));
        }
        self.made.add();
        Poll::Ready(Drops(self.outputs.clone(), self.order.output_panics))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let life = self.life.take();
        let progress = self.progress.clone();
        let _told_last = crate::support::OnDrop(move || {
            progress.add();
            progress.add();
        });
        drop(life);
    }
}

fn quietly<R>(run: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// A task's handle on its way to its fate.
struct Owner {
    order: Order,
    handle: Option<JoinHandle<Drops>>,
    cancel: Option<rejoin::CancelHandle>,
    cancelled: Option<Cancel<Drops>>,
}

impl Owner {
    /// Does what is to be done at `moment`.
    fn at(&mut self, moment: Moment) {
        if self.order.cancel == Some(moment) {
            self.cancel.take().expect("it is called once").cancel();
        }
        let fate = self.order.fate;
        if fate == Fate::Dropped(moment) {
            drop(self.handle.take());
        } else if fate == Fate::Aborted(moment) {
            if let Some(handle) = self.handle.take() {
                handle.abort();
            }
        } else if fate == Fate::Cancelled(moment) {
            drop(self.handle.take().map(JoinHandle::cancel));
        } else if fate == Fate::CancelledAndAwaited(moment) {
            self.cancelled = self.handle.take().map(JoinHandle::cancel);
        }
    }

    /// The earliest moment at which the task is cancelled.
    fn is_cancelled_at(&self) -> Option<Moment> {
        let by_handle = match self.order.fate {
            Fate::Aborted(moment) | Fate::Cancelled(moment) | Fate::CancelledAndAwaited(moment) => {
                Some(moment)
            }
            Fate::Dropped(_) | Fate::Joined => None,
        };
        let both = [by_handle, self.order.cancel];
        both.into_iter().flatten().min()
    }

    /// Awaits what is left, and says whether it fits.
    fn fits(&mut self) -> bool {
        let (order, at) = (self.order, self.is_cancelled_at());
        let in_time = at.is_some_and(|at| at <= WhileItWaits);
        let meanwhile = at == Some(DuringItsLastPoll);
        if let Some(handle) = self.handle.take() {
            return match block_on(handle.join()) {
                Ok(output) => {
                    quietly(|| drop(output));
                    order.end == End::Ready && !in_time
                }
                Err(error) if error.is_cancelled() => in_time || meanwhile,
                Err(_) => order.end != End::Ready && !in_time,
            };
        }
        let Some(cancel) = self.cancelled.take() else {
            return true;
        };
        match quietly(|| block_on(cancel)) {
            Some(Some(output)) => {
                quietly(|| drop(output));
                order.end == End::Ready && !in_time
            }
            Some(None) => in_time || meanwhile,
            None => order.end != End::Ready && !in_time,
        }
    }
}

fn play(executor: &Executor, order: Order) {
    let (made, outputs, futures) = (Count::new(), Count::new(), Count::new());
    let ((tell, go), (hold, release)) = (oneshot::channel(), mpsc::channel());
    let progress = Count::new();
    let mut handle = executor.spawn(Body {
        order,
        go,
        progress: progress.clone(),
        release,
        made: made.clone(),
        outputs: outputs.clone(),
        life: Some(Drops(futures.clone(), order.end == End::PanicsInDrop)),
    });
    if order.polled {
        assert!(poll_once(&mut handle).is_pending(), "{order:?}");
    }
    let mut owner = Owner {
        order,
        cancel: order.cancel.map(|_| handle.cancel_handle()),
        handle: Some(handle),
        cancelled: None,
    };
    owner.at(AtOnce);
    step("the first poll, or the drop");
    progress.wait_for(1);
    owner.at(WhileItWaits);
    let _ = tell.send(());
    step("the last poll, or the drop");
    progress.wait_for(2);
    owner.at(DuringItsLastPoll);
    drop(hold);
    step("the drop of the future");
    futures.wait_for(1);
    if let Some(handle) = &owner.handle {
        spin_until(|| handle.is_finished());
    }
    owner.at(AfterItsEnd);
    let fits = owner.fits();
    owner.at(Late);
    assert!(fits, "not what was to come of {order:?}");
    let in_time = owner.is_cancelled_at().is_some_and(|at| at <= WhileItWaits);
    let expected = usize::from(!in_time && order.end != End::PanicsInPoll);
    step("the drop of the output");
    outputs.wait_for(expected);
    assert_eq!(
        (made.get(), outputs.get(), futures.get()),
        (expected, expected, 1),
        "{order:?}"
    );
}

#[test]
fn future_and_output_are_dropped_once_and_the_handle_tells_what_came_of_the_task() {
    let mut fates = vec![Fate::Joined];
    let mut cancels = vec![None, Some(Late)];
    for moment in MOMENTS {
        fates.extend([
            Fate::Dropped(moment),
            Fate::Aborted(moment),
            Fate::Cancelled(moment),
            Fate::CancelledAndAwaited(moment),
        ]);
        cancels.push(Some(moment));
    }
    for workers in [1, 2] {
        on_workers(workers, &|executor: &Executor| {
            for end in [End::Ready, End::PanicsInPoll, End::PanicsInDrop] {
                for (output_panics, polled) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    for &fate in &fates {
                        for &cancel in &cancels {
                            let order = Order {
                                end,
                                output_panics,
                                polled,
                                fate,
                                cancel,
                            };
                            play(executor, order);
                        }
                    }
                }
            }
            assert_eq!(block_on(executor.spawn(async { 7 })), 7);
        });
    }
}
