//! Looking names up, and connecting: by the system, or by something else.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::NetworkStream;
use crate::BoxFuture;

/// How hosts are looked up and connected to: those of mail servers, attachments and token endpoints.
///
/// Which addresses may be dialled is not its business: the host classifies every address that `resolve`
/// returns, and passes to `connect` none that it has not looked at. Your own is for a proxy, for a resolver other than
/// the system's, for a source address, or for tests.
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use smtp_connector_smtp::BoxFuture;
/// use smtp_connector_smtp::SmtpTransport;
/// use smtp_connector_smtp::network::{Network, NetworkStream};
///
/// /// Knows no names.
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
    /// Every address of a host. It is asked once for each connection. A name with a dot at its end is to be looked up as
    /// it is, in no search domain.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// Connects to one address.
    ///
    /// The addresses of a host are tried beside each other (RFC 8305). When one is connected to, the other futures are
    /// dropped, and must take their sockets with them.
    ///
    /// Commands are small and wait for answers: set `TCP_NODELAY` on a socket, or Nagle's algorithm holds each of them
    /// back for 40 ms.
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
                // The files of hosts (/etc/hosts) have names without the root's dot, and the C library does not find
                // them with it.
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
