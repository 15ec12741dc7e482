//! Runs a program: as it is, on whatever executor surrounds it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;

use futures::FutureExt;
use rejoin::{
    Builder, CancelHandle, Executor, JoinHandle, PanicStrategy, Spawner, WaitGroup, block_on, sim,
    yield_now,
};

use crate::oracle::{Life, Oracle, Output, PanicsWhenWoken, Record, throw_if};
use crate::program::{Handling, Node, Step};

/// A mistake that is made on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A handle is forgotten where it should be dropped.
    ForgetHandle,
    /// So is what counts the future's drop, in tasks of two steps.
    ForgetFuture,
}

/// What a task knows of its surroundings.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) oracle: Arc<Oracle>,
    /// Every task of the run is one of its workers.
    all: WaitGroup,
    /// Where to spawn, if not where we are.
    target: Option<Spawner>,
    /// Whether that executor is being dropped.
    ending: Arc<AtomicBool>,
    fault: Fault,
}

/// A task's future. Not an async block: what one of those returns is leaked when the drop of a local variable
/// of it panics (rust-lang/rust#47949), and that is not what is under test.
pub(crate) struct Task {
    todo: Pin<Box<dyn Future<Output = ()> + Send>>,
    life: Option<Life>,
    forget: bool,
}

impl Future for Task {
    type Output = Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let Poll::Ready(()) = self.todo.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        let life = self
            .life
            .as_ref()
            .expect("polled once more after it was ready");
        let output = Arc::clone(&life.record).finished();
        if self.forget {
            std::mem::forget(self.life.take());
        }
        Poll::Ready(output)
    }
}

/// A task that has been spawned.
enum Child {
    Plain(JoinHandle<Output>, Arc<Record>),
    Result(JoinHandle<thread::Result<Output>>, Arc<Record>),
}

/// Runs `program` on the current executor. With `to_the_end`, waits for all tasks that it left.
pub(crate) async fn play(
    program: Node,
    oracle: Arc<Oracle>,
    ending: Arc<AtomicBool>,
    to_the_end: bool,
    fault: Fault,
) {
    let all = WaitGroup::new();
    let stage = Stage {
        oracle: Arc::clone(&oracle),
        all: all.clone(),
        target: None,
        ending,
        fault,
    };
    steps(program.steps, stage).await;
    if to_the_end {
        all.wait().await;
    }
}

/// The steps of one task. Boxed, because tasks nest.
fn steps(steps: Vec<Step>, stage: Stage) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let mut children: Vec<Child> = Vec::new();
        let mut cancels: Vec<(CancelHandle, Arc<Record>)> = Vec::new();
        for step in steps {
            match step {
                Step::Spawn(node) => children.push(stage.spawn(node, Vec::new(), false)),
                Step::Yield => yield_now().await,
                Step::Preempt => sim::preempt(),
                Step::CancelHandle => {
                    cancels.extend(children.last_mut().map(Child::cancel_handle));
                }
                Step::CallCancelHandle => {
                    if let Some((cancel, record)) = cancels.pop() {
                        record.will_be_cancelled();
                        cancel.cancel();
                    }
                }
                Step::Foreign => foreign(&stage.oracle).await,
                Step::BlockOn(node) => block_on(async {
                    stage.spawn(node, Vec::new(), false).join(&stage).await;
                }),
                Step::Group(nodes) => stage.group(nodes, false).await,
                Step::GroupWithPanic(nodes) => stage.group(nodes, true).await,
                Step::TaskGroup {
                    nodes,
                    limit,
                    ending,
                } => stage.task_group(nodes, limit, ending).await,
                Step::TryGroup {
                    nodes,
                    limit,
                    shape,
                } => stage.fallible_group(nodes, limit, shape).await,
                Step::Local(nodes) => stage.local(nodes),
                Step::Executor { nodes, joins } => stage.executor(nodes, joins).await,
                last => {
                    if let Some(child) = children.pop() {
                        child.end(last, &stage).await;
                    }
                }
            }
        }
    })
}

/// Waits for a message from a thread of its own.
async fn foreign(oracle: &Oracle) {
    let (tell, told) = futures::channel::oneshot::channel();
    let send = move || tell.send(()).unwrap_or(());
    if sim::is_simulated() {
        drop(sim::thread(send));
    } else {
        oracle.keep(thread::spawn(send));
    }
    told.await.expect("the thread sends before it ends");
}

