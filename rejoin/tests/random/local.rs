//! Tasks on a local executor that comes and goes, and what must come out of them.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use rejoin::{Builder, LocalExecutor, PanicStrategy, yield_now};

use crate::play::{Stage, take};
use crate::program::{Handling, Node};

impl Stage {
    /// Blocks with these as local tasks: every third is joined, cancelled, or left for the executor's end.
    pub(crate) fn local(&self, nodes: Vec<Node>) {
        let local = LocalExecutor::new();
        local.block_on(async {
            let mut tasks = Vec::new();
            for node in nodes {
                let (handling, mut builder) = (node.handling, Builder::new());
                if handling == Handling::Ignore {
                    builder = builder.panic_strategy(PanicStrategy::Ignore);
                }
                let (task, record) = self.task(node, Vec::new(), false);
                tasks.push((builder.spawn_local(task), record));
            }
            for (index, (task, record)) in tasks.into_iter().enumerate() {
                match index % 3 {
                    0 => {
                        let result = task.join().await;
                        self.oracle.joined(&record, &result);
                        drop(result.map(take));
                    }
                    1 => {
                        yield_now().await;
                        record.will_be_cancelled();
                        let cancel = AssertUnwindSafe(task.cancel());
                        // A task that had panicked resumes in whoever awaits its cancellation.
                        if let Ok(Some(output)) = cancel.catch_unwind().await {
                            take(output);
                        }
                        if !record.is_dropped() {
                            self.oracle
                                .wrong(format!("cancelled, and not dropped: {record:?}"));
                        }
                    }
                    _ => {
                        record.will_be_cancelled();
                        task.detach();
                    }
                }
            }
        });
    }
}
