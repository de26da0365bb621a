//! Connections through a proxy.
//!
//! Libraries do the handshakes. hyper speaks HTTP, because it returns the bytes that arrive behind the proxy's answer:
//! a mail server talks first, so its greeting may come in the same packet. tokio-socks speaks SOCKS5, because it reads
//! no byte behind the answer. hyper-util's connectors lose such bytes.

mod error;
mod no_proxy;
mod stream;
mod tunnel;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::error::ProxyError;
pub(super) use self::error::{Problem, Setting};
pub use self::no_proxy::NoProxy;
pub(super) use self::tunnel::{Via, open};
use super::{
    DeniedAddresses, Destination, NameResolution, Network, NetworkStream, Purpose, Reach,
    SystemNetwork, Target,
};
use crate::BoxFuture;
use crate::address::HostName;
use crate::settings::{Proxy, ProxyKind};

/// A network that reaches every host through a proxy: mail servers, token endpoints, attachment servers, and the
/// accounts' own proxies.
///
/// Names are resolved here, every address is checked, and the proxy gets the address, with two exceptions:
///
/// | proxy | gets a name | if addresses are restricted |
/// |---|---|---|
/// | `socks5://` | never | gets an address that was checked |
/// | `http://` | if any address is allowed | gets an address that was checked |
/// | `socks5h://` | always | the connection is refused |
///
/// Addresses are restricted unless private hosts are allowed and no range is denied. With
/// [`danger_trust_proxy`](Self::danger_trust_proxy), your proxy checks them.
///
/// The proxy itself may have any address.
///
/// ```
/// use smtp_connector_smtp::SmtpTransport;
/// use smtp_connector_smtp::network::ProxyNetwork;
///
/// let network = ProxyNetwork::new("socks5://10.0.0.7:1080".parse()?).except("mail.internal".into());
/// let transport = SmtpTransport::new().network(network);
/// # Ok::<(), smtp_connector_smtp::InvalidSetting>(())
/// ```
#[derive(Clone)]
pub struct ProxyNetwork {
    proxy: Proxy,
    inner: Arc<dyn Network>,
    direct: NoProxy,
    setting: &'static str,
    is_trusted: bool,
    denied: DeniedAddresses,
}

/// The longest time for a connection whose caller sets no deadline.
const PATIENCE: Duration = Duration::from_secs(60);

impl ProxyNetwork {
    /// Creates a network that reaches this proxy over the system's sockets.
    pub fn new(proxy: Proxy) -> Self {
        Self {
            proxy,
            inner: Arc::new(SystemNetwork),
            direct: NoProxy::default(),
            setting: "the platform's proxy",
            is_trusted: false,
            denied: DeniedAddresses::default(),
        }
    }

    /// Sets the network that reaches the proxy, and the hosts without a proxy. Default: the system's.
    #[must_use]
    pub fn over(self, inner: impl Network) -> Self {
        Self { inner: Arc::new(inner), ..self }
    }

    /// Sets the hosts that are reached without the proxy. Default: none.
    #[must_use]
    pub fn except(self, hosts: NoProxy) -> Self {
        Self { direct: hosts, ..self }
    }

    /// Sets the name of the setting with the proxy's URL, for errors. Default: "the platform's proxy".
    #[must_use]
    pub fn setting(self, setting: &'static str) -> Self {
        Self { setting, ..self }
    }

    /// Danger: a `socks5h` or `http` proxy gets every name, and neither it nor this library checks the name's addresses
    /// here. Use it only if your proxy itself refuses private and denied addresses.
    #[must_use]
    pub fn danger_trust_proxy(self) -> Self {
        Self { is_trusted: true, ..self }
    }
}

impl Network for ProxyNetwork {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.inner.resolve(host, port)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        Box::pin(async move {
            let host = HostName::Ip(address.ip());
            let deadline = Instant::now() + PATIENCE;
            let (port, address) = (address.port(), Some(address));
            self.connect_to(Target { host: &host, port, address, deadline }).await
        })
    }

    fn name_resolution(&self, host: &HostName, port: u16) -> NameResolution {
        if self.direct.contains(host, port) {
            return self.inner.name_resolution(host, port);
        }
        match NameResolution::of(&self.proxy) {
            NameResolution::Here => NameResolution::Here,
            _ if self.is_trusted => NameResolution::Trusted,
            resolution => resolution,
        }
    }

    fn connect_to<'a>(
        &'a self,
        target: Target<'a>,
    ) -> BoxFuture<'a, io::Result<Box<dyn NetworkStream>>> {
        if self.direct.contains(target.host, target.port) {
            return self.inner.connect_to(target);
        }
        let to = Destination {
            host: self.proxy.host(),
            port: self.proxy.port(),
            reach: Reach::Anywhere,
            denied: &self.denied,
            purpose: Purpose::Proxy,
            account: None,
            route: None,
        };
        let setting = Setting::Network(self.setting);
        let via = Via { proxy: &self.proxy, setting, to, network: self.inner.as_ref() };
        Box::pin(async move { open(via, target).await.map_err(io::Error::other) })
    }
}

impl NameResolution {
    /// Returns who resolves names for a proxy of an account.
    pub(super) fn of(proxy: &Proxy) -> Self {
        match proxy.kind() {
            ProxyKind::Http => Self::Either,
            ProxyKind::Socks5 => Self::Here,
            ProxyKind::Socks5h => Self::There,
        }
    }
}

impl fmt::Debug for ProxyNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyNetwork")
            .field("proxy", &self.proxy)
            .field("direct", &self.direct)
            .field("is_trusted", &self.is_trusted)
            .finish_non_exhaustive()
    }
}