impl Stage {
    /// Whether the executor of this task is being dropped.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(SeqCst)
    }

    /// The future of a task, and what is known of it.
    pub(crate) fn task(
        &self,
        node: Node,
        mut groups: Vec<WaitGroup>,
        either: bool,
    ) -> (Task, Arc<Record>) {
        let record = self.oracle.record(&node, either, &self.ending);
        groups.push(self.all.clone());
        let life = Life::new(&record, groups);
        // What it spawns goes where it is itself.
        let stage = Self {
            target: None,
            ..self.clone()
        };
        let forget = self.fault == Fault::ForgetFuture && node.steps.len() == 2;
        let (panics, todo) = (node.panics, node.steps);
        let todo = async move {
            steps(todo, stage).await;
            throw_if(panics);
        };
        let future = Task {
            todo: Box::pin(todo),
            life: Some(life),
            forget,
        };
        (future, record)
    }

    fn spawn(&self, node: Node, groups: Vec<WaitGroup>, either: bool) -> Child {
        let handling = node.handling;
        let (future, record) = self.task(node, groups, either);
        let mut builder = Builder::new();
        if let Some(target) = &self.target {
            builder = builder.on(target);
        }
        match handling {
            Handling::Plain => Child::Plain(builder.spawn(future), record),
            Handling::Named => Child::Plain(builder.name("made up").tag(1).spawn(future), record),
            Handling::Ignore => {
                let builder = builder.panic_strategy(PanicStrategy::Ignore);
                Child::Plain(builder.spawn(future), record)
            }
            Handling::Result => Child::Result(builder.spawn_result(future), record),
        }
    }

    /// Children in a group; all of them are gone when the wait is over.
    async fn group(&self, nodes: Vec<Node>, panicking_waker: bool) {
        let group = WaitGroup::new();
        let inner = group.child();
        let mut children = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let worker = if index % 2 == 0 { &group } else { &inner };
            let worker = worker.clone();
            children.push(self.spawn(node, vec![worker], panicking_waker));
        }
        let mut other = pin!(group.waiter());
        if panicking_waker {
            let waker = Waker::from(Arc::new(PanicsWhenWoken));
            let _ = other.as_mut().poll(&mut Context::from_waker(&waker));
        }
        let wait = group.waiter();
        // The last handle to be dropped passes the waker's panic on.
        quietly(|| drop(inner));
        quietly(|| drop(group));
        wait.await;
        for child in &children {
            if !child.record().is_dropped() {
                self.oracle
                    .wrong(format!("the wait ended before {:?} did", child.record()));
            }
        }
        for child in children {
            child.join(self).await;
        }
    }

    /// An executor that comes and goes.
    async fn executor(&self, nodes: Vec<Node>, joins: bool) {
        let executor = Executor::builder().threads(2).build().expect("two threads");
        let stage = Self {
            target: Some(executor.spawner()),
            ending: Arc::default(),
            ..self.clone()
        };
        // Also when this task is cancelled half-way.
        let executor = Ends(Arc::clone(&stage.ending), executor);
        let nodes = nodes.into_iter();
        let mut children: Vec<_> = nodes
            .map(|node| stage.spawn(node, Vec::new(), false))
            .collect();
        if let (true, Some(child)) = (joins, children.pop()) {
            child.join(&stage).await;
        }
        drop(executor);
        for child in children {
            child.join(&stage).await;
        }
    }
}

/// Says so before its executor is dropped.
struct Ends(
    Arc<AtomicBool>,
    #[allow(dead_code, reason = "owned to be dropped")] Executor,
);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

impl Child {
    fn record(&self) -> &Arc<Record> {
        match self {
            Self::Plain(_, record) | Self::Result(_, record) => record,
        }
    }

    fn cancel_handle(&mut self) -> (CancelHandle, Arc<Record>) {
        match self {
            Self::Plain(handle, record) => (handle.cancel_handle(), Arc::clone(record)),
            Self::Result(handle, record) => (handle.cancel_handle(), Arc::clone(record)),
        }
    }

    /// What a step does that uses the child up.
    async fn end(self, step: Step, stage: &Stage) {
        match step {
            Step::Join => self.join(stage).await,
            Step::Await => match self {
                Self::Plain(handle, record) => {
                    let caught = AssertUnwindSafe(handle).catch_unwind().await;
                    if let Ok(output) = caught {
                        let result = Ok(output);
                        stage.oracle.joined(&record, &result);
                        drop(result.map(take));
                    } else if !record.may_panic() && !record.may_be_cancelled() {
                        stage.oracle.wrong(format!("a panic from {record:?}"));
                    }
                }
                child => child.join(stage).await,
            },
            Step::Cancel | Step::CancelAndWait => {
                self.record().will_be_cancelled();
                let wait = step == Step::CancelAndWait;
                match self {
                    Self::Plain(handle, _) => cancelled(handle.cancel(), wait, take).await,
                    Self::Result(handle, _) => {
                        let take = |result: thread::Result<Output>| drop(result.map(take));
                        cancelled(handle.cancel(), wait, take).await;
                    }
                }
            }
            _ if stage.fault == Fault::ForgetHandle => std::mem::forget(self),
            _ => drop(self),
        }
    }

    async fn join(self, stage: &Stage) {
        match self {
            Self::Plain(handle, record) => {
                let result = handle.join().await;
                stage.oracle.joined(&record, &result);
                drop(result.map(take));
            }
            Self::Result(handle, record) => match handle.join().await {
                Ok(Ok(output)) => {
                    let result = Ok(output);
                    stage.oracle.joined(&record, &result);
                    drop(result.map(take));
                }
                Ok(Err(_)) if record.may_panic() => {}
                Ok(Err(_)) => stage.oracle.wrong(format!("a panic from {record:?}")),
                Err(error) => stage.oracle.joined(&record, &Err(error)),
            },
        }
    }
}

async fn cancelled<R>(cancel: rejoin::Cancel<R>, wait: bool, take: impl FnOnce(R)) {
    if wait {
        // A task that had panicked resumes in whoever awaits its cancellation.
        if let Ok(Some(output)) = AssertUnwindSafe(cancel).catch_unwind().await {
            take(output);
        }
    }
}

/// An output has come out of its handle; its drop may panic.
pub(crate) fn take(output: Output) {
    output.deliver();
    quietly(|| drop(output));
}

fn quietly(run: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(run)));
}
