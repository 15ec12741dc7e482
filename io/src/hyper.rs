//! hyper 1 on rejoin: its traits for our sockets, tasks and timers.
//!
//! [`TcpStream`](crate::TcpStream) and [`UnixStream`](crate::UnixStream) are read and written by hyper as they are;
//! [`OnRejoin`] is what it spawns and sleeps by. An axum `Router` is a service, and needs no more either, as long as
//! `axum::serve` is not used, which spawns on tokio.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::body::{Bytes, Incoming};
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//! use rejoin_io::hyper::OnRejoin;
//! use rejoin_io::{TcpListener, TcpStream};
//!
//! rejoin::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     let server = rejoin::spawn(async move {
//!         let (stream, _) = listener.incoming().next().await?;
//!         let hello = service_fn(|_: Request<Incoming>| async {
//!             Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello from rejoin"))))
//!         });
//!         hyper::server::conn::http1::Builder::new()
//!             .timer(OnRejoin)
//!             .header_read_timeout(Duration::from_secs(10))
//!             .serve_connection(stream, hello)
//!             .await
//!             .map_err(std::io::Error::other)
//!     });
//!
//!     let stream = TcpStream::connect(address).await?;
//!     let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
//!         .await
//!         .map_err(std::io::Error::other)?;
//!     let driven = rejoin::spawn(connection);
//!     let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
//!     let answer = sender.send_request(request).await.map_err(std::io::Error::other)?;
//!     let body = answer.into_body().collect().await.map_err(std::io::Error::other)?;
//!     assert_eq!(body.to_bytes(), "hello from rejoin");
//!     drop(sender);
//!     driven.await.map_err(std::io::Error::other)?;
//!     server.await
//! })
//! # }
//! ```
//!
//! # Cost
//!
//! What is read is copied once more, out of a buffer that each thread has: hyper's own can be filled without that only by
//! unsafe code. Beside the system call it does not show.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Executor, ReadBufCursor, Sleep};

use crate::io::Io;
use crate::source::Direction;
use crate::timer::Timer;

/// What one read can give at most.
const BUFFER: usize = 64 * 1024;

thread_local! {
    /// Lent out for the length of one system call.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// What hyper spawns and sleeps by: tasks of rejoin, and timers of this crate.
///
/// Tasks go to the executor that [`rejoin::spawn`] means.
///
/// # Examples
///
/// ```
/// use hyper::server::conn::{http1, http2};
/// use rejoin_io::hyper::OnRejoin;
///
/// let mut one = http1::Builder::new();
/// one.timer(OnRejoin);
/// let mut two = http2::Builder::new(OnRejoin);
/// two.timer(OnRejoin);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OnRejoin;

impl<F> Executor<F> for OnRejoin
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        rejoin::spawn(future).detach();
    }
}

impl hyper::rt::Timer for OnRejoin {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Timer::after(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Timer::at(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Timer>() {
            Some(timer) => timer.get_mut().set_at(new_deadline),
            // Somebody else's.
            None => *sleep = self.sleep_until(new_deadline),
        }
    }
}

impl Sleep for Timer {}

/// Reads into hyper's buffer.
pub(crate) fn poll_read<S>(
    cx: &Context<'_>,
    io: &Io<S>,
    mut cursor: ReadBufCursor<'_>,
) -> Poll<io::Result<()>>
where
    for<'a> &'a S: Read,
{
    let len = cursor.remaining().min(BUFFER);
    let read = io.poll_some(cx, Direction::Read, len, |mut socket| {
        READ.with_borrow_mut(|buffer| {
            let read = socket.read(&mut buffer[..len])?;
            cursor.put_slice(&buffer[..read]);
            Ok(read)
        })
    });
    read.map_ok(|_| ())
}
