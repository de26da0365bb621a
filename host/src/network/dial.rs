//! From a host's name to a connection: resolved once, every address looked at, and only those dialled.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::{Network, SystemNetwork, is_public};
use crate::accounts::HostName;

/// Which addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the public internet.
    Public,
    /// Any.
    Anywhere,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    /// The name has no address, or the resolver fails.
    Resolve(io::Error),
    /// The host has an address that may not be dialled.
    Forbidden,
    /// No address accepts a connection: what the last of them said.
    Connect(io::Error),
    /// It took too long: to resolve, or else to connect.
    Timeout {
        /// Whether the name was still being looked up.
        resolving: bool,
    },
}

/// Resolves a host by the system and connects to the first of its addresses that accepts.
pub(crate) async fn dial(
    host: &HostName,
    port: u16,
    reach: Reach,
    deadline: Instant,
) -> Result<TcpStream, DialError> {
    dial_through(&SystemNetwork, host, port, reach, deadline).await
}

/// The same by any network.
///
/// One address that may not be dialled is enough to refuse the host: a name that stands for the outside
/// and the inside at once is an attempt to get in.
pub(crate) async fn dial_through(
    network: &dyn Network,
    host: &HostName,
    port: u16,
    reach: Reach,
    deadline: Instant,
) -> Result<TcpStream, DialError> {
    let addresses = resolve(network, host, port, deadline).await?;
    if reach == Reach::Public && !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(DialError::Forbidden);
    }
    let timed_out = DialError::Timeout { resolving: false };
    let mut last = DialError::Resolve(io::Error::other("the name has no address"));
    for address in addresses {
        match timeout_at(deadline, network.connect(address)).await {
            Ok(Ok(stream)) => {
                // Commands are small and wait for answers: Nagle's algorithm would hold each back 40 ms.
                stream.set_nodelay(true).map_err(DialError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(reason)) => last = DialError::Connect(reason),
            Err(_) => return Err(timed_out),
        }
    }
    Err(last)
}

async fn resolve(
    network: &dyn Network,
    host: &HostName,
    port: u16,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, DialError> {
    match host {
        HostName::Ip(address) => Ok(vec![SocketAddr::new(*address, port)]),
        HostName::Name(name) => {
            let found = timeout_at(deadline, network.resolve(name, port)).await;
            let found = found.map_err(|_| DialError::Timeout { resolving: true })?;
            // The port is the one that was asked for, whatever a resolver says of it.
            let at_port = |address: SocketAddr| SocketAddr::new(address.ip(), port);
            Ok(found.map_err(DialError::Resolve)?.into_iter().map(at_port).collect())
        }
    }
}
