//! Ctrl-C and its like, as bytes on a stream: no thread is needed to wait for them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rejoin_io::UnixStream;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// What a shell shows for a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

pub(crate) struct Signals {
    interrupts: UnixStream,
    terminations: UnixStream,
}

impl Signals {
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            interrupts: on(SIGINT)?,
            terminations: on(SIGTERM)?,
        })
    }

    /// The name of the next one.
    pub(crate) async fn next(&mut self) -> &'static str {
        let (mut one, mut other) = ([0], [0]);
        let interrupt = async {
            let _ = self.interrupts.read(&mut one).await;
            "interrupted"
        };
        let termination = async {
            let _ = self.terminations.read(&mut other).await;
            "told to end"
        };
        futures_lite::future::or(interrupt, termination).await
    }
}

/// A stream with a byte for each `signal`. The second signal ends the program where it stands.
fn on(signal: i32) -> io::Result<UnixStream> {
    let second = Arc::new(AtomicBool::new(false));
    // In this order: the first signal finds the flag down, and raises it.
    flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&second))?;
    flag::register(signal, second)?;
    let (sender, receiver) = std::os::unix::net::UnixStream::pair()?;
    pipe::register(signal, sender)?;
    receiver.try_into()
}
