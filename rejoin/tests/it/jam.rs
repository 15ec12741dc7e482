//! Tasks that are stuck until a test lets them go.

use std::future::Future;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin::{Builder, Executor, JoinHandle, Report};

use crate::support::{Count, pending_with};
use crate::watchdog::step;

/// Long enough for a look at who is stuck, short enough for a test.
pub(crate) const SOON: Duration = Duration::from_millis(20);

/// Tasks that are stuck in a poll until `go` is dropped.
pub(crate) struct Jam {
    go: Option<Sender<()>>,
    gone: Arc<Mutex<Receiver<()>>>,
    pub(crate) begun: Count,
    pub(crate) dropped: Count,
}

impl Jam {
    pub(crate) fn new() -> Self {
        let (go, gone) = mpsc::channel();
        Self {
            go: Some(go),
            gone: Arc::new(Mutex::new(gone)),
            begun: Count::new(),
            dropped: Count::new(),
        }
    }

    /// Blocks until the jam ends.
    pub(crate) fn gate(&self) -> impl Fn() + Send + 'static {
        let gone = Arc::clone(&self.gone);
        move || drop(gone.lock().map(|gone| gone.recv()))
    }

    /// A future whose first poll is stuck, and which would wait for ever afterwards.
    pub(crate) fn stuck(&self) -> impl Future<Output = ()> + Send + 'static {
        let (gate, begun, guard) = (self.gate(), self.begun.clone(), self.dropped.on_drop());
        async move {
            begun.add();
            gate();
            pending_with(guard).await;
        }
    }

    /// Fills all workers of `executor` with such tasks.
    pub(crate) fn fill(&self, executor: &Executor) -> Vec<JoinHandle<()>> {
        let before = self.begun.get();
        let stuck = (0..executor.threads())
            .map(|n| {
                let builder = Builder::new().on(executor).name(format!("stuck {n}"));
                builder.tag(n as u64 + 1).spawn(self.stuck())
            })
            .collect();
        step("all workers to be stuck");
        self.begun.wait_for(before + executor.threads());
        stuck
    }

    pub(crate) fn end(&mut self) {
        self.go = None;
    }
}

/// So many tasks that wait, all of them polled once.
pub(crate) fn waiting(executor: &Executor, tasks: usize, dropped: &Count) -> Vec<JoinHandle<()>> {
    let polled = Count::new();
    let handles = (0..tasks)
        .map(|_| {
            let (polled, guard) = (polled.clone(), dropped.on_drop());
            executor.spawn(async move {
                polled.add();
                pending_with(guard).await;
            })
        })
        .collect();
    polled.wait_for(tasks);
    handles
}

pub(crate) fn names(report: &Report) -> Vec<String> {
    let stuck = report.stuck().iter();
    let mut names: Vec<_> = stuck
        .map(|one| one.task().name().unwrap_or("?").to_owned())
        .collect();
    names.sort_unstable();
    names
}
