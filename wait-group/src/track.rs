//! The worker that is a future.

use core::future::Future;

use crate::WaitGroup;

impl WaitGroup {
    /// Makes `future` one more worker, from now until it has been dropped.
    ///
    /// It counts from this call on, polled or not, so that nothing is missed between here and the
    /// spawn. When the future is ready, it is dropped first and its worker is done after that, before
    /// the output is given out; when it is cancelled or panics, likewise. So what the future's own
    /// destructors do is part of the work.
    ///
    /// It is as `Send` as the future is, so that it cannot smuggle anything to another thread:
    ///
    /// ```compile_fail,E0277
    /// let local = std::rc::Rc::new(());
    /// let group = rejoin_wait_group::WaitGroup::new();
    /// smol::spawn(group.track(async move { drop(local) })).detach();
    /// ```
    ///
    /// # Cost
    ///
    /// One clone and one drop of a handle. The result is an async block around `future`, and the
    /// compiler gives such a block room for it twice: box a future that is large.
    ///
    /// # Examples
    ///
    /// ```
    /// use rejoin_wait_group::WaitGroup;
    ///
    /// # smol::block_on(async {
    /// let group = WaitGroup::new();
    /// let answer = smol::spawn(group.track(async { 6 * 7 }));
    /// group.wait().await;
    /// assert_eq!(answer.await, 42);
    /// # });
    /// ```
    #[cfg_attr(feature = "trace", track_caller)]
    pub fn track<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let worker = self.clone();
        async move {
            // Awaited as a temporary, so that it has been dropped when the next line runs. A block
            // that is dropped earlier drops what it has captured in this order: future, worker.
            let output = future.await;
            drop(worker);
            output
        }
    }
}
