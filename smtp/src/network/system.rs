//! The trait for name resolution and connecting, and its implementation by the system.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::NetworkStream;
use crate::BoxFuture;
use crate::address::HostName;

/// Resolves and connects to hosts: mail servers, attachment servers and token endpoints.
///
/// [`ProxyNetwork`](super::ProxyNetwork) uses a proxy. Implement this trait for a different resolver, a source address,
/// or tests. An implementation does not check which
/// addresses are allowed: the host checks every address that `resolve` returns, and passes only checked addresses to
/// `connect`.
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use smtp_connector_smtp::BoxFuture;
/// use smtp_connector_smtp::SmtpTransport;
/// use smtp_connector_smtp::network::{Network, NetworkStream};
///
/// /// Resolves no names.
/// struct Nowhere;
///
/// impl Network for Nowhere {
///     fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
///         Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
///     }
///
///     fn connect(&self, _: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
///         Box::pin(async { Err(io::ErrorKind::NetworkUnreachable.into()) })
///     }
/// }
///
/// let transport = SmtpTransport::new().network(Nowhere);
/// ```
pub trait Network: Send + Sync + 'static {
    /// Returns every address of a host. It is called once for each connection. Look up a name that ends with a dot
    /// unchanged, without search domains.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Connects to one address.
    ///
    /// The addresses of a host are tried in parallel (RFC 8305). When one is connected, the other futures are dropped,
    /// and must close their sockets.
    ///
    /// Set `TCP_NODELAY` on a socket. Commands are small and wait for answers, so Nagle's algorithm would delay each of
    /// them by 40 ms.
    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>>;

    /// Reports who resolves the name of a host. Default: [`NameResolution::Here`].
    fn name_resolution(&self, _host: &HostName, _port: u16) -> NameResolution {
        NameResolution::Here
    }

    /// Connects to a target, which is a checked address or, if [`name_resolution`](Self::name_resolution) allows it, a
    /// name. The default calls [`connect`](Self::connect). A network that passes connections on to another network
    /// passes on this method too.
    fn connect_to<'a>(
        &'a self,
        target: Target<'a>,
    ) -> BoxFuture<'a, io::Result<Box<dyn NetworkStream>>> {
        match target.address {
            Some(address) => self.connect(address),
            None => Box::pin(async { Err(io::ErrorKind::Unsupported.into()) }),
        }
    }
}

/// The target of a connection, for [`Network::connect_to`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target<'a> {
    /// The host.
    pub host: &'a HostName,
    /// The port.
    pub port: u16,
    /// A checked address of the host, or `None` if the network resolves the name.
    pub address: Option<SocketAddr>,
    /// The time at which the caller gives up.
    pub deadline: Instant,
}

/// The side that resolves the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameResolution {
    /// [`Network::resolve`], so that every address can be checked.
    Here,
    /// The network itself (a proxy) if any address is allowed, and otherwise [`Network::resolve`].
    Either,
    /// The network itself (a proxy). If addresses are restricted, the connection is refused.
    There,
    /// The network itself (a proxy), which also checks the addresses.
    Trusted,
}

/// The system's resolver and sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let found = match (tokio::net::lookup_host((host, port)).await, host.strip_suffix('.'))
            {
                // Names in /etc/hosts have no dot at the end, and the C library does not find them with one.
                (Err(reason), Some(name)) => {
                    tokio::net::lookup_host((name, port)).await.map_err(|_| reason)?.collect()
                }
                (found, _) => found?.collect(),
            };
            Ok(found)
        })
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn NetworkStream>)
        })
    }
}
