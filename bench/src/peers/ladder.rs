//! The five steps of the ladder, which lead to rejoin: what each of them bought.
//!
//! They run only when they are named: they are here for the guide, and not to be beaten.

use super::{Info, Need, Peer};
use std::sync::OnceLock;

const ENDLESS: &str = "its threads never end";
const NO_CANCEL: &str = "its handle is a channel's receiver";

/// What no step can do.
const ALL_LACK: [(Need, &str); 3] = [
    (Need::Own, ENDLESS),
    (Need::Teardown, ENDLESS),
    (Need::Bare, "it always has a thread"),
];

/// What the first two cannot do besides.
const FIRST_LACK: [(Need, &str); 5] = [
    ALL_LACK[0],
    ALL_LACK[1],
    ALL_LACK[2],
    (Need::Cancel, NO_CANCEL),
    (Need::Abort, NO_CANCEL),
];

/// The peer of one step. It cancels by `$cancel`, given the handle.
macro_rules! step {
    ($info:ident, $peer:ident, $step:ident, $lacks:expr, |$handle:ident| $cancel:expr) => {
        pub(super) const $info: Info = Info {
            name: concat!("ladder-", stringify!($step)),
            package: "rejoin-ladder",
            is_general: false,
            lacks: &$lacks,
            threads_variable: None,
        };

        /// One step of the ladder.
        #[derive(Debug)]
        pub(crate) struct $peer;

        impl $peer {
            fn executor() -> rejoin_ladder::$step::Executor {
                *Self::place().get().expect("started")
            }

            fn place() -> &'static OnceLock<rejoin_ladder::$step::Executor> {
                static EXECUTOR: OnceLock<rejoin_ladder::$step::Executor> = OnceLock::new();
                &EXECUTOR
            }
        }

        impl Peer for $peer {
            type Handle<T: Send + 'static> = rejoin_ladder::$step::JoinHandle<T>;

            fn start(threads: usize) {
                let executor = rejoin_ladder::$step::Executor::start(threads);
                Self::place().set(executor).expect("started once");
            }

            fn spawn<F>(future: F) -> Self::Handle<F::Output>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                Self::executor().spawn(future)
            }

            fn detach<F>(future: F)
            where
                F: Future<Output = ()> + Send + 'static,
            {
                drop(Self::executor().spawn(future));
            }

            fn block_on<F>(future: F) -> F::Output
            where
                F: Future + Send,
                F::Output: Send,
            {
                rejoin_ladder::block_on(future)
            }

            fn yield_now() -> impl Future<Output = ()> + Send {
                futures_lite::future::yield_now()
            }

            async fn cancel<T: Send + 'static>($handle: Self::Handle<T>) -> Option<T> {
                $cancel
            }

            fn abort<T: Send + 'static>(handle: Self::Handle<T>) {
                // The first poll cancels; only who wants to wait needs more.
                let cancel = std::pin::pin!(Self::cancel(handle));
                let waker = std::task::Waker::noop();
                let _ = cancel.poll(&mut std::task::Context::from_waker(waker));
            }
        }
    };
}

step!(V1, LadderV1, v1, FIRST_LACK, |_handle| None);
step!(V2, LadderV2, v2, FIRST_LACK, |_handle| None);
step!(V3, LadderV3, v3, ALL_LACK, |handle| handle.cancel().await);
step!(V4, LadderV4, v4, ALL_LACK, |handle| handle.cancel().await);
step!(V5, LadderV5, v5, ALL_LACK, |handle| handle.cancel().await);
