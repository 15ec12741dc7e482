//! The runtimes, each as its own users use it. A type without fields each, and everything is generic: nothing is boxed
//! for one that is not for all.

mod rejoin;
mod rejoin_async_io;
mod smol;
mod tokio;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Instant;

use hyper::rt::{Read, Write};

pub(crate) use self::rejoin::Rejoin;
pub(crate) use self::rejoin_async_io::RejoinAsyncIo;
pub(crate) use self::smol::Smol;
pub(crate) use self::tokio::Tokio;

/// What the rows ask of a runtime.
pub(crate) trait Runtime: 'static {
    type Listener: Send + 'static;
    type Stream: Send + 'static;

    /// Starts `threads` workers and runs `future` as a task on them.
    fn run<F>(threads: usize, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static;

    /// From within a task: another one, that nobody awaits.
    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    /// Takes over a listener that does not block.
    fn listener(listener: TcpListener) -> io::Result<Self::Listener>;

    /// The next connection, which sends small writes at once.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<Self::Stream>> + Send + '_;

    /// The connection as hyper wants it.
    fn for_hyper(stream: Self::Stream) -> impl Read + Write + Unpin + Send + 'static;

    fn read(
        stream: &mut Self::Stream,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send;

    fn write_all(
        stream: &mut Self::Stream,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>> + Send;

    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send + 'static;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Rejoin,
    RejoinAsyncIo,
    Tokio,
    Smol,
}

impl Id {
    pub(crate) const ALL: [Self; 4] = [Self::Rejoin, Self::RejoinAsyncIo, Self::Tokio, Self::Smol];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rejoin => "rejoin",
            Self::RejoinAsyncIo => "rejoin+async-io",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|id| id.name() == name);
        found.ok_or_else(|| format!("no runtime is called {name}"))
    }

    /// The package whose version a record states.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Rejoin => "rejoin-io",
            Self::RejoinAsyncIo => "async-io",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
        }
    }
}

/// Calls a generic function of a module with the type that `id` names.
macro_rules! on {
    ($id:expr, $module:ident::$function:ident, $($argument:expr),*) => {
        match $id {
            $crate::runtimes::Id::Rejoin => {
                $crate::$module::$function::<$crate::runtimes::Rejoin>($($argument),*)
            }
            $crate::runtimes::Id::RejoinAsyncIo => {
                $crate::$module::$function::<$crate::runtimes::RejoinAsyncIo>($($argument),*)
            }
            $crate::runtimes::Id::Tokio => {
                $crate::$module::$function::<$crate::runtimes::Tokio>($($argument),*)
            }
            $crate::runtimes::Id::Smol => {
                $crate::$module::$function::<$crate::runtimes::Smol>($($argument),*)
            }
        }
    };
}
pub(crate) use on;
