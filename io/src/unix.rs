//! Sockets of Unix: streams, listeners, datagrams.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};

use crate::accept::{Accept, Incoming};
use crate::io::Io;
use crate::source::{Direction, Ready};
use crate::stream::stream;
use crate::timer::sleep;

/// How long to wait, at first and at most, for room in somebody else's queue.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// Does `operation`, which needs room in the queue of a socket that this one is not connected to: the system tells nobody
/// when there is some.
async fn again_and_again<R>(mut operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    let mut pause = FIRST_PAUSE;
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(pause).await;
                pause = (2 * pause).min(LAST_PAUSE);
            }
            result => return result,
        }
    }
}

/// A connection between processes of one machine, or within one. A clone is the same connection.
///
/// All that is said of [`TcpStream`](crate::TcpStream) holds for it.
///
/// # Examples
///
/// ```
/// # rejoin::block_on(async {
/// use rejoin_io::UnixStream;
///
/// let (left, right) = UnixStream::pair()?;
/// left.write_all(b"hello").await?;
/// let mut buffer = [0; 16];
/// let len = right.read(&mut buffer).await?;
/// assert_eq!(&buffer[..len], b"hello");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct UnixStream(Arc<Io<mio::net::UnixStream>>);

impl UnixStream {
    fn new(socket: mio::net::UnixStream) -> io::Result<Self> {
        Ok(Self(Arc::new(Io::new(socket, Ready::BOTH)?)))
    }

    /// Connects to the listener at `path`. Waits for room if its queue is full.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that nobody listens there.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let connect = || mio::net::UnixStream::connect(path.as_ref());
        Self::new(again_and_again(connect).await?)
    }

    /// Two that are connected to each other.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UnixStream`].
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixStream::pair()?;
        Ok((Self::new(left)?, Self::new(right)?))
    }

    /// The address of the other side.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
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
    /// See [`UnixListener`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }
}

stream!(UnixStream, "See [`UnixStream`].");

/// Takes over a connection, which from then on does not block.
impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::new(mio::net::UnixStream::from_std(stream))
    }
}

/// Listens for connections from processes of the same machine.
///
/// The file that it makes stays when it is dropped; the next who binds there has to remove it.
///
/// # Examples
///
/// ```
/// # rejoin::block_on(async {
/// use rejoin_io::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("rejoin-io-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let client = UnixStream::connect(&path).await?;
/// let (server, _) = listener.incoming().next().await?;
/// assert_eq!(server.local_addr()?.as_pathname(), Some(&*path));
/// assert_eq!(client.peer_addr()?.as_pathname(), listener.local_addr()?.as_pathname());
/// std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnixListener(Io<mio::net::UnixListener>);

impl UnixListener {
    /// Listens at `path`, and makes a file there.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that there is a file already.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let socket = mio::net::UnixListener::bind(path)?;
        Ok(Self(Io::new(socket, Ready::BOTH)?))
    }

    /// The next connection, and who made it. A server had better use [`incoming`](Self::incoming).
    ///
    /// # Errors
    ///
    /// Those of the system: also such as pass.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accept = |socket: &mio::net::UnixListener| socket.accept();
        let (socket, peer) = self.0.run(Direction::Read, accept).await?;
        Ok((UnixStream::new(socket)?, peer))
    }

    /// The connections one after another, through all errors that pass.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
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
    /// See [`UnixListener`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }
}

impl Accept for UnixListener {
    type Connection = (UnixStream, SocketAddr);

    async fn accept_one(&self) -> io::Result<Self::Connection> {
        self.accept().await
    }
}

impl Incoming<'_, UnixListener> {
    /// The next connection, and who made it. Dropped before it is ready, it has taken none.
    ///
    /// # Errors
    ///
    /// Only that the listener itself does not accept any more.
    ///
    /// # Examples
    ///
    /// See [`UnixListener`].
    pub async fn next(&mut self) -> io::Result<(UnixStream, SocketAddr)> {
        self.next_of().await
    }
}

/// Takes over a listener, which from then on does not block.
impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = mio::net::UnixListener::from_std(listener);
        Ok(Self(Io::new(socket, Ready::BOTH)?))
    }
}

/// Sends and receives datagrams within one machine.
///
/// # Examples
///
/// ```
/// # rejoin::block_on(async {
/// use rejoin_io::UnixDatagram;
///
/// let (left, right) = UnixDatagram::pair()?;
/// left.send(b"ping").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(right.recv(&mut buffer).await?, 4);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnixDatagram(Io<mio::net::UnixDatagram>);

impl UnixDatagram {
    fn new(socket: mio::net::UnixDatagram) -> io::Result<Self> {
        Ok(Self(Io::new(socket, Ready::BOTH)?))
    }

    /// Binds a socket to `path`, and makes a file there.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that there is a file already.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// use rejoin_io::UnixDatagram;
    ///
    /// let path = std::env::temp_dir().join(format!("rejoin-io-datagram-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"ping", &path).await?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(socket.recv_from(&mut buffer).await?.0, 4);
    /// std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(mio::net::UnixDatagram::bind(path)?)
    }

    /// A socket without an address.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub fn unbound() -> io::Result<Self> {
        Self::new(mio::net::UnixDatagram::unbound()?)
    }

    /// Two that are connected to each other.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub fn pair() -> io::Result<(Self, Self)> {
        let (left, right) = mio::net::UnixDatagram::pair()?;
        Ok((Self::new(left)?, Self::new(right)?))
    }

    /// Sets whom [`send`](Self::send) sends to.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that nobody is there.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.0.get().connect(path)
    }

    /// Sends one datagram to the socket at `path`. Waits for room if its queue is full.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub async fn send_to(&self, bytes: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        again_and_again(|| self.0.get().send_to(bytes, path.as_ref())).await
    }

    /// Sends one datagram to whom the socket is connected.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .run(Direction::Write, |socket| socket.send(bytes))
            .await
    }

    /// Receives one datagram; what does not fit is lost. Says how long it is and whence it came.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`bind`](Self::bind).
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0
            .run(Direction::Read, |socket| socket.recv_from(buffer))
            .await
    }

    /// Receives one datagram; what does not fit is lost. Says how long it is.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UnixDatagram`].
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .run(Direction::Read, |socket| socket.recv(buffer))
            .await
    }
}

/// Takes over a socket, which from then on does not block.
impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(socket: std::os::unix::net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::new(mio::net::UnixDatagram::from_std(socket))
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}
