//! Connects to a host: resolves it once, checks every address, and connects only to checked addresses.
//!
//! Every outgoing connection of this library is made here, so every attempt is logged.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, timeout_at};

use super::address_range::DeniedAddresses;
use super::attempt::Attempt;
use super::proxy::{Problem, ProxyError, Setting, Via, open};
use super::race::{self, Reached, Unreached};
use super::{NameResolution, Network, NetworkStream, Target, is_public};
use crate::BoxFuture;
use crate::address::HostName;
use crate::settings::Proxy;
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
    /// Reaching a proxy for another connection.
    Proxy,
    /// Sending mail.
    Smtp,
    /// Requesting an OAuth 2 access token.
    TokenEndpoint,
    /// Posting an event to a webhook.
    Webhook,
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
    /// The account's proxy, if the connection goes through one.
    pub route: Option<Route<'a>>,
}

/// An account's proxy, and the addresses that it may have.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// The proxy.
    pub proxy: &'a Proxy,
    /// The addresses that the proxy itself may have.
    pub reach: Reach,
}

/// The reason why a connection failed.
#[derive(Debug)]
pub enum DialError {
    /// The name has no address, or the resolver failed.
    Resolve(io::Error),
    /// The host has an address that is not allowed.
    Forbidden,
    /// The network resolves the name itself, so the addresses cannot be checked.
    Unchecked,
    /// The name was not resolved by the deadline.
    ResolveTimeout(Waited),
    /// No address accepted a connection before the deadline.
    Unreached(Unreached),
    /// A network that resolves names did not connect to the host.
    ByName(io::Error),
    /// A proxy gave no connection.
    Proxy(ProxyError),
}

impl<'a> Destination<'a> {
    /// Resolves the host and connects to the first of its addresses that answers.
    ///
    /// The host is refused if any of its addresses is not allowed. A name with both public and private addresses is a
    /// sign of an attack. If a proxy resolves the name, the host is refused unless any address is allowed.
    pub async fn dial(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        let addresses = self.addresses(network, deadline).await?;
        self.connect(addresses, network, deadline).await.map(|reached| reached.stream)
    }

    /// Resolves the host, and checks that every address is allowed. Returns `None` if a proxy resolves the name.
    pub(crate) async fn addresses(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Option<Vec<SocketAddr>>, DialError> {
        if self.goes_by_name(network)? {
            return Ok(None);
        }
        let addresses = self.resolve(network, deadline).await?;
        if addresses.is_empty() {
            return Err(DialError::Resolve(io::Error::other(NO_ADDRESS)));
        }
        self.check(&addresses)?;
        Ok(Some(addresses))
    }

    /// Connects to the first of these checked addresses that answers, or by name.
    pub(crate) async fn connect(
        self,
        addresses: Option<Vec<SocketAddr>>,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Reached, DialError> {
        match addresses {
            Some(addresses) => race::connect(self, addresses, network, deadline).await,
            None => self.connect_by_name(network, deadline).await.map(Reached::by_name),
        }
    }

    /// Connects again to a known address of the host.
    pub async fn dial_again(
        self,
        address: SocketAddr,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        self.check(&[address])?;
        self.connect(Some(vec![address]), network, deadline).await.map(|reached| reached.stream)
    }

    fn check(self, addresses: &[SocketAddr]) -> Result<(), DialError> {
        if let Some(&address) = addresses.iter().find(|address| !self.may_reach(**address)) {
            let why = match self.denied.contain(address.ip()) {
                true => "the address is in a denied range",
                false => "the address is not on the public internet",
            };
            Attempt::to(self, Some(address)).ended("denied", &why);
            return Err(DialError::Forbidden);
        }
        Ok(())
    }

    /// Opens a connection to an address of the host, or by its name: directly, or through the account's proxy.
    pub(super) fn open<'n>(
        self,
        address: Option<SocketAddr>,
        network: &'n dyn Network,
        deadline: Instant,
    ) -> BoxFuture<'n, io::Result<Box<dyn NetworkStream>>>
    where
        'a: 'n,
    {
        let target = Target { host: self.host, port: self.port, address, deadline };
        let Some(Route { proxy, reach }) = self.route else { return network.connect_to(target) };
        let to = Destination {
            host: proxy.host(),
            port: proxy.port(),
            reach,
            purpose: Purpose::Proxy,
            route: None,
            ..self
        };
        let via = Via { proxy, setting: Setting::Account, to, network };
        Box::pin(async move { open(via, target).await.map_err(io::Error::other) })
    }

    /// Reports whether a proxy resolves the host's name.
    fn goes_by_name(self, network: &dyn Network) -> Result<bool, DialError> {
        if matches!(self.host, HostName::Ip(_)) {
            return Ok(false);
        }
        let is_restricted = self.reach != Reach::Anywhere || !self.denied.is_empty();
        let resolution = match self.route {
            Some(route) => NameResolution::of(route.proxy),
            None => network.name_resolution(self.host, self.port),
        };
        match resolution {
            NameResolution::Here => Ok(false),
            NameResolution::Either => Ok(!is_restricted),
            NameResolution::There if is_restricted => Err(self.unchecked()),
            NameResolution::There | NameResolution::Trusted => Ok(true),
        }
    }

    fn unchecked(self) -> DialError {
        let why = "a proxy resolves the name, so its addresses cannot be checked";
        Attempt::to(self, None).ended("denied", &why);
        match self.route {
            Some(route) => {
                DialError::Proxy(ProxyError::new(route.proxy, Setting::Account, Problem::Unchecked))
            }
            None => DialError::Unchecked,
        }
    }

    async fn connect_by_name(
        self,
        network: &dyn Network,
        deadline: Instant,
    ) -> Result<Box<dyn NetworkStream>, DialError> {
        let attempt = Attempt::to(self, None);
        let opened = timeout_at(deadline, self.open(None, network, deadline)).await;
        let opened =
            opened.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, TOO_LATE)));
        match opened {
            Ok(stream) => {
                attempt.ended("connected", &"");
                Ok(stream)
            }
            Err(reason) => {
                attempt.ended("failed", &reason);
                Err(reason
                    .downcast::<ProxyError>()
                    .map_or_else(DialError::ByName, DialError::Proxy))
            }
        }
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
            Self::Proxy => "proxy",
            Self::Smtp => "smtp",
            Self::TokenEndpoint => "token-endpoint",
            Self::Webhook => "webhook",
        }
    }
}
