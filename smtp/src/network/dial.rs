//! From a host's name to a connection: resolved once, every address looked at, and only those dialled.
//!
//! Every outgoing connection of this library is made here, and so every attempt is logged.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, timeout_at};

use super::address_range::DeniedAddresses;
use super::attempt::Attempt;
use super::race::{self, Unreached};
use super::{Network, NetworkStream, is_public};
use crate::address::HostName;
use crate::waited::Waited;

/// Which addresses may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet.
    Public,
    /// Any.
    Anywhere,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Fetching an attachment.
    Attachment,
    /// Sending mail.
    Smtp,
    /// Asking for an OAuth 2 access token.
    TokenEndpoint,
}

/// A host to connect to, and the rules for it.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The host.
    pub host: &'a HostName,
    /// Its port.
    pub port: u16,
    /// How far it may be.
    pub reach: Reach,
    /// Addresses that are never dialled.
    pub denied: &'a DeniedAddresses,
    /// For the log.
    pub purpose: Purpose,
    /// For the log. A run may have no account.
    pub account: Option<&'a str>,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum DialError {
    /// The name has no address, or the resolver fails.
    Resolve(io::Error),
    /// The host has an address that may not be dialled.
    Forbidden,
    /// The name was still being looked up at the deadline.
    ResolveTimeout(Waited),
    /// No address accepts a connection, or none did before the deadline.
    Unreached(Unreached),
}

impl Destination<'_> {
    /// Resolves the host and connects to the first of its addresses that answers.
    ///
    /// One address that may not be dialled is enough to refuse the host: a name that stands for the outside
    /// and the inside at once is an attempt to get in.
    pub async fn dial(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        let addresses = self.resolve(network, deadline).await?;
        if addresses.is_empty() {
            return Err(DialError::Resolve(io::Error::other(NO_ADDRESS)));
        }
        self.connect(addresses, network, deadline).await
    }

    /// Connects to an address that the host was found at before.
    pub async fn dial_again(
        self,
        address: SocketAddr,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        self.connect(vec![address], network, deadline).await
    }

    async fn connect(
        self,
        addresses: Vec<SocketAddr>,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        if let Some(&address) = addresses.iter().find(|address| !self.may_reach(**address)) {
            let why = match self.denied.contain(address.ip()) {
                true => "the address is in a denied range",
                false => "the address is not on the public internet",
            };
            Attempt::to(self, Some(address)).ended("denied", &why);
            return Err(DialError::Forbidden);
        }
        race::connect(self, addresses, network, deadline).await.map_err(DialError::Unreached)
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
        let began = Instant::now();
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
                return Err(DialError::ResolveTimeout(Waited(began.elapsed())));
            }
        }
        Ok(Vec::new())
    }
}

const NO_ADDRESS: &str = "the name has no address";
const TOO_LATE: &str = "no answer in time";

impl Purpose {
    /// The name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Smtp => "smtp",
            Self::TokenEndpoint => "token-endpoint",
        }
    }
}
