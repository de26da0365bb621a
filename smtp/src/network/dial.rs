//! Connects to a host: resolves it once, checks every address, and connects only to checked addresses.
//!
//! Every outgoing connection of this library is made here, so every attempt is logged.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, timeout_at};

use super::address_range::DeniedAddresses;
use super::attempt::Attempt;
use super::race::{self, Unreached};
use super::{Network, NetworkStream, is_public};
use crate::address::HostName;
use crate::waited::Waited;

/// The addresses that connections are allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Addresses on the public internet.
    Public,
    /// Any address.
    Anywhere,
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Fetching an attachment.
    Attachment,
    /// Sending mail.
    Smtp,
    /// Requesting an OAuth 2 access token.
    TokenEndpoint,
}

/// A host to connect to, and the rules for it.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The host.
    pub host: &'a HostName,
    /// The port.
    pub port: u16,
    /// The addresses that are allowed.
    pub reach: Reach,
    /// The addresses that are denied, even with [`Reach::Anywhere`].
    pub denied: &'a DeniedAddresses,
    /// The purpose, for the log.
    pub purpose: Purpose,
    /// The account, for the log. A run may not have one.
    pub account: Option<&'a str>,
}

/// The reason why a connection failed.
#[derive(Debug)]
pub enum DialError {
    /// The name has no address, or the resolver failed.
    Resolve(io::Error),
    /// The host has an address that is not allowed.
    Forbidden,
    /// The name was not resolved by the deadline.
    ResolveTimeout(Waited),
    /// No address accepted a connection before the deadline.
    Unreached(Unreached),
}

impl Destination<'_> {
    /// Resolves the host and connects to the first of its addresses that answers.
    ///
    /// The host is refused if any of its addresses is not allowed. A name with both public and private addresses is a
    /// sign of an attack.
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

    /// Connects again to a known address of the host.
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
                // Always use the requested port, whatever port the resolver returns.
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
    /// Returns the name for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Smtp => "smtp",
            Self::TokenEndpoint => "token-endpoint",
        }
    }
}
