//! The host: what a platform sets up once, and all its connectors share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::compiled::CacheEvent;
use super::compiled::CacheObserver;
use super::engines::Engines;
use super::fair_share::FairShare;
use super::invocation::Invocation;
use super::run::{Run, Sources};
use super::{Allocation, Limits};
use crate::accounts::{Account, Accounts, AccountsInMemory};
use crate::attachments::{AttachmentHosts, NoUploads, Uploads};
use crate::error::{Error, Result};
use crate::policy::Usage;
use crate::policy::allowlist::Allowlists;
use crate::policy::{CheckedTransport, Progress};
use crate::transport::Transport;
use smtp_connector_smtp::SmtpTransport;
use smtp_connector_smtp::network::{AddressRange, DeniedAddresses, Network, SystemNetwork};

/// Everything that connectors need of a platform. Cheap to clone, and shared between threads.
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
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engines: Engines,
    pub(super) share: Arc<FairShare>,
    pub(super) accounts: Arc<dyn Accounts>,
    pub(super) uploads: Arc<dyn Uploads>,
    pub(super) network: Arc<dyn Network>,
    pub(super) attachment_hosts: Arc<AttachmentHosts>,
    pub(super) denied: DeniedAddresses,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) usage: Arc<Usage>,
    pub(super) limits: Limits,
}

/// Builds a [`Host`].
pub struct HostBuilder {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    network: Arc<dyn Network>,
    attachment_hosts: AttachmentHosts,
    denied: DeniedAddresses,
    /// None: SMTP to public servers.
    transport: Option<Arc<dyn Transport>>,
    limits: Limits,
    allocation: Allocation,
    cache: Option<PathBuf>,
    cache_observer: Option<CacheObserver>,
}

impl Host {
    /// Starts a host: no accounts, no uploads, and SMTP to public servers.
    pub fn builder() -> HostBuilder {
        HostBuilder {
            accounts: Arc::new(AccountsInMemory::default()),
            uploads: Arc::new(NoUploads),
            network: Arc::new(SystemNetwork),
            attachment_hosts: AttachmentHosts::default(),
            denied: DeniedAddresses::default(),
            transport: None,
            limits: Limits::default(),
            allocation: Allocation::default(),
            cache: None,
            cache_observer: None,
        }
    }
}

impl Host {
    /// Holds an invocation against the limits of what is read before a component runs.
    pub(crate) fn check(&self, invocation: &Invocation) -> Result<()> {
        self.inner.limits.check(invocation).map_err(|issue| Error::invalid(vec![issue]))
    }

