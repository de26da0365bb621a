//! The host, which a platform sets up once and all its connectors share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use smtp_connector_smtp::network::{AddressRange, Network};

use super::engine::{Allocation, CacheEvent, CacheObserver, Engines};
use super::scheduling::CpuScheduler;
use crate::accounts::Accounts;
use crate::attachments::{AttachmentHosts, Uploads};
use crate::error::Result;
use crate::policy::InputRule;
use crate::services::{Limits, Services, ServicesBuilder};
use crate::transport::Transport;

/// The services of a platform, and the engines that run its components. Cheap to clone, and shared between threads.
///
/// ```
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
/// use smtp_connector_host::Host;
///
/// let work = Account::builder("work", "smtp.example.com").build()?;
/// let host = Host::builder().accounts(AccountsInMemory::from_iter([work])).build()?;
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone)]
pub struct Host {
    pub(super) services: Services,
    pub(super) engines: Arc<Engines>,
    pub(super) scheduler: Arc<CpuScheduler>,
}

/// Builds a [`Host`].
#[derive(Default)]
pub struct HostBuilder {
    services: ServicesBuilder,
    allocation: Allocation,
    cache: Option<PathBuf>,
    cache_observer: Option<CacheObserver>,
}

impl Host {
    /// Returns a builder with the defaults: no accounts, no uploads, and SMTP to public servers.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Returns the services that the host's runs use.
    pub fn services(&self) -> &Services {
        &self.services
    }
}

impl HostBuilder {
    /// Sets where accounts are found. Default: there are no accounts.
    #[must_use]
    pub fn accounts(self, accounts: impl Accounts) -> Self {
        Self { services: self.services.accounts(accounts), ..self }
    }

    /// Sets where uploads are found. [`Invocation::uploads`](crate::Invocation::uploads) replaces it for one run.
    #[must_use]
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { services: self.services.uploads(uploads), ..self }
    }

    /// Sets how hosts are looked up and connected to. Default: by the system.
    ///
    /// This applies to attachments and, unless you set a transport, to mail servers and token endpoints.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { services: self.services.network(network), ..self }
    }

    /// Sets the hosts that attachments may be fetched from. Default: hosts on the public internet.
    #[must_use]
    pub fn attachment_hosts(self, attachment_hosts: AttachmentHosts) -> Self {
        Self { services: self.services.attachment_hosts(attachment_hosts), ..self }
    }

    /// Denies addresses for attachments, in addition to addresses that are not public. A host with a denied address is
    /// refused, even if the account names it. Each call adds ranges.
    ///
    /// See [`ServicesBuilder::deny_addresses`].
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { services: self.services.deny_addresses(ranges), ..self }
    }

    /// Sets the transport that sends messages. Default: SMTP to public servers.
    #[must_use]
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { services: self.services.transport(transport), ..self }
    }

    /// Sets which recipients, URLs and uploads a run may reach. Default: those that its input names.
    #[must_use]
    pub fn input_rule(self, input_rule: InputRule) -> Self {
        Self { services: self.services.input_rule(input_rule), ..self }
    }

    /// Sets the limits of each run.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { services: self.services.limits(limits), ..self }
    }

    /// Sets where the memory of runs comes from.
    #[must_use]
    pub fn allocation(self, allocation: Allocation) -> Self {
        Self { allocation, ..self }
    }

    /// Caches compiled components in a directory, so that the next start does not compile them again. If several
    /// processes start at the same time, only one compiles.
    ///
    /// The files are mapped into memory as machine code: a user who can write to them can run any code.
    ///
    /// On Unix, the directory and its parent must belong to this user or to root, and other users must not be able to
    /// write to them. On other systems, protect the directory yourself.
    ///
    /// If the directory cannot be used or written to, each process compiles each component once, and `tracing` gets a
    /// warning.
    #[must_use]
    pub fn cache_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self { cache: Some(directory.into()), ..self }
    }

    /// Sets a function that receives the events of the cache of compiled components.
    pub fn cache_observer(self, observer: impl Fn(&CacheEvent) + Send + Sync + 'static) -> Self {
        Self { cache_observer: Some(Arc::new(observer)), ..self }
    }

    /// Builds the host.
    ///
    /// # Errors
    ///
    /// Returns an error if the sandbox cannot run on this machine.
    pub fn build(self) -> Result<Host> {
        let limits = &self.services.limits;
        let cache = self.cache.as_deref();
        let engines = Engines::build(cache, self.cache_observer, self.allocation, limits)?;
        Ok(Host {
            services: self.services.build(),
            engines: Arc::new(engines),
            scheduler: Arc::new(CpuScheduler::of_this_machine()),
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("services", &self.services).finish_non_exhaustive()
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("services", &self.services)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
