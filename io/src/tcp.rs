//! TCP: streams and listeners.

use std::future::ready;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::accept::{Accept, Incoming};
use crate::addresses::{ToAddresses, first};
use crate::io::Io;
use crate::source::{Direction, Ready};
use crate::stream::stream;

/// A TCP connection. A clone is the same connection, which is closed with the last one.
///
/// Reading and writing is done by the methods or by the traits of `futures-io`, which are implemented for references,
/// too: so one task may read while another one writes.
///
/// # Cost
///
/// Two allocations and one system call to register it, for its whole life. A read or write that finds something is one
/// system call; one that has to wait is that and no more, unless it guessed wrong.
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
///     let server = rejoin::spawn(async move {
///         let (stream, _) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let client = TcpStream::connect(address).await?;
///     let mut buffer = [0; 5];
///     let mut len = 0;
///     while len < buffer.len() {
///         len += client.read(&mut buffer[len..]).await?;
///     }
///     assert_eq!(&buffer, b"hello");
///     server.await
/// })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TcpStream(Arc<Io<mio::net::TcpStream>>);

impl TcpStream {
    fn new(socket: mio::net::TcpStream, ready: Ready) -> io::Result<Self> {
        Ok(Self(Arc::new(Io::new(socket, ready)?)))
    }

    /// Connects to the first of `addresses` that lets it.
    ///
    /// There is no limit of time but the system's, which is minutes; see [`timeout`](crate::timeout).
    ///
    /// # Errors
    ///
    /// Those of the system, for the last address; or that there is none.
    ///
    /// # Examples
    ///
    /// See [`TcpStream`].
    pub async fn connect(addresses: impl ToAddresses) -> io::Result<Self> {
        first(addresses.to_addresses(), Self::connect_one).await
    }

    async fn connect_one(address: SocketAddr) -> io::Result<Self> {
        let stream = Self::new(mio::net::TcpStream::connect(address)?, Ready::NOTHING)?;
        let is_connected = |socket: &mio::net::TcpStream| {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Ok(_) => Ok(Some(())),
                // Told too early.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
                Err(error) => Err(error),
            }
        };
        stream.0.until(Direction::Write, is_connected).await?;
        Ok(stream)
    }

    /// Reads what there is without taking it: the next read gives it again.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// # use rejoin_io::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// client.write_all(b"x").await?;
    /// let mut buffer = [0; 8];
    /// assert_eq!(server.peek(&mut buffer).await?, 1);
    /// assert_eq!(server.read(&mut buffer).await?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .run(Direction::Read, |socket| socket.peek(buffer))
            .await
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that there is no connection any more.
    ///
    /// # Examples
    ///
    /// See [`Incoming`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }

    /// The address of this side.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`Incoming`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`set_nodelay`](Self::set_nodelay).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.get().nodelay()
    }

    /// Says whether small writes are to be sent at once.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// # use rejoin_io::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.get().set_nodelay(nodelay)
    }
}

stream!(TcpStream, "See [`TcpStream`].");

/// Takes over a connection, which from then on does not block.
impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::new(mio::net::TcpStream::from_std(stream), Ready::BOTH)
    }
}

/// Listens for TCP connections.
///
/// # Examples
///
/// See [`TcpStream`] and [`Incoming`].
#[derive(Debug)]
pub struct TcpListener(Io<mio::net::TcpListener>);

impl TcpListener {
    /// Listens at the first of `addresses` where that is possible. Port 0 means any that is free.
    ///
    /// # Errors
    ///
    /// Those of the system: for the last address, for instance that somebody else listens there.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// use std::io::ErrorKind;
    /// use rejoin_io::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let second = TcpListener::bind(listener.local_addr()?).await;
    /// assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn bind(addresses: impl ToAddresses) -> io::Result<Self> {
        let bind = |address| {
            let bound = mio::net::TcpListener::bind(address);
            ready(bound.and_then(|socket| Io::new(socket, Ready::BOTH)))
        };
        Ok(Self(first(addresses.to_addresses(), bind).await?))
    }

    /// The next connection, and who made it.
    ///
    /// This is the system's call and no more. A server had better use [`incoming`](Self::incoming).
    ///
    /// # Errors
    ///
    /// Those of the system: also such as concern only one connection, or pass.
    ///
    /// # Examples
    ///
    /// See [`TcpStream`].
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accept = |socket: &mio::net::TcpListener| socket.accept();
        let (socket, peer) = self.0.run(Direction::Read, accept).await?;
        Ok((TcpStream::new(socket, Ready::BOTH)?, peer))
    }

    /// The connections one after another, through all errors that pass.
    ///
    /// # Examples
    ///
    /// See [`Incoming`].
    pub fn incoming(&self) -> Incoming<'_, Self> {
        Incoming::of(self)
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`TcpStream`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }
}

impl Accept for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    async fn accept_one(&self) -> io::Result<Self::Connection> {
        self.accept().await
    }
}

impl Incoming<'_, TcpListener> {
    /// The next connection, and who made it. Dropped before it is ready, it has taken none.
    ///
    /// # Errors
    ///
    /// Only that the listener itself does not accept any more.
    ///
    /// # Examples
    ///
    /// See [`Incoming`].
    pub async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.next_of().await
    }
}

/// Takes over a listener, which from then on does not block.
impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = mio::net::TcpListener::from_std(listener);
        Ok(Self(Io::new(socket, Ready::BOTH)?))
    }
}

#[cfg(unix)]
mod descriptors {
    use std::os::fd::{AsFd, BorrowedFd};

    use super::{TcpListener, TcpStream};

    impl AsFd for TcpStream {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.get().as_fd()
        }
    }

    impl AsFd for TcpListener {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.get().as_fd()
        }
    }
}
