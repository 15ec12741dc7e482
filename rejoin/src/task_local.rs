//! Values that go with a future, wherever it is polled.
//!
//! # Invariant
//!
//! A value is in scope exactly while the future that it was given to is polled or dropped.
//!
//! # Why it holds
//!
//! [`Scoped`] puts it around the thread at the beginning of each poll and takes it away at the end, by a guard
//! that a panic passes, too ([`surroundings`](crate::surroundings)). Tasks know nothing of it, and those
//! that use none do not pay for it.
//!
//! The list of what is in scope is immutable and shared: to enter a scope is to exchange one pointer. It is
//! built at the first poll, and again only if the future is polled within other scopes than the last time. Each key
//! is in it once, so it does not grow however deep one inherits.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::surroundings::{self, Value, Values, set_values};

/// The key of a value that goes with a future: a request's number, a user, a span of a trace.
///
/// It is a `static`; its values are put around futures by [`scope`](Self::scope), and looked at by
/// [`get`](Self::get) and [`with`](Self::with) from anywhere inside. A scope within a scope of the same key hides
/// the outer value.
///
/// A task does not inherit what surrounds its [`spawn`](crate::spawn), unless its future is wrapped in
/// [`inherit`]. Nothing of this needs our executor: it is the futures that are wrapped.
///
/// # Cost
///
/// Nothing for tasks that use none. A scope takes two allocations, three within another scope, and at each poll the
/// exchange of a pointer of the thread. A look goes through the list of what is in scope.
///
/// # Examples
///
/// ```
/// use rejoin::{TaskLocal, block_on, inherit, spawn};
///
/// static REQUEST: TaskLocal<u64> = TaskLocal::new();
///
/// async fn log(message: &str) -> String {
///     format!("request {}: {message}", REQUEST.get())
/// }
///
/// let line = spawn(REQUEST.scope(7, async {
///     assert_eq!(log("begins").await, "request 7: begins");
///     spawn(inherit(log("in a task below"))).await
/// }));
/// assert_eq!(block_on(line), "request 7: in a task below");
/// ```
pub struct TaskLocal<T: 'static> {
    /// Never set. It gives each key a place of its own, by which it is known, and keeps it from being a `const`,
    /// which would be another one at each use.
    place: OnceLock<()>,
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> TaskLocal<T> {
    /// A key, for a `static`.
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<String> = rejoin::TaskLocal::new();
    /// assert!(USER.try_with(|_| ()).is_none());
    /// ```
    #[expect(
        clippy::new_without_default,
        reason = "a default is not const, and a key that is no static is of no use"
    )]
    pub const fn new() -> Self {
        Self {
            place: OnceLock::new(),
            value: PhantomData,
        }
    }

    fn key(&'static self) -> usize {
        std::ptr::from_ref(&self.place).addr()
    }
}

impl<T: Send + Sync + 'static> TaskLocal<T> {
    /// A future like `future`, with `value` in scope whenever it is polled, and when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin::{TaskLocal, block_on};
    ///
    /// static DEPTH: TaskLocal<u32> = TaskLocal::new();
    ///
    /// block_on(DEPTH.scope(1, async {
    ///     assert_eq!(DEPTH.get(), 1);
    ///     DEPTH.scope(2, async { assert_eq!(DEPTH.get(), 2) }).await;
    ///     assert_eq!(DEPTH.get(), 1);
    /// }));
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<F> {
        let own = Value {
            key: self.key(),
            value: Arc::new(value),
        };
        Scoped {
            future: Some(future),
            own: Some(own),
            outer: None,
            values: None,
        }
    }

    /// Calls `f` with `value` in scope.
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<&str> = rejoin::TaskLocal::new();
    /// USER.sync_scope("root", || assert_eq!(USER.get(), "root"));
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let own = Value {
            key: self.key(),
            value: Arc::new(value),
        };
        let mut values = within(&own, &surroundings::values());
        let _entered = Entered::enter(&mut values);
        f()
    }

    /// What `look` makes of the value in scope.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<String> = rejoin::TaskLocal::new();
    /// let length = USER.scope("root".to_owned(), async { USER.with(|user| user.len()) });
    /// assert_eq!(rejoin::block_on(length), 4);
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        match self.try_with(look) {
            Some(result) => result,
            None => panic!(
                "no value of this TaskLocal is in scope; put one around the future by TaskLocal::scope, \
                 spawn with rejoin::inherit, or ask by TaskLocal::try_with"
            ),
        }
    }

    /// What `look` makes of the value in scope, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<String> = rejoin::TaskLocal::new();
    /// assert_eq!(USER.try_with(String::clone), None);
    /// ```
    pub fn try_with<R>(&'static self, look: impl FnOnce(&T) -> R) -> Option<R> {
        // Held by its own count: `look` may enter and leave scopes itself.
        let value = surroundings::value(self.key())?;
        value.downcast_ref().map(look)
    }

    /// The value in scope, as a clone.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<u32> = rejoin::TaskLocal::new();
    /// assert_eq!(rejoin::block_on(USER.scope(7, async { USER.get() })), 7);
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").finish_non_exhaustive()
    }
}

