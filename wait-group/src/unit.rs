//! What a worker handle holds: its part in the count, and with `trace` its entry in the table of
//! handles as well. It takes eight bytes either way.

#[cfg(not(feature = "trace"))]
pub(crate) use plain::Unit;
#[cfg(feature = "trace")]
pub(crate) use traced::Unit;

#[cfg(not(feature = "trace"))]
mod plain {
    use crate::sync::Arc;
    use crate::workers::Workers;

    #[derive(Clone)]
    pub(crate) struct Unit(Arc<Workers>);

    impl Unit {
        pub(crate) fn new(workers: Arc<Workers>) -> Self {
            Unit(workers)
        }

        pub(crate) fn workers(&self) -> &Arc<Workers> {
            &self.0
        }

        pub(crate) fn into_workers(self) -> Arc<Workers> {
            self.0
        }
    }
}

#[cfg(feature = "trace")]
mod traced {
    use crate::sync::Arc;
    use crate::trace::{Name, Seat};
    use crate::workers::Workers;

    // Boxed, so that the handle keeps its size.
    pub(crate) struct Unit(Box<Traced>);

    struct Traced {
        /// First, so that who has left the count is never in the table any more.
        seat: Seat,
        workers: Arc<Workers>,
    }

    impl Unit {
        #[track_caller]
        pub(crate) fn new(workers: Arc<Workers>) -> Self {
            Self::named(workers, None)
        }

        #[track_caller]
        pub(crate) fn named(workers: Arc<Workers>, name: Option<Name>) -> Self {
            let seat = Seat::take(&workers.waiters, name);
            Unit(Box::new(Traced { seat, workers }))
        }

        pub(crate) fn seat(&self) -> &Seat {
            &self.0.seat
        }

        pub(crate) fn workers(&self) -> &Arc<Workers> {
            &self.0.workers
        }

        pub(crate) fn into_workers(self) -> Arc<Workers> {
            let Traced { seat, workers } = *self.0;
            drop(seat);
            workers
        }
    }

    impl Clone for Unit {
        #[track_caller]
        fn clone(&self) -> Self {
            Self::named(Arc::clone(&self.0.workers), self.0.seat.name())
        }
    }
}
