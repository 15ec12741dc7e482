//! smol: its executor on threads that run it, which drive the reactor of `async-io` in turn.

use std::future::{Future, pending};
use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::Instant;

use hyper::rt::{Read, Write};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol_hyper::rt::FuturesIo;

use super::Runtime;

#[derive(Debug)]
pub(crate) struct Smol;

static EXECUTOR: smol::Executor<'static> = smol::Executor::new();

impl Runtime for Smol {
    type Listener = smol::net::TcpListener;
    type Stream = smol::net::TcpStream;

    fn run<F>(threads: usize, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        for _ in 0..threads {
            thread::spawn(|| smol::block_on(EXECUTOR.run(pending::<()>())));
        }
        smol::block_on(EXECUTOR.spawn(future))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        EXECUTOR.spawn(future).detach();
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
        FuturesIo::new(stream)
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(stream, buffer).await
    }

    async fn write_all(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(stream, bytes).await
    }

    async fn sleep_until(deadline: Instant) {
        smol::Timer::at(deadline).await;
    }
}
