//! Letting connections in, whatever befalls one of them.
//!
//! # Invariant
//!
//! A server that accepts by [`Incoming`] stops only when its listener itself is broken, and never spins.
//!
//! # Why it holds
//!
//! Errors of `accept` are of three kinds. One that belongs to a connection that is gone already is passed over. That
//! of a listener which is shut down is given to the caller. All others (no descriptor is left, no memory, an error that
//! nobody foresaw) are taken to pass: the connection stays in the system's queue, and after a pause, twice as long each
//! time, it is tried again. The poller would not tell of it once more; but a listener counts as ready until
//! `accept` finds nothing, so no event is needed.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::timer::sleep;

/// The first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Whom to tell of a pause.
type Tell<'a> = Box<dyn FnMut(&io::Error) + Send + 'a>;

/// Something that connections come from.
pub(crate) trait Accept {
    type Connection;

    async fn accept_one(&self) -> io::Result<Self::Connection>;
}

/// The connections of a listener, one after another, through all errors that pass.
///
/// Made by the method `incoming` of a listener.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use rejoin_io::{TcpListener, TcpStream};
///
/// rejoin::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let client = rejoin::spawn(async move { TcpStream::connect(address).await });
///     let mut incoming = listener.incoming();
///     let (stream, peer) = incoming.next().await?;
///     assert_eq!(client.await?.local_addr()?, peer);
///     # drop(stream);
///     Ok(())
/// })
/// # }
/// ```
pub struct Incoming<'a, L> {
    listener: &'a L,
    pause: Duration,
    pauses: u64,
    on_pause: Option<Tell<'a>>,
}

impl<'a, L> Incoming<'a, L> {
    pub(crate) fn of(listener: &'a L) -> Self {
        Self {
            listener,
            pause: FIRST_PAUSE,
            pauses: 0,
            on_pause: None,
        }
    }

    /// How often there was a pause because none could be accepted.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// let listener = rejoin_io::TcpListener::bind("127.0.0.1:0").await?;
    /// assert_eq!(listener.incoming().pauses(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn pauses(&self) -> u64 {
        self.pauses
    }

    /// Calls `tell` before each pause, with the reason: for a log.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// let listener = rejoin_io::TcpListener::bind("127.0.0.1:0").await?;
    /// let incoming = listener
    ///     .incoming()
    ///     .on_pause(|error| eprintln!("no connection can be accepted: {error}"));
    /// # drop(incoming);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use = "this gives back the connections that are to be awaited"]
    pub fn on_pause(mut self, tell: impl FnMut(&io::Error) + Send + 'a) -> Self {
        self.on_pause = Some(Box::new(tell));
        self
    }

    /// The next connection.
    pub(crate) async fn next_of(&mut self) -> io::Result<L::Connection>
    where
        L: Accept,
    {
        loop {
            let error = match self.listener.accept_one().await {
                Ok(connection) => {
                    self.pause = FIRST_PAUSE;
                    return Ok(connection);
                }
                Err(error) => error,
            };
            match Fault::of(&error) {
                Fault::Connection => {}
                Fault::Listener => return Err(error),
                Fault::System => {
                    self.pauses += 1;
                    if let Some(tell) = &mut self.on_pause {
                        tell(&error);
                    }
                    sleep(self.pause).await;
                    self.pause = (2 * self.pause).min(LAST_PAUSE);
                }
            }
        }
    }
}

impl<L> fmt::Debug for Incoming<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("pauses", &self.pauses)
            .finish_non_exhaustive()
    }
}

/// Whose fault an error of `accept` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It is gone before it was accepted.
    Connection,
    /// It does not accept any more.
    Listener,
    /// There is something lacking at the moment.
    System,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused => Self::Connection,
            ErrorKind::InvalidInput => Self::Listener,
            _ => Self::System,
        }
    }
}

#[cfg(all(test, not(rejoin_model)))]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_waited_for_and_what_is_gone_passed_over() {
        let of = |kind: ErrorKind| Fault::of(&io::Error::from(kind));
        assert_eq!(of(ErrorKind::ConnectionAborted), Fault::Connection);
        assert_eq!(of(ErrorKind::InvalidInput), Fault::Listener);
        assert_eq!(of(ErrorKind::OutOfMemory), Fault::System);
        assert_eq!(of(ErrorKind::Other), Fault::System);
    }
}
