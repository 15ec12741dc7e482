//! What must come out of a program.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::thread::JoinHandle;

use rejoin::{JoinError, WaitGroup};

use crate::program::Node;

/// What is known of one task.
#[derive(Debug)]
pub(crate) struct Record {
    number: usize,
    panics: bool,
    drop_panics: bool,
    output_drop_panics: bool,
    /// It may panic or not: its drop may be the one that wakes a waker that panics.
    either: bool,
    futures_dropped: AtomicUsize,
    outputs: AtomicUsize,
    outputs_dropped: AtomicUsize,
    delivered: AtomicUsize,
    /// Somebody asked for it to be cancelled.
    cancelled: AtomicBool,
    /// Its executor is being dropped.
    ending: Arc<AtomicBool>,
}

/// Everything that happened in one run of a program.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    records: Mutex<Vec<Arc<Record>>>,
    /// Threads that wake tasks.
    threads: Mutex<Vec<JoinHandle<()>>>,
    wrong: Mutex<Vec<String>>,
}

impl Oracle {
    pub(crate) fn record(
        &self,
        node: &Node,
        either: bool,
        ending: &Arc<AtomicBool>,
    ) -> Arc<Record> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = Arc::new(Record {
            number: records.len(),
            panics: node.panics,
            drop_panics: node.drop_panics,
            output_drop_panics: node.output_drop_panics,
            either,
            futures_dropped: AtomicUsize::new(0),
            outputs: AtomicUsize::new(0),
            outputs_dropped: AtomicUsize::new(0),
            delivered: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            ending: Arc::clone(ending),
        });
        records.push(Arc::clone(&record));
        record
    }

    /// A thread that may be in the midst of a wake when all is over: the task's future is then dropped there.
    pub(crate) fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(thread);
    }

    /// Notes what must not have happened.
    pub(crate) fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(what);
    }

    /// A task's handle gave this.
    pub(crate) fn joined(&self, record: &Record, result: &Result<Output, JoinError>) {
        let cancelled = record.may_be_cancelled();
        let must_panic = record.must_panic();
        let fits = match result {
            Ok(output) => output.0.number == record.number && !must_panic,
            Err(error) if error.is_cancelled() => cancelled,
            Err(_) => record.may_panic(),
        };
        if !fits {
            self.wrong(format!("the handle gave {result:?} for {record:?}"));
        }
    }

    /// All is over: what must hold now?
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                self.wrong("a wake by another thread panicked".to_owned());
            }
        }
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        for record in self
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let (outputs, delivered) = (record.outputs.load(SeqCst), record.delivered.load(SeqCst));
            let dropped = (
                record.futures_dropped.load(SeqCst),
                record.outputs_dropped.load(SeqCst),
            );
            if dropped != (1, outputs) || outputs > 1 || delivered > outputs {
                wrong.push(format!(
                    "not dropped once, or delivered too often: {record:?}"
                ));
            }
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n"))
        }
    }
}

impl Record {
    pub(crate) fn is_dropped(&self) -> bool {
        self.futures_dropped.load(SeqCst) == 1
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn must_panic(&self) -> bool {
        self.panics || self.drop_panics
    }

    pub(crate) fn may_panic(&self) -> bool {
        self.panics || self.drop_panics || self.either
    }

    pub(crate) fn may_be_cancelled(&self) -> bool {
        self.cancelled.load(SeqCst) || self.ending.load(SeqCst)
    }

    pub(crate) fn will_be_cancelled(&self) {
        self.cancelled.store(true, SeqCst);
    }

    pub(crate) fn finished(self: Arc<Self>) -> Output {
        self.outputs.fetch_add(1, SeqCst);
        Output(self)
    }
}

/// Lives in a task's future, and is dropped with it; before the handles of groups that it owns.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) record: Arc<Record>,
    _groups: Vec<WaitGroup>,
}

impl Life {
    pub(crate) fn new(record: &Arc<Record>, groups: Vec<WaitGroup>) -> Self {
        Self {
            record: Arc::clone(record),
            _groups: groups,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.record.futures_dropped.fetch_add(1, SeqCst);
        throw_if(self.record.drop_panics);
    }
}

/// What a task gives.
#[derive(Debug)]
pub(crate) struct Output(Arc<Record>);

impl Output {
    pub(crate) fn number(&self) -> usize {
        self.0.number
    }

    /// It has come out of a handle.
    pub(crate) fn deliver(&self) {
        self.0.delivered.fetch_add(1, SeqCst);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.0.outputs_dropped.fetch_add(1, SeqCst);
        throw_if(self.0.output_drop_panics);
    }
}

/// Panics without a message, unless the thread does already.
pub(crate) fn throw_if(wanted: bool) {
    if wanted && !std::thread::panicking() {
        resume_unwind(Box::new("made up"));
    }
}

/// A waker that does what its name says.
pub(crate) struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        throw_if(true);
    }
}
