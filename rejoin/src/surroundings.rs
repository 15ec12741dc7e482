//! What surrounds the future that is polled on this thread: values in scope, and a local executor.
//!
//! # Invariant
//!
//! A task sees what its own future has put around itself, never what surrounds another one on whose stack it
//! happens to be polled or dropped.
//!
//! # Why it holds
//!
//! Who surrounds a poll with something puts back what was there, also when the poll panics, so between polls
//! there is nothing. Where a task is run on top of a poll that goes on, it is run [`aside`]: for a
//! thread in `block_on` that runs what it waits for, and for the tasks of executors that are gone.

use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    /// Never dropped: it is empty but while something is polled. Without a destructor there is no check at
    /// each access, and none that could fail while the thread ends.
    static AROUND: ManuallyDrop<Around> = const { ManuallyDrop::new(Around {
        values: RefCell::new(None),
        local: RefCell::new(None),
    }) };
}

struct Around {
    values: RefCell<Values>,
    /// The tasks of a local executor, whose type is no business of this layer.
    local: RefCell<Option<Rc<dyn Any>>>,
}

/// The values in scope, one for each key.
pub(crate) type Values = Option<Arc<[Value]>>;

/// A value, and the key whose it is.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) key: usize,
    pub(crate) value: Arc<dyn Any + Send + Sync>,
}

/// Puts `values` around the thread, and gives back what was there.
pub(crate) fn set_values(values: Values) -> Values {
    AROUND.with(|around| around.values.replace(values))
}

/// What is in scope.
pub(crate) fn values() -> Values {
    AROUND.with(|around| around.values.borrow().clone())
}

/// The value in scope for `key`.
pub(crate) fn value(key: usize) -> Option<Arc<dyn Any + Send + Sync>> {
    AROUND.with(|around| {
        let values = around.values.borrow();
        let value = values.as_deref()?.iter().find(|value| value.key == key)?;
        Some(Arc::clone(&value.value))
    })
}

/// Puts a local executor around the thread, and gives back what was there.
pub(crate) fn set_local(local: Option<Rc<dyn Any>>) -> Option<Rc<dyn Any>> {
    AROUND.with(|around| around.local.replace(local))
}

/// What `look`, which is no user code, makes of the local executor around the thread.
#[inline]
pub(crate) fn with_local<R>(look: impl FnOnce(&Rc<dyn Any>) -> R) -> Option<R> {
    AROUND.with(|around| around.local.borrow().as_ref().map(look))
}

/// While it lives, nothing is in scope.
pub(crate) struct NoValues(Values);

impl NoValues {
    pub(crate) fn begin() -> Self {
        Self(set_values(None))
    }
}

impl Drop for NoValues {
    fn drop(&mut self) {
        set_values(self.0.take());
    }
}

/// Runs `run`, which runs a task on top of a poll that goes on, as if that were not there.
pub(crate) fn aside(run: impl FnOnce()) {
    /// Puts back what it was.
    struct Back(Option<Rc<dyn Any>>);

    impl Drop for Back {
        fn drop(&mut self) {
            set_local(self.0.take());
        }
    }

    let _values = NoValues::begin();
    let _local = Back(set_local(None));
    run();
}
