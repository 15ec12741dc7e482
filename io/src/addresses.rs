//! What can be connected to or bound: addresses, or a host's name and a port.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

/// One or more addresses, perhaps behind the name of a host.
///
/// Addresses, in numbers or as text, are taken as they are. Names are looked up by the system, which blocks: that is
/// done by [`rejoin::spawn_blocking`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::net::Ipv4Addr;
/// use rejoin_io::TcpListener;
///
/// rejoin::block_on(async {
///     TcpListener::bind("127.0.0.1:0").await?;
///     TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
///     TcpListener::bind("localhost:0").await?;
///     TcpListener::bind(("localhost", 0)).await?;
///     Ok(())
/// })
/// # }
/// ```
pub trait ToAddresses {
    /// The addresses, or what has to be looked up to know them.
    #[doc(hidden)]
    fn to_addresses(&self) -> Addresses;
}

/// See [`ToAddresses`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Addresses {
    Known(Vec<SocketAddr>),
    /// `host:port`.
    Text(String),
    Name(String, u16),
}

impl Addresses {
    fn of_text(text: &str) -> Self {
        match text.parse() {
            Ok(address) => Self::Known(vec![address]),
            Err(_) => Self::Text(text.to_owned()),
        }
    }

    fn of_host(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self::Known(vec![SocketAddr::new(ip, port)]),
            Err(_) => Self::Name(host.to_owned(), port),
        }
    }

    /// Looks the name up if there is one.
    async fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Known(addresses) => Ok(addresses),
            Self::Text(text) => look_up(text).await,
            Self::Name(host, port) => look_up((host, port)).await,
        }
    }
}

async fn look_up(name: impl ToSocketAddrs + Send + 'static) -> io::Result<Vec<SocketAddr>> {
    rejoin::spawn_blocking(move || Ok(name.to_socket_addrs()?.collect())).await
}

/// What the first address gives for which `attempt` does not fail.
pub(crate) async fn first<R, F>(
    addresses: Addresses,
    mut attempt: impl FnMut(SocketAddr) -> F,
) -> io::Result<R>
where
    F: Future<Output = io::Result<R>>,
{
    let mut last = None;
    for address in addresses.resolve().await? {
        match attempt(address).await {
            Ok(result) => return Ok(result),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no address to try")
    }))
}

macro_rules! known {
    ($($type:ty: |$address:ident| $known:expr;)*) => {$(
        impl ToAddresses for $type {
            fn to_addresses(&self) -> Addresses {
                let $address = self;
                Addresses::Known($known)
            }
        }
    )*};
}

known! {
    SocketAddr: |address| vec![*address];
    SocketAddrV4: |address| vec![(*address).into()];
    SocketAddrV6: |address| vec![(*address).into()];
    (IpAddr, u16): |address| vec![(*address).into()];
    (Ipv4Addr, u16): |address| vec![(*address).into()];
    (Ipv6Addr, u16): |address| vec![(*address).into()];
    [SocketAddr]: |addresses| addresses.to_vec();
    Vec<SocketAddr>: |addresses| addresses.clone();
}

impl ToAddresses for str {
    fn to_addresses(&self) -> Addresses {
        Addresses::of_text(self)
    }
}

impl ToAddresses for String {
    fn to_addresses(&self) -> Addresses {
        Addresses::of_text(self)
    }
}

impl ToAddresses for (&str, u16) {
    fn to_addresses(&self) -> Addresses {
        Addresses::of_host(self.0, self.1)
    }
}

impl ToAddresses for (String, u16) {
    fn to_addresses(&self) -> Addresses {
        Addresses::of_host(&self.0, self.1)
    }
}

impl<T: ToAddresses + ?Sized> ToAddresses for &T {
    fn to_addresses(&self) -> Addresses {
        (**self).to_addresses()
    }
}