/// A future like `future`, with all that is in scope here and now in scope whenever it is polled, and when it is
/// dropped: in whatever task, and nothing else.
///
/// # Cost
///
/// An atomic increment, and that of any scope at each poll.
///
/// # Examples
///
/// ```
/// use rejoin::{TaskLocal, block_on, inherit, spawn};
///
/// static USER: TaskLocal<&str> = TaskLocal::new();
///
/// block_on(USER.scope("root", async {
///     assert_eq!(spawn(async { USER.try_with(|user| *user) }).await, None);
///     assert_eq!(spawn(inherit(async { USER.get() })).await, "root");
/// }));
/// ```
pub fn inherit<F: Future>(future: F) -> Scoped<F> {
    Scoped {
        future: Some(future),
        own: None,
        outer: None,
        values: surroundings::values(),
    }
}

pin_project! {
    /// The future of [`TaskLocal::scope`] and [`inherit`].
    ///
    /// # Examples
    ///
    /// ```
    /// static USER: rejoin::TaskLocal<u32> = rejoin::TaskLocal::new();
    /// let scoped: rejoin::Scoped<_> = USER.scope(7, std::future::ready(()));
    /// rejoin::block_on(scoped);
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<F> {
        // `None` once it was dropped.
        #[pin]
        future: Option<F>,
        // What is in scope beside what surrounds the poll; if nothing, `values` are all.
        own: Option<Value>,
        // What surrounded the last poll, where `own` counts.
        outer: Values,
        // What is in scope; built at the first poll where `own` counts.
        values: Values,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                bring_up_to_date(this.own, this.outer, this.values);
                let _entered = Entered::enter(this.values);
                this.future.set(None);
            }
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        bring_up_to_date(this.own, this.outer, this.values);
        let _entered = Entered::enter(this.values);
        let future = this.future.as_pin_mut();
        future
            .expect("a future is not polled after its drop")
            .poll(cx)
    }
}

/// Sees to it that `values` are those in scope now with those of `own`.
fn bring_up_to_date(own: &Option<Value>, outer: &mut Values, values: &mut Values) {
    let Some(own) = own else { return };
    let now = surroundings::values();
    let place = |values: &Values| values.as_ref().map(|values| Arc::as_ptr(values).addr());
    if values.is_none() || place(&now) != place(outer) {
        *values = within(own, &now);
        *outer = now;
    }
}

/// Those of `outer`, and `own`.
fn within(own: &Value, outer: &Values) -> Values {
    let Some(outer) = outer else {
        return Some(Arc::new([own.clone()]));
    };
    let mut values: Vec<Value> = outer.iter().cloned().collect();
    values.retain(|value| value.key != own.key);
    values.push(own.clone());
    Some(Arc::from(values))
}

/// While it lives, the values of the slot are in scope.
struct Entered<'a> {
    slot: &'a mut Values,
    outer: Values,
}

impl<'a> Entered<'a> {
    fn enter(slot: &'a mut Values) -> Self {
        let outer = set_values(slot.take());
        Self { slot, outer }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        *self.slot = set_values(self.outer.take());
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
