//! UDP.

use std::future::ready;
use std::io;
use std::net::SocketAddr;

use crate::addresses::{ToAddresses, first};
use crate::io::Io;
use crate::source::{Direction, Ready};

/// A UDP socket. Any number of tasks may send and receive by a reference to it, for instance in an `Arc`.
///
/// # Examples
///
/// ```
/// # rejoin::block_on(async {
/// use rejoin_io::UdpSocket;
///
/// let (left, right) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
/// left.send_to(b"ping", right.local_addr()?).await?;
/// let mut buffer = [0; 16];
/// let (len, from) = right.recv_from(&mut buffer).await?;
/// assert_eq!((&buffer[..len], from), (&b"ping"[..], left.local_addr()?));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UdpSocket(Io<mio::net::UdpSocket>);

impl UdpSocket {
    /// Binds a socket to the first of `addresses` where that is possible. Port 0 means any that is free.
    ///
    /// # Errors
    ///
    /// Those of the system, for the last address.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub async fn bind(addresses: impl ToAddresses) -> io::Result<Self> {
        let bind = |address| {
            let bound = mio::net::UdpSocket::bind(address);
            ready(bound.and_then(|socket| Io::new(socket, Ready::BOTH)))
        };
        Ok(Self(first(addresses.to_addresses(), bind).await?))
    }

    /// Sets whom [`send`](Self::send) sends to, and from whom alone it receives.
    ///
    /// # Errors
    ///
    /// Those of the system, for the last address.
    ///
    /// # Examples
    ///
    /// ```
    /// # rejoin::block_on(async {
    /// # use rejoin_io::UdpSocket;
    /// let (left, right) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
    /// left.connect(right.local_addr()?).await?;
    /// assert_eq!(left.peer_addr()?, right.local_addr()?);
    /// left.send(b"ping").await?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(right.recv(&mut buffer).await?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(&self, addresses: impl ToAddresses) -> io::Result<()> {
        let connect = |address| ready(self.0.get().connect(address));
        first(addresses.to_addresses(), connect).await
    }

    /// Sends one datagram to the first of `addresses`; says how much of it was sent.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that the datagram is too long; or that there is no address.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub async fn send_to(&self, bytes: &[u8], addresses: impl ToAddresses) -> io::Result<usize> {
        let send = |address| {
            self.0.run(Direction::Write, move |socket| {
                socket.send_to(bytes, address)
            })
        };
        first(addresses.to_addresses(), send).await
    }

    /// Sends one datagram to whom the socket is connected.
    ///
    /// # Errors
    ///
    /// Those of the system: also that an earlier one was refused.
    ///
    /// # Examples
    ///
    /// See [`connect`](Self::connect).
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
    /// See [`UdpSocket`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0
            .run(Direction::Read, |socket| socket.recv_from(buffer))
            .await
    }

    /// Receives one datagram; what does not fit is lost. Says how long it is.
    ///
    /// # Errors
    ///
    /// Those of the system: also that an earlier one was refused.
    ///
    /// # Examples
    ///
    /// See [`connect`](Self::connect).
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .run(Direction::Read, |socket| socket.recv(buffer))
            .await
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the datagram there.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0
            .run(Direction::Read, |socket| socket.peek_from(buffer))
            .await
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Examples
    ///
    /// See [`UdpSocket`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    ///
    /// Those of the system, for instance that it is connected to none.
    ///
    /// # Examples
    ///
    /// See [`connect`](Self::connect).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().peer_addr()
    }
}

/// Takes over a socket, which from then on does not block. Options that are not here are set before.
impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = mio::net::UdpSocket::from_std(socket);
        Ok(Self(Io::new(socket, Ready::BOTH)?))
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for UdpSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.get().as_fd()
    }
}
