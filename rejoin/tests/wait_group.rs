//! The wait group's own suite, on this executor.

#![forbid(unsafe_code)]

#[path = "../../wait-group/tests/it/suite.rs"]
mod suite;

struct Rejoin;

impl suite::Runtime for Rejoin {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        rejoin::spawn(future).detach();
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        rejoin::block_on(future)
    }
}

suite::on!(rejoin_executor, crate::Rejoin);
