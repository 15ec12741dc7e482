//! nexosim's executor, through the hooks it offers for benchmarking: tasks are spawned before it
//! runs, and it runs until none can go on.

use super::{Info, Messages, Need};
use nexosim::dev_hooks::Executor;
use std::sync::Mutex;

pub(super) const INFO: Info = Info {
    name: "nexosim",
    package: "nexosim",
    is_general: false,
    lacks: &[
        (
            Need::General,
            "passes messages only: no handles, no spawn in a task, no yield",
        ),
        (Need::Own, "passes messages only"),
    ],
    threads_variable: None,
};

#[derive(Debug)]
pub(crate) struct Nexosim;

static EXECUTOR: Mutex<Option<Executor>> = Mutex::new(None);

impl Messages for Nexosim {
    fn start(threads: usize) {
        *EXECUTOR.lock().expect("no row panics") = Some(Executor::new(threads));
    }

    fn run_all<F>(futures: Vec<F>)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut executor = EXECUTOR.lock().expect("no row panics");
        let executor = executor.as_mut().expect("started");
        for future in futures {
            executor.spawn_and_forget(future);
        }
        executor.run();
    }
}