    /// The account that an invocation names.
    pub(crate) async fn account(&self, invocation: &Invocation) -> Result<Option<Arc<Account>>> {
        match &invocation.account {
            Some(name) => self.inner.accounts.account(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// A run that sends nothing, and opens nothing.
    pub(crate) fn run(&self, invocation: &Invocation, account: Option<Arc<Account>>) -> Run {
        let id = invocation.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        Run::new(id, invocation.started_at, account, self.inner.limits)
    }

    /// A run that may open the attachments that its input names, and send one message.
    pub(crate) fn sending_run(
        &self,
        invocation: &Invocation,
        account: Option<Arc<Account>>,
        progress: &Arc<Progress>,
    ) -> Result<Run> {
        let inner = &self.inner;
        let (input, keywords) = (Arc::clone(&invocation.input), invocation.keywords.clone());
        let allowlists = Arc::new(Allowlists::new(input, keywords));
        let sources = Sources {
            uploads: Arc::clone(invocation.uploads.as_ref().unwrap_or(&inner.uploads)),
            network: Arc::clone(&inner.network),
            denied: inner.denied.clone(),
            hosts: Arc::clone(&inner.attachment_hosts),
            allowlists: Arc::clone(&allowlists),
        };
        let transport = match &account {
            Some(account) if !invocation.dry_run => Some(CheckedTransport {
                inner: Arc::clone(&inner.transport),
                account: Arc::clone(account),
                allowlists,
                permit: inner.usage.enter(account)?,
                progress: Arc::clone(progress),
            }),
            _ => None,
        };
        let mut run = self.run(invocation, account);
        run.dry_run = invocation.dry_run;
        run.sources = Some(sources);
        run.progress = Arc::clone(progress);
        run.transport = transport;
        Ok(run)
    }
}

impl HostBuilder {
    /// Where accounts are found.
    #[must_use]
    pub fn accounts(self, accounts: impl Accounts) -> Self {
        Self { accounts: Arc::new(accounts), ..self }
    }

    /// Where uploads are found, in runs that bring none of their own.
    #[must_use]
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { uploads: Arc::new(uploads), ..self }
    }

    /// How hosts are looked up and connected to, instead of by the system: those of attachments, and, unless you set a
    /// transport, mail servers and token endpoints.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// Which hosts attachments may be fetched from. Default: those on the public internet.
    #[must_use]
    pub fn attachment_hosts(self, attachment_hosts: AttachmentHosts) -> Self {
        Self { attachment_hosts, ..self }
    }

    /// Denies addresses for attachments, in addition to those that are not public. A host with a denied address is
    /// refused, even if the account names it. Each call adds ranges.
    ///
    /// Deny public addresses that lead to your own network, such as your servers' or your cloud provider's service
    /// network. If you set a transport, deny them there as well:
    ///
    /// ```
    /// use smtp_connector_host::smtp::SmtpTransport;
    /// use smtp_connector_host::{AddressRange, Host};
    ///
    /// let ours: [AddressRange; 2] = ["198.51.100.0/24".parse()?, "2001:db8::/32".parse()?];
    /// let host = Host::builder()
    ///     .deny_addresses(ours)
    ///     .transport(SmtpTransport::new().deny_addresses(ours))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The default transport takes the ranges from here, for mail servers and token endpoints.
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { denied: self.denied.and(ranges), ..self }
    }

    /// How messages get to their servers.
    #[must_use]
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { transport: Some(Arc::new(transport)), ..self }
    }

    /// What a run may take.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where the memory of runs comes from.
    #[must_use]
    pub fn allocation(self, allocation: Allocation) -> Self {
        Self { allocation, ..self }
    }

    /// Keeps compiled components in a directory, so that the next start need not compile them; of those that start
    /// at the same time, one does. They are mapped into memory as machine code: a user who can write to them can run
    /// any code.
    ///
    /// On Unix, the directory and its parent must belong to this user or to root, and other users must not be able to
    /// write to them. On other systems, protect the directory yourself.
    ///
    /// If the directory cannot be used or written to, each component is compiled once in a process, and `tracing` has a
    /// warning.
    #[must_use]
    pub fn cache_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self { cache: Some(directory.into()), ..self }
    }

    /// Tells of what the cache of compiled components does.
    pub fn cache_observer(self, observer: impl Fn(&CacheEvent) + Send + Sync + 'static) -> Self {
        Self { cache_observer: Some(Arc::new(observer)), ..self }
    }

    /// Builds the host.
    ///
    /// # Errors
    ///
    /// A machine that the sandbox cannot run on.
    pub fn build(self) -> Result<Host> {
        let transport = self.transport.unwrap_or_else(|| {
            let smtp = SmtpTransport::new().shared_network(Arc::clone(&self.network));
            Arc::new(smtp.deny_addresses(self.denied.iter()))
        });
        let inner = Inner {
            engines: Engines::build(
                self.cache.as_deref(),
                self.cache_observer,
                self.allocation,
                &self.limits,
            )?,
            share: Arc::new(FairShare::of_this_machine()),
            usage: Arc::default(),
            accounts: self.accounts,
            uploads: self.uploads,
            network: self.network,
            attachment_hosts: Arc::new(self.attachment_hosts),
            denied: self.denied,
            transport,
            limits: self.limits,
        };
        Ok(Host { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("limits", &self.limits)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
