//! Task groups, also of tasks that may fail without a panic, and what must come out of them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use rejoin::{Outcome, TaskGroup};

use crate::oracle::{Output, Record};
use crate::play::{Stage, Task, take};
use crate::program::{Ending, Handling, Node};

/// How such a group is made, and how it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// An `Err` cancels the others.
    pub(crate) fallible: bool,
    pub(crate) keep_going: bool,
    /// By what became of each, and not by the outputs or the first error.
    pub(crate) outcomes: bool,
}

type Output2 = Result<Output, Output>;

/// A task whose output may be an error.
struct Fallible {
    task: Task,
    fails: bool,
}

impl Future for Fallible {
    type Output = Output2;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output2> {
        let fails = self.fails;
        let wrap = |output| if fails { Err(output) } else { Ok(output) };
        Pin::new(&mut self.task).poll(cx).map(wrap)
    }
}

/// A task of the group.
struct Member {
    record: Arc<Record>,
    fails: bool,
}

impl Member {
    fn cannot_give_an_output(&self) -> bool {
        self.fails || self.record.must_panic()
    }

    fn gave(&self, output: &Output) -> bool {
        self.record.number() == output.number() && !self.record.must_panic()
    }
}

impl Stage {
    /// Children in a task group; all of them are gone when it is over, however it ends.
    pub(crate) async fn task_group(&self, nodes: Vec<Node>, limit: usize, ending: Ending) {
        let mut group = TaskGroup::<Output>::new();
        if limit > 0 {
            group = group.limit(limit);
        }
        if ending == Ending::KeepGoing {
            group = group.keep_going();
        }
        let within = TaskGroup::<Output>::new().within(&group.handle());
        let mut records = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let (task, record) = self.task(node, Vec::new(), false);
            // By the failure of any other.
            record.will_be_cancelled();
            records.push(record);
            let target = if index % 2 == 0 { &group } else { &within };
            // A future that is refused is dropped here, and its drop may panic.
            let _ = AssertUnwindSafe(target.spawn_when_free(task))
                .catch_unwind()
                .await;
        }
        let gone = [group.waiter(), within.waiter()];
        for mut one in [within, group] {
            match ending {
                Ending::Outcomes | Ending::KeepGoing => {
                    for outcome in one.outcomes().await {
                        self.came_out(outcome, &records);
                    }
                }
                Ending::Join => {
                    let joined = AssertUnwindSafe(one.join()).catch_unwind().await;
                    joined.into_iter().flatten().for_each(take);
                }
                Ending::NextAndDrop => {
                    if let Some(outcome) = one.next_outcome().await {
                        self.came_out(outcome, &records);
                    }
                }
                Ending::CancelAndDrop => one.cancel(),
            }
        }
        futures::future::join_all(gone).await;
        if !records.iter().all(|record| record.is_dropped()) {
            self.oracle
                .wrong(format!("a group ended before {records:?}"));
        }
    }

    fn came_out(&self, outcome: Outcome<Output>, records: &[Arc<Record>]) {
        match outcome.into_result() {
            Ok(output) => take(output),
            Err(error) if error.is_cancelled() => {}
            Err(_) if records.iter().any(|record| record.may_panic()) => {}
            Err(error) => self.oracle.wrong(format!("{error} out of {records:?}")),
        }
    }

    /// Children in a task group; those that would hand a panic out as a result fail here.
    pub(crate) async fn fallible_group(&self, nodes: Vec<Node>, limit: usize, shape: Shape) {
        let mut group = if shape.fallible {
            TaskGroup::<Output2>::fallible()
        } else {
            TaskGroup::new()
        };
        if limit > 0 {
            group = group.limit(limit);
        }
        if shape.keep_going {
            group = group.keep_going();
        }
        let mut members = Vec::new();
        for node in nodes {
            let fails = node.handling == Handling::Result;
            let (task, record) = self.task(node, Vec::new(), false);
            // By the failure of any other.
            record.will_be_cancelled();
            let taken = AssertUnwindSafe(group.spawn_when_free(Fallible { task, fails }))
                .catch_unwind()
                .await;
            // One that is refused, because another has failed, is dropped here, and its drop may panic.
            if matches!(taken, Ok(true)) {
                members.push(Member { record, fails });
            }
        }
        let gone = group.waiter();
        if shape.outcomes {
            let outcomes = group.outcomes().await;
            self.outcomes_fit(outcomes, &members, shape);
        } else {
            let joined = AssertUnwindSafe(group.try_join()).catch_unwind().await;
            self.join_fits(joined.ok(), &members, shape);
        }
        gone.await;
        if !members.iter().all(|member| member.record.is_dropped()) {
            self.oracle
                .wrong("a fallible group ended before its tasks".to_owned());
        }
    }

    /// `None` is a panic.
    fn join_fits(
        &self,
        joined: Option<Result<Vec<Output>, Output>>,
        members: &[Member],
        shape: Shape,
    ) {
        let fits = match &joined {
            Some(Ok(outputs)) => {
                outputs.len() == members.len()
                    && members
                        .iter()
                        .zip(outputs)
                        .all(|(member, output)| !member.fails && member.gave(output))
            }
            Some(Err(failed)) => {
                let place = members.iter().position(|member| member.gave(failed));
                place.is_some_and(|place| {
                    let mut before = members[..place].iter();
                    // Without a hurry it is the first in the order of spawns, and so those before it are well.
                    let first = shape.fallible || !before.any(Member::cannot_give_an_output);
                    members[place].fails && first
                })
            }
            None => self.is_ending() || members.iter().any(|member| member.record.may_panic()),
        };
        if !fits {
            let what = joined.as_ref().map(Result::is_ok);
            self.oracle.wrong(format!(
                "try_join of {shape:?} gave {what:?} for {:?}",
                members
                    .iter()
                    .map(|member| &member.record)
                    .collect::<Vec<_>>()
            ));
        }
        match joined {
            Some(Ok(outputs)) => outputs.into_iter().for_each(take),
            Some(Err(failed)) => take(failed),
            None => {}
        }
    }

    fn outcomes_fit(&self, outcomes: Vec<Outcome<Output2>>, members: &[Member], shape: Shape) {
        let (mut fits, mut firsts, mut failures, mut cancelled) =
            (outcomes.len() == members.len(), 0, 0, 0);
        for (outcome, member) in outcomes.into_iter().zip(members) {
            firsts += usize::from(outcome.is_first_failure());
            match outcome.into_result() {
                Ok(Ok(output)) => {
                    fits &= member.gave(&output) && !member.fails;
                    take(output);
                }
                Ok(Err(output)) => {
                    failures += usize::from(shape.fallible);
                    fits &= member.gave(&output) && member.fails;
                    take(output);
                }
                Err(error) if error.is_cancelled() => cancelled += 1,
                Err(_) => {
                    failures += 1;
                    fits &= member.record.may_panic();
                }
            }
        }
        fits &= firsts == usize::from(failures > 0);
        // Who was cancelled was so for a reason.
        fits &= cancelled == 0 || (failures > 0 && !shape.keep_going) || self.is_ending();
        if !fits {
            self.oracle.wrong(format!(
                "{firsts} first of {failures} failures and {cancelled} cancelled in {shape:?} of {:?}",
                members.iter().map(|member| &member.record).collect::<Vec<_>>()
            ));
        }
    }
}
