//! rejoin with the sockets and timers of `async-io`, which have a thread of their own.

use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use async_io::{Async, Timer};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use hyper::rt::{Read, Write};
use smol_hyper::rt::FuturesIo;

use super::Runtime;

#[derive(Debug)]
pub(crate) struct RejoinAsyncIo;

impl Runtime for RejoinAsyncIo {
    type Listener = Async<TcpListener>;
    type Stream = Async<TcpStream>;

    fn run<F>(threads: usize, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        super::rejoin::run(threads, future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        rejoin::spawn(future).detach();
    }

    fn listener(listener: TcpListener) -> io::Result<Self::Listener> {
        Async::new_nonblocking(listener)
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        stream.get_ref().set_nodelay(true)?;
        Ok(stream)
    }

    fn for_hyper(stream: Self::Stream) -> impl Read + Write + Unpin + Send + 'static {
        FuturesIo::new(stream)
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(stream, buffer).await
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(stream, bytes).await
    }

    async fn sleep_until(deadline: Instant) {
        Timer::at(deadline).await;
    }
}
