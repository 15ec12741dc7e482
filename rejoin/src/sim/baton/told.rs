//! What is said of the threads of a simulation that failed.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Doing, Failure, State};

impl State {
    /// Who waits for what.
    pub(super) fn report(&self) -> String {
        let mut text = self.tasks.report();
        for (index, one) in self.threads.iter().enumerate() {
            let what = match one.doing {
                Doing::Parked(_) if one.in_bed => continue,
                Doing::Parked(_) => "blocks on a future".to_owned(),
                Doing::Waiting(_) => "waits for an executor's threads".to_owned(),
                Doing::Joining(other) => format!("joins {}", self.threads[other].name),
                Doing::Ready => "is ready to run".to_owned(),
                Doing::Idle | Doing::Ended => continue,
            };
            let running = if index == self.running {
                ", has the turn"
            } else {
                ""
            };
            let _ = writeln!(text, "  thread {} {what}{running}", one.name);
        }
        text
    }

    pub(super) fn stuck(&self, patience: Duration) -> Failure {
        let name = self.threads.get(self.running).map_or("?", |one| &one.name);
        Failure(format!(
            "thread {name} has not come to a point for {patience:?}: it computes for very long, or blocks \
             on something that the simulation does not see, such as a lock whose holder waits for its \
             turn\n{}",
            self.report()
        ))
    }
}
