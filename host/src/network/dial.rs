//! From a host's name to a connection: resolved once, every address looked at, and only those dialled.
//!
//! Every outgoing connection of this library is made here, and so every attempt is logged.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::address_range::DeniedAddresses;
use super::{Network, is_public};
use crate::accounts::HostName;

/// Which addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the public internet.
    Public,
    /// Any.
    Anywhere,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Fetching an attachment.
    Attachment,
    /// Sending mail.
    Smtp,
    /// Asking for an OAuth 2 access token.
    TokenEndpoint,
}

/// A host to connect to, and the rules for it.
#[derive(Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub(crate) host: &'a HostName,
    pub(crate) port: u16,
    pub(crate) reach: Reach,
    pub(crate) denied: &'a DeniedAddresses,
    /// For the log.
    pub(crate) purpose: Purpose,
    /// For the log. A run may have no account.
    pub(crate) account: Option<&'a str>,
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

impl Destination<'_> {
    /// Resolves the host and connects to the first of its addresses that accepts.
    ///
    /// One address that may not be dialled is enough to refuse the host: a name that stands for the outside
    /// and the inside at once is an attempt to get in.
    pub(crate) async fn dial(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<TcpStream, DialError> {
        let addresses = self.resolve(network, deadline).await?;
        if let Some(&address) = addresses.iter().find(|address| !self.may_reach(**address)) {
            let why = match self.denied.contain(address.ip()) {
                true => "the address is in a denied range",
                false => "the address is not on the public internet",
            };
            Attempt::to(self, Some(address)).ended("denied", &why);
            return Err(DialError::Forbidden);
        }
        let mut last = DialError::Resolve(io::Error::other(NO_ADDRESS));
        for address in addresses {
            let attempt = Attempt::to(self, Some(address));
            match timeout_at(deadline, network.connect(address)).await {
                Ok(Ok(stream)) => {
                    attempt.ended("connected", &"");
                    // Commands are small and wait for answers: Nagle's algorithm would hold each back 40 ms.
                    stream.set_nodelay(true).map_err(DialError::Connect)?;
                    return Ok(stream);
                }
                Ok(Err(reason)) => {
                    attempt.ended("failed", &reason);
                    last = DialError::Connect(reason);
                }
                Err(_) => {
                    attempt.ended("failed", &TOO_LATE);
                    return Err(DialError::Timeout { resolving: false });
                }
            }
        }
        Err(last)
    }

    fn may_reach(self, address: SocketAddr) -> bool {
        let is_near_enough = self.reach == Reach::Anywhere || is_public(address.ip());
        is_near_enough && !self.denied.contain(address.ip())
    }

    async fn resolve(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let name = match self.host {
            HostName::Ip(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            HostName::Name(name) => name,
        };
        let attempt = Attempt::to(self, None);
        match timeout_at(deadline, network.resolve(name, self.port)).await {
            Ok(Ok(found)) if found.is_empty() => attempt.ended("unresolved", &NO_ADDRESS),
            Ok(Ok(found)) => {
                attempt.goes_on();
                // The port is the one that was asked for, whatever a resolver says of it.
                let at_port = |address: SocketAddr| SocketAddr::new(address.ip(), self.port);
                return Ok(found.into_iter().map(at_port).collect());
            }
            Ok(Err(reason)) => {
                attempt.ended("unresolved", &reason);
                return Err(DialError::Resolve(reason));
            }
            Err(_) => {
                attempt.ended("unresolved", &TOO_LATE);
                return Err(DialError::Timeout { resolving: true });
            }
        }
        Ok(Vec::new())
    }
}

const NO_ADDRESS: &str = "the name has no address";
const TOO_LATE: &str = "no answer in time";

/// An attempt. It is logged when it ends, also if its future is dropped.
struct Attempt<'a> {
    destination: Destination<'a>,
    address: Option<SocketAddr>,
    is_logged: bool,
}

impl<'a> Attempt<'a> {
    fn to(destination: Destination<'a>, address: Option<SocketAddr>) -> Self {
        Self { destination, address, is_logged: false }
    }

    fn ended(mut self, outcome: &str, why: &dyn fmt::Display) {
        self.log(outcome, why);
    }

    /// Ends without a log line: the next attempt is logged instead.
    fn goes_on(mut self) {
        self.is_logged = true;
    }

    /// INFO, since operators keep a record of outgoing connections, and many messages share one connection. The target
    /// is documented, and does not depend on where this file is.
    fn log(&mut self, outcome: &str, why: &dyn fmt::Display) {
        self.is_logged = true;
        let Destination { host, port, purpose, account, .. } = self.destination;
        info!(
            target: "smtp_connector_host::connections",
            outcome,
            purpose = purpose.as_str(),
            host = %host,
            port,
            address = self.address.map(tracing::field::display),
            account,
            reason = %why,
        );
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_logged {
            self.log("abandoned", &"the run was dropped");
        }
    }
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Smtp => "smtp",
            Self::TokenEndpoint => "token-endpoint",
        }
    }
}
