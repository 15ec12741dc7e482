//! Many tasks in one go.
//!
//! # Invariant
//!
//! What the iterator has produced is scheduled, and workers are called for it, however the iterator ends.
//!
//! # Why it holds
//!
//! A [`Batch`] calls a worker for what it has put into queues when it is dropped, by a return or by a panic. On a
//! thread with a seat a task goes into the thread's own ring at once, where thieves see it, and the watcher
//! looks after it until then: an iterator that takes its time strands nothing. On any other thread tasks
//! are kept back until there are [`CHUNK`] of them, for which the injector is locked once.
//!
//! A worker is called as soon as the first [`FIRST`] are there, too, and is awake when the rest has come.
//!
//! Not promised: that a task begins before the iterator has ended. One that waits for a task which it has
//! just produced may wait for ever.

use std::future::Future;

use crate::builder::{Builder, current};
use crate::door;
use crate::executor::{Executor, SpawnError, Spawner};
use crate::guest;
use crate::join_handle::JoinHandle;
use crate::scheduler::get;
use crate::seat::Runnable;
use crate::spawn::{Options, make};
use crate::task::{ExecutorId, PanicStrategy};

/// So many tasks from outside share a lock and a call. Few enough that a long iterator does not keep the
/// workers waiting, and that nobody holds the injector's lock for long.
const CHUNK: usize = 256;

/// So many are worth a worker.
const FIRST: usize = 32;

/// Room for so many handles is believed to be needed before they are there.
const RESERVE: usize = 1 << 16;

/// Tasks on their way into queues.
struct Batch {
    executor: ExecutorId,
    /// Not in any queue yet.
    outside: Vec<Runnable>,
    /// So many go together from there.
    chunk: usize,
    /// So many went to this thread's own queue.
    own: usize,
}

impl Batch {
    fn new(executor: ExecutorId) -> Self {
        Self {
            executor,
            outside: Vec::new(),
            chunk: FIRST,
            own: 0,
        }
    }

    fn spawn<F>(
        &mut self,
        options: &Options,
        panics: PanicStrategy,
        future: F,
    ) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (runnable, handle) = make(options.clone(), future, panics);
        // Asked each time: the iterator may have blocked, and given this thread's seat away.
        guest::arrive(self.executor);
        match door::push_quietly(runnable) {
            None => {
                self.own += 1;
                if self.own == FIRST {
                    self.call();
                }
            }
            Some(runnable) => {
                self.outside.push(runnable);
                if self.outside.len() == self.chunk {
                    self.inject();
                    self.chunk = CHUNK;
                }
            }
        }
        handle
    }

    /// Puts what is kept back into the injector, if the executor is still there.
    fn inject(&mut self) {
        if self.outside.is_empty() {
            return;
        }
        if let Some(scheduler) = get(self.executor) {
            let injector = &scheduler.injector;
            injector.push_many(self.executor.generation(), &mut self.outside);
            if self.outside.is_empty() {
                scheduler.call_one();
            }
        }
        self.outside.drain(..).for_each(door::refuse);
    }

    /// Calls a worker for what lies in this thread's own queue.
    fn call(&self) {
        if let Some(scheduler) = get(self.executor) {
            scheduler.call_one();
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.inject();
        if self.own > 0 {
            self.call();
        }
    }
}

