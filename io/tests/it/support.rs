//! Executors of every size, and what tests wait with.

use std::any::type_name;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rejoin::Executor;
use rejoin_io::TcpStream;

use crate::watchdog::{step, watchdog};

/// The numbers of workers that every situation is run with.
const SIZES: [usize; 3] = [1, 2, 4];

/// Runs `test` on executors of every size, inside of them, under a watchdog that knows its name.
pub(crate) fn with_workers<F, R>(test: F)
where
    F: Fn() -> R,
    R: Future<Output = io::Result<()>>,
{
    for workers in SIZES {
        let _watchdog = watchdog(format!("{} with {workers} workers", name_of::<F>()));
        let executor = executor(workers);
        executor.block_on(test()).unwrap();
        step("the end of the executor");
        drop(executor);
    }
}

/// Runs `test` under a watchdog that knows its name.
pub(crate) fn watched<T: FnOnce()>(test: T) {
    let _watchdog = watchdog(name_of::<T>());
    test();
}

/// The path of the function whose closure `T` is.
fn name_of<T>() -> &'static str {
    type_name::<T>().trim_end_matches("::{{closure}}")
}

pub(crate) fn executor(workers: usize) -> Executor {
    Executor::builder().threads(workers).build().unwrap()
}

/// Polls `future` once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Reads until `buffer` is full.
pub(crate) async fn read_all(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut len = 0;
    while len < buffer.len() {
        match stream.read(&mut buffer[len..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            some => len += some,
        }
    }
    Ok(())
}

/// Bytes that tell where they are.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place * 31 % 251) as u8).collect()
}
