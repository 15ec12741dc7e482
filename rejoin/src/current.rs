//! What a task may know of the thread that polls it.
//!
//! The wrapper around a user's future ([`task`](crate::task)) knows no queues and no threads. What it
//! needs of the executor it finds here: the registry that it enters when it first waits, the hooks
//! that hear of its end, and whether it is run only in order to be cancelled. A worker sets this once,
//! when its thread starts.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;

use crate::contain::Payload;
use crate::hooks::{Finish, Hooks, TaskId, TaskInfo, tell};
use crate::registry::Registry;

thread_local! {
    static CURRENT: Current = const { Current {
        registry: Cell::new(None),
        shard: Cell::new(0),
        cancelling: Cell::new(false),
        registered: Cell::new(false),
        hooked: Cell::new(false),
        blocking: Cell::new(std::ptr::null()),
        awaited: Cell::new(None),
    } };
    /// Apart from the above, which has nothing to drop and so costs no check at each access.
    static HOOKED: RefCell<Hooked> = const { RefCell::new(Hooked { hooks: None, task: None }) };
}

/// Plain cells; see the module's documentation.
struct Current {
    registry: Cell<Option<&'static Registry>>,
    shard: Cell<u32>,
    cancelling: Cell<bool>,
    /// Whether the task that is polled was in the registry when its poll began.
    registered: Cell<bool>,
    hooked: Cell<bool>,
    /// The data of the waker with which this thread's `block_on` polls its future.
    blocking: Cell<*const ()>,
    /// The task whose handle was polled with that waker, and was not ready.
    awaited: Cell<Option<TaskId>>,
}

/// Set only on the workers of an executor with hooks.
struct Hooked {
    hooks: Option<Arc<Hooks>>,
    task: Option<TaskInfo>,
}

/// Makes the calling thread one that polls tasks of the executor with this `registry`.
pub(crate) fn become_worker(registry: &'static Registry, hooks: &Arc<Hooks>) {
    CURRENT.with(|current| {
        current.registry.set(Some(registry));
        current.hooked.set(hooks.any_for_tasks());
    });
    HOOKED.with_borrow_mut(|hooked| hooked.hooks = Some(Arc::clone(hooks)));
}

/// Tasks that first wait on this thread enter the shard near `shard`.
pub(crate) fn set_shard(shard: u32) {
    CURRENT.with(|current| current.shard.set(shard));
}

/// The registry of the executor whose task is polled, and the shard to prefer.
pub(crate) fn registry() -> Option<(&'static Registry, u32)> {
    CURRENT.with(|current| Some((current.registry.get()?, current.shard.get())))
}

/// Whether the executor whose task is polled is closing.
#[inline]
pub(crate) fn is_closing() -> bool {
    let registry = CURRENT.try_with(|current| current.registry.get());
    registry.ok().flatten().is_some_and(Registry::is_closed)
}

/// The poll of a task begins, which is `registered` or not; whether it is to be cancelled instead.
#[inline]
pub(crate) fn begin_poll(registered: bool) -> bool {
    CURRENT.try_with(|current| {
        current.registered.set(registered);
        current.cancelling.get() && current.cancelling.replace(false)
    }) == Ok(true)
}

/// Whether the task that is polled was in the registry when its poll began.
pub(crate) fn is_registered() -> bool {
    CURRENT.try_with(|current| current.registered.get()) == Ok(true)
}

/// Whether the calling thread blocks on a future.
pub(crate) fn is_blocking() -> bool {
    CURRENT.try_with(|current| !current.blocking.get().is_null()) == Ok(true)
}

/// Runs `run`, which runs one runnable, so that its task is cancelled instead of polled.
pub(crate) fn cancelling(run: impl FnOnce()) {
    CURRENT.with(|current| {
        let before = current.cancelling.replace(true);
        run();
        // A task that was closed already is dropped without a look at the flag.
        current.cancelling.set(before);
    });
}

/// Like [`cancelling`], for a task whose executor is gone: no registry and no hook has it.
pub(crate) fn cancelling_for_nobody(run: impl FnOnce()) {
    CURRENT.with(|current| {
        let registry = current.registry.take();
        let hooked = current.hooked.replace(false);
        cancelling(run);
        current.registry.set(registry);
        current.hooked.set(hooked);
    });
}

/// The calling thread blocks on a future that it polls with a waker of this `data`; gives back what was so
/// before.
pub(crate) fn set_blocking(data: *const ()) -> *const () {
    CURRENT.with(|current| current.blocking.replace(data))
}

/// The handle of `task` was polled with `waker`, and was not ready.
#[inline]
pub(crate) fn note_awaited(task: TaskId, waker: &Waker) {
    let _ = CURRENT.try_with(|current| {
        if current.blocking.get() == waker.data() {
            current.awaited.set(Some(task));
        }
    });
}

/// The last task whose handle was polled by this thread's `block_on` and was not ready.
pub(crate) fn take_awaited() -> Option<TaskId> {
    CURRENT.with(|current| current.awaited.take())
}

/// Runs `run`, which runs one runnable of the executor with this `registry`, on a thread that may be none
/// of its workers.
pub(crate) fn visiting(registry: &'static Registry, hooks: Option<Arc<Hooks>>, run: impl FnOnce()) {
    CURRENT.with(|current| {
        let registry = current.registry.replace(Some(registry));
        let registered = current.registered.get();
        let blocking = current.blocking.replace(std::ptr::null());
        let hooked = current.hooked.replace(hooks.is_some());
        let hooks = HOOKED.with_borrow_mut(|hooked| std::mem::replace(&mut hooked.hooks, hooks));
        run();
        current.registry.set(registry);
        current.registered.set(registered);
        current.blocking.set(blocking);
        current.hooked.set(hooked);
        HOOKED.with_borrow_mut(|hooked| hooked.hooks = hooks);
    });
}

/// Whether hooks want to hear of what happens to tasks on this thread.
#[inline]
pub(crate) fn is_hooked() -> bool {
    CURRENT.try_with(|current| current.hooked.get()) == Ok(true)
}

/// The hooks of this thread's executor.
fn hooks() -> Option<Arc<Hooks>> {
    HOOKED
        .try_with(|hooked| hooked.borrow().hooks.clone())
        .ok()
        .flatten()
}

/// Runs `run`, which runs one runnable of the task `info`, between the hooks for a poll.
#[cold]
pub(crate) fn hooked_poll(info: TaskInfo, run: impl FnOnce()) {
    let Some(hooks) = hooks() else { return run() };
    tell(hooks.poll_begin.as_ref(), |hook| hook(&info));
    let before = HOOKED.with_borrow_mut(|hooked| hooked.task.replace(info.clone()));
    run();
    HOOKED.with_borrow_mut(|hooked| hooked.task = before);
    tell(hooks.poll_end.as_ref(), |hook| hook(&info));
}

/// Tells the hooks that the task that is polled panicked.
#[cold]
pub(crate) fn tell_panic(payload: &Payload) {
    tell_of_task(|hooks, task| tell(hooks.panic.as_ref(), |hook| hook(task, payload.get())));
}

/// Tells the hooks that the task that is polled ended.
#[cold]
pub(crate) fn tell_finish(how: Finish) {
    tell_of_task(|hooks, task| tell(hooks.finish.as_ref(), |hook| hook(task, how)));
}

fn tell_of_task(call: impl FnOnce(&Hooks, &TaskInfo)) {
    let task = HOOKED
        .try_with(|hooked| hooked.borrow().task.clone())
        .ok()
        .flatten();
    if let (Some(hooks), Some(task)) = (hooks(), task) {
        call(&hooks, &task);
    }
}