/// Starts each of `futures` as a task, as [`spawn`](crate::spawn) would, and returns their handles in order.
///
/// Cheaper than as many calls of `spawn`: the tasks go to the back of a queue without a look at who sleeps,
/// and when the last one is there as many workers are woken as there is work for. They begin in order, as
/// far as one worker runs them.
///
/// If the iterator panics, what it has produced until then is scheduled, and its handles are dropped, which
/// detaches the tasks. While it runs, tasks may begin, or may not until it ends: it must not wait for one of
/// them.
///
/// # Cost
///
/// One allocation per task, one for the handles. On a worker two fences in all, and no lock while its queue has
/// room; half of a full one goes to all workers' under one lock. Elsewhere the injector's lock once for the first 32 tasks, and
/// for each 256 that follow. At most so often is a worker called, which calls the next.
///
/// # Panics
///
/// When the iterator does, and as [`spawn`](crate::spawn).
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, spawn_many};
///
/// let squares = spawn_many((1..=4_u64).map(|n| async move { n * n }));
/// let sum = block_on(async {
///     let mut sum = 0;
///     for square in squares {
///         sum += square.await;
///     }
///     sum
/// });
/// assert_eq!(sum, 30);
/// ```
#[track_caller]
pub fn spawn_many<I>(futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
{
    let home = current();
    many(&Options::plain(home.id), home.panics, futures)
}

fn many<I>(
    options: &Options,
    panics: PanicStrategy,
    futures: I,
) -> Vec<JoinHandle<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
{
    let mut batch = Batch::new(options.executor);
    let futures = futures.into_iter();
    // What the iterator says of its length may be wrong, or infinite, as long as it ends otherwise.
    let mut handles = Vec::with_capacity(futures.size_hint().0.min(RESERVE));
    for future in futures {
        handles.push(batch.spawn(options, panics, future));
    }
    handles
}

impl Executor {
    /// Starts each of `futures` as a task of this executor. See [`spawn_many`].
    ///
    /// # Panics
    ///
    /// When the iterator does.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let handles = executor.spawn_many((0..3).map(|n| async move { n }));
    /// assert_eq!(handles.into_iter().map(rejoin::block_on).max(), Some(2));
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_many<I>(&self, futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
    where
        I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
    {
        let home = self.home();
        many(&Options::plain(home.id), home.panics, futures)
    }
}

impl Spawner {
    /// Starts each of `futures` as a task of the executor. See [`spawn_many`].
    ///
    /// # Errors
    ///
    /// Fails if the executor is gone or going; the iterator is dropped then and produces nothing. If it
    /// begins to go meanwhile, the tasks are cancelled.
    ///
    /// # Panics
    ///
    /// When the iterator does.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = rejoin::Executor::new()?;
    /// let handles = executor.spawner().spawn_many((0..3).map(|n| async move { n })).unwrap();
    /// assert_eq!(handles.into_iter().map(rejoin::block_on).sum::<i32>(), 3);
    /// # Ok::<(), rejoin::BuildError>(())
    /// ```
    #[track_caller]
    pub fn spawn_many<I>(
        &self,
        futures: I,
    ) -> Result<Vec<JoinHandle<<I::Item as Future>::Output>>, SpawnError>
    where
        I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
    {
        if !self.is_alive() {
            return Err(SpawnError::gone());
        }
        let home = self.home();
        Ok(many(&Options::plain(home.id), home.panics, futures))
    }
}

impl Builder {
    /// Starts each of `futures` as a task of this name, tag and strategy. See [`spawn_many`].
    ///
    /// # Panics
    ///
    /// When the iterator does, and as [`spawn`](crate::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// let parts = rejoin::Builder::new().name("part").spawn_many((0..3).map(|n| async move { n }));
    /// assert!(parts.iter().all(|part| part.name() == Some("part")));
    /// ```
    #[track_caller]
    pub fn spawn_many<I>(self, futures: I) -> Vec<JoinHandle<<I::Item as Future>::Output>>
    where
        I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
    {
        let (options, panics) = self.options();
        many(&options, panics, futures)
    }

    /// Like [`spawn_many`](Self::spawn_many), but lets go of each task at once and keeps no handles; says how
    /// many there were.
    ///
    /// # Panics
    ///
    /// As [`spawn_many`](Self::spawn_many) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{Builder, WaitGroup, block_on};
    ///
    /// let group = WaitGroup::new();
    /// let work = (0..1_000).map(|_| {
    ///     let worker = group.clone();
    ///     async move { drop(worker) }
    /// });
    /// assert_eq!(Builder::new().detach_many(work), 1_000);
    /// block_on(group.wait());
    /// ```
    #[track_caller]
    pub fn detach_many<I>(self, futures: I) -> usize
    where
        I: IntoIterator<Item: Future<Output: Send + 'static> + Send + 'static>,
    {
        let (options, panics) = self.options();
        let mut batch = Batch::new(options.executor);
        let mut tasks = 0;
        for future in futures {
            batch.spawn(&options, panics, future).detach();
            tasks += 1;
        }
        tasks
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;
    use crate::effort::Effort;
    use crate::hooks::Hooks;
    use crate::idle::{Bed, Call};
    use crate::scheduler::Scheduler;
    use crate::seat::Held;
    use crate::sync::Arc;

    /// Three workers that sleep, and the seat of a fourth one. Nobody runs here, so that neither a watcher nor a
    /// searcher can make good for what a batch forgets.
    fn asleep() -> (&'static Scheduler, ExecutorId, Held, Vec<Arc<Bed>>) {
        let hooks = std::sync::Arc::new(Hooks::default());
        let (scheduler, id, mut seats) = Scheduler::acquire(4, Effort::Balanced, &hooks);
        let beds: Vec<_> = (0..3).map(|_| Bed::new()).collect();
        (0..4).for_each(|_| scheduler.idle.sit_down());
        for bed in &beds {
            scheduler.idle.lie_down(bed, false);
        }
        (scheduler, id, seats.remove(0), beds)
    }

    /// How many of them are called for so many tasks of the fourth one, or from outside.
    fn called_for(tasks: usize, on_worker: bool) -> usize {
        let (scheduler, id, held, beds) = asleep();
        if on_worker {
            door::take_seat(id, scheduler, held);
        }
        let futures = (0..tasks).map(|_| async {});
        drop(many(&Options::plain(id), PanicStrategy::Ignore, futures));
        assert_eq!(door::leave_seat().is_some(), on_worker);
        beds.iter().filter(|bed| bed.call() == Call::Up).count()
    }

    #[test]
    fn one_sleeper_is_called_however_many_tasks_there_are() {
        for on_worker in [false, true] {
            for (tasks, called) in [(0, 0), (1, 1), (2, 1), (300, 1)] {
                assert_eq!(called_for(tasks, on_worker), called, "for {tasks} tasks");
            }
        }
    }

    #[test]
    fn it_is_called_as_soon_as_there_are_enough() {
        for on_worker in [false, true] {
            let (scheduler, id, held, beds) = asleep();
            if on_worker {
                door::take_seat(id, scheduler, held);
            }
            let called = || beds.iter().filter(|bed| bed.call() == Call::Up).count();
            let mut batch = Batch::new(id);
            let mut spawn =
                || drop(batch.spawn(&Options::plain(id), PanicStrategy::Ignore, async {}));
            (1..FIRST).for_each(|_| spawn());
            assert_eq!(called(), 0);
            spawn();
            assert_eq!(called(), 1);
            assert_eq!(door::leave_seat().is_some(), on_worker);
        }
    }

    #[test]
    fn somebody_watches_over_what_an_iterator_has_produced_while_it_runs() {
        let (scheduler, id, held, beds) = asleep();
        assert_eq!(beds[0].call(), Call::Watch);
        scheduler.idle.stop_watching(&beds[0], true);
        scheduler.idle.has_looked(&beds[0], false);
        door::take_seat(id, scheduler, held);
        let mut batch = Batch::new(id);
        drop(batch.spawn(&Options::plain(id), PanicStrategy::Ignore, async {}));
        assert!(beds.iter().any(|bed| bed.call() == Call::Watch));
        assert!(beds.iter().all(|bed| bed.call() != Call::Up));
        drop(batch);
        assert!(door::leave_seat().is_some());
    }
}
