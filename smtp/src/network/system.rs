//! The trait for name resolution and connecting, and its implementation by the system.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::NetworkStream;
use crate::BoxFuture;

/// Resolves and connects to hosts: mail servers, attachment servers and token endpoints.
///
/// Implement it for a proxy, a different resolver, a source address, or tests. An implementation does not check which
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
