//! rejoin with the sockets and timers of `rejoin-io`.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Instant;

use hyper::rt::{Read, Write};

use super::Runtime;

#[derive(Debug)]
pub(crate) struct Rejoin;

/// Starts the global executor and runs a task on it.
pub(super) fn run<F>(threads: usize, future: F) -> F::Output
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let global = rejoin::Executor::builder().threads(threads).build_global();
    global.expect("the first to ask for it");
    rejoin::block_on(rejoin::spawn(future))
}

impl Runtime for Rejoin {
    type Listener = rejoin_io::TcpListener;
    type Stream = rejoin_io::TcpStream;

    fn run<F>(threads: usize, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        run(threads, future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        rejoin::spawn(future).detach();
    }

    fn listener(listener: TcpListener) -> io::Result<Self::Listener> {
        listener.try_into()
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn for_hyper(stream: Self::Stream) -> impl Read + Write + Unpin + Send + 'static {
        stream
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send + 'static {
        rejoin_io::sleep_until(deadline)
    }
}
