//! The waiter.

use core::fmt;
use core::future::{Future, poll_fn};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use crate::WaitGroup;
use crate::slab::Key;
use crate::sync::Arc;
use crate::waiters::Waiters;

/// A waiter for a group: a future that is ready when the group is done.
///
/// It does not count as a worker. Any number of waiters, in tasks and in threads, may wait for one
/// group; each is woken once, when the last worker is done and not before. A waiter may be awaited by
/// reference, again after it was ready (it is ready again), given up at any time, and moved to
/// another task between two polls: the last waker it was polled with is the one that is woken. A
/// clone is a waiter of its own.
///
/// # Cost
///
/// The first poll that has to wait clones the waker and locks once: with `Arc`-like wakers, three
/// atomic operations. A further poll with the same waker is one load, a poll when the group is done
/// likewise. The group's first waiter allocates nothing; the table for the others grows by doubling.
/// Giving up a waiter that waits locks once and leaves nothing behind.
///
/// # Examples
///
/// ```
/// use rejoin_wait_group::WaitGroup;
///
/// # smol::block_on(async {
/// let group = WaitGroup::new();
/// let mut all = group.waiter();
/// let other = all.clone();
/// smol::spawn(group.track(async { /* work */ })).detach();
/// drop(group);
///
/// (&mut all).await;
/// assert!(all.is_done());
/// other.await;
/// # });
/// ```
#[must_use = "a waiter waits only when it is awaited or blocked on"]
pub struct Wait {
    waiters: Arc<Waiters>,
    /// Where this waiter's waker is, while it is one of those to be woken.
    place: Option<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    key: Key,
    waker: Identity,
}

/// Which waker lies in the waiter's place.
///
/// It stands for the waker without holding it. That is enough, for as long as the group is not done:
/// until then the waker itself lies in the table, so that no other can have come to its address.
#[derive(Clone, Copy, PartialEq)]
struct Identity {
    data: usize,
    vtable: usize,
}

impl Identity {
    fn of(waker: &Waker) -> Self {
        Identity {
            data: waker.data().addr(),
            vtable: core::ptr::from_ref(waker.vtable()).addr(),
        }
    }
}

impl Wait {
    pub(crate) fn new(waiters: Arc<Waiters>) -> Self {
        Wait {
            waiters,
            place: None,
        }
    }

    /// Whether the group is done. If so, all that its workers wrote is visible.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let waiter = group.waiter();
    /// assert!(!waiter.is_done());
    /// drop(group);
    /// assert!(waiter.is_done());
    /// ```
    pub fn is_done(&self) -> bool {
        self.waiters.is_done()
    }

    /// How many workers are at work: 0 exactly if the group is done.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let (worker, waiter) = (group.clone(), group.wait());
    /// assert_eq!(waiter.workers(), 1);
    /// drop(worker);
    /// assert_eq!(waiter.workers(), 0);
    /// ```
    pub fn workers(&self) -> usize {
        self.waiters.workers()
    }

    /// One more worker, unless the last one has left.
    ///
    /// The two are one step, so nobody can slip into a group whose completion has begun: whoever
    /// gets a handle is waited for, and after the first `None` there is never a handle again. So a
    /// server that joins for each request never serves one behind the back of its shutdown. It must
    /// still be told to stop letting requests in: a group that always has a worker is never done.
    ///
    /// `None` says no more than that. That the group is done, with everything its workers wrote
    /// visible, is what [`is_done`](Self::is_done) and the wait itself say, and they may say so a
    /// moment later.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// let open = WaitGroup::new();
    /// let door = open.waiter();
    ///
    /// let request = door.try_join().expect("the server is open");
    /// drop(open);
    /// let late = door.try_join().expect("a request is still at work");
    /// drop((request, late));
    /// assert!(door.try_join().is_none());
    /// ```
    #[must_use = "a worker whose handle is dropped is done"]
    #[cfg_attr(feature = "trace", track_caller)]
    pub fn try_join(&self) -> Option<WaitGroup> {
        let workers = self.waiters.join()?;
        Some(WaitGroup::from_workers(workers))
    }

    /// Waits until the group is done or `stop` is ready, whichever is first.
    ///
    /// With any runtime's timer for `stop`, this bounds the wait. If `stop` was first, its output
    /// comes back together with the waiter, to ask who is missing or to wait on. A group that is
    /// done wins over a `stop` that is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// # smol::block_on(async {
    /// let group = WaitGroup::new();
    /// let worker = group.clone();
    ///
    /// let timer = smol::Timer::after(Duration::from_millis(1));
    /// let (_instant, waiter) = group.wait().or(timer).await.unwrap_err();
    /// assert_eq!(waiter.workers(), 1);
    ///
    /// drop(worker);
    /// assert!(waiter.or(std::future::pending::<()>()).await.is_ok());
    /// # });
    /// ```
    pub async fn or<F: Future>(self, stop: F) -> Result<(), (F::Output, Wait)> {
        let mut wait = self;
        let stopped = {
            let mut stop = pin!(stop);
            poll_fn(|cx| match Pin::new(&mut wait).poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => stop.as_mut().poll(cx).map(Some),
            })
            .await
        };
        match stopped {
            None => Ok(()),
            Some(output) => Err((output, wait)),
        }
    }

    #[cfg(any(feature = "trace", all(test, rejoin_model)))]
    pub(crate) fn waiters(&self) -> &Arc<Waiters> {
        &self.waiters
    }
}

#[cfg(all(test, rejoin_model))]
impl Wait {
    pub(crate) fn leaves_trustingly(&self) -> bool {
        let place = self.place.as_ref();
        place.is_none_or(|place| self.waiters.leave_trustingly(place.key))
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiters.is_done() {
            self.place = None;
            return Poll::Ready(());
        }
        let polled = Identity::of(cx.waker());
        match self.place {
            None => self.enter(cx.waker()),
            Some(Place { waker, .. }) if waker == polled => Poll::Pending,
            Some(Place { key, .. }) => self.replace(key, cx.waker()),
        }
    }
}

impl Wait {
    // A clone of a waker may panic, or complete the group: nothing has changed yet, and the group is
    // looked at once more under the lock. A drop of one may panic, or poll other waiters: it comes
    // last.

    fn enter(&mut self, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let identity = Identity::of(&waker);
        match self.waiters.enter(waker) {
            Ok(key) => {
                let waker = identity;
                self.place = Some(Place { key, waker });
                Poll::Pending
            }
            Err(_unused) => Poll::Ready(()),
        }
    }

    fn replace(&mut self, key: Key, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let identity = Identity::of(&waker);
        match self.waiters.replace(key, waker) {
            Ok(_old) => {
                let waker = identity;
                self.place = Some(Place { key, waker });
                Poll::Pending
            }
            Err(_unused) => {
                self.place = None;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(Place { key, .. }) = self.place {
            drop(self.waiters.leave(key));
        }
    }
}

/// A waiter of its own, for the same group.
impl Clone for Wait {
    fn clone(&self) -> Self {
        Wait::new(Arc::clone(&self.waiters))
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("workers", &self.workers())
            .finish()
    }
}

// As for `WaitGroup`.
impl UnwindSafe for Wait {}
impl RefUnwindSafe for Wait {}
