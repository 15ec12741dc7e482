//! Sockets and timers for the executor [`rejoin`], in entirely safe code.
//!
//! An idle worker sleeps in the system's poller instead of beside it: there is no thread more, and between an event and
//! the poll of its task there is no hand-off. There is nothing to set up; the first socket or timer does it.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//! use rejoin_io::{TcpListener, TcpStream, timeout};
//!
//! rejoin::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!
//!     // A server that sends back what it gets.
//!     let mut server = rejoin::spawn(async move {
//!         let mut incoming = listener.incoming();
//!         loop {
//!             let (stream, _) = incoming.next().await?;
//!             rejoin::spawn(async move { futures_lite::io::copy(&stream, &stream).await }).detach();
//!             # if false { break Ok::<(), std::io::Error>(()) }
//!         }
//!     });
//!
//!     let client = TcpStream::connect(address).await?;
//!     client.write_all(b"anybody there?").await?;
//!     let mut answer = [0; 64];
//!     let len = timeout(Duration::from_secs(10), client.read(&mut answer)).await??;
//!     assert_eq!(&answer[..len], b"anybody there?");
//!     server.cancel_handle().cancel();
//!     Ok(())
//! })
//! # }
//! ```
//!
//! | what | where |
//! |---|---|
//! | TCP | [`TcpStream`], [`TcpListener`] |
//! | UDP | [`UdpSocket`] |
//! | Unix | `UnixStream`, `UnixListener`, `UnixDatagram` |
//! | connections, through all errors that pass | [`Incoming`] |
//! | time | [`sleep`], [`sleep_until`], [`timeout()`], [`interval`], [`Timer`] |
//! | hyper and axum | module `hyper`, with the feature of that name |
//!
//! # What is guaranteed
//!
//! - **No event is lost**, whoever waits and wherever workers sleep at that moment.
//! - **Computation does not starve I/O**: workers that are busy look at the poller once in 61 polls, or in 3 if these are
//!   long, and a worker that is idle sleeps there. A single poll that does not end keeps its own worker only.
//! - **I/O does not starve tasks**: a socket that is always ready gives way after 128 operations.
//! - **Dropping a future of this crate** has no effect but that it is not done: what was not read is there for the next
//!   who reads.
//!
//! # Where it works
//!
//! In tasks of any executor of rejoin, in [`rejoin::block_on`], and under every other executor: then rejoin's workers, whose
//! global executor is started if no other is there, look after the sockets, and a wake is a hand-off from there. If no thread
//! can be started, the operation fails and says so.
//!
//! In a [simulation](rejoin::sim) timers are virtual, and sockets are refused.
//!
//! # Systems
//!
//! Built and tested on Linux. It is written for every system that mio knows, and has been built on no other. There is
//! none on `wasm32-unknown-unknown`.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `hyper` | off | hyper's `Read`, `Write`, `Executor`, `Timer` |

#![forbid(unsafe_code)]

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
compile_error!(
    "rejoin-io stands on the sockets of an operating system, and this target has none; \
     on wasm32-unknown-unknown use the host's, for instance by gloo"
);

mod tcp;
mod udp;
#[cfg(unix)]
mod unix;
mod accept;
mod addresses;
mod timer;
#[cfg(feature = "hyper")]
pub mod hyper;
mod stream;
mod io;
mod source;
mod reactor;
mod timers;
mod sync;
#[cfg(all(test, rejoin_model))]
mod model;

pub use accept::Incoming;
pub use addresses::ToAddresses;
pub use tcp::{TcpListener, TcpStream};
pub use timer::{Elapsed, Interval, Timeout, Timer, interval, sleep, sleep_until, timeout};
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixDatagram, UnixListener, UnixStream};

/// The program in the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
