//! The host: what a platform sets up once, and all its connectors share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::engines::Engines;
use super::fair_share::FairShare;
use super::invocation::Invocation;
use super::run::Run;
use super::{Allocation, Limits};
use crate::accounts::{Account, Accounts, AccountsInMemory, Usage};
use crate::attachments::{NoUploads, Uploads};
use crate::error::Result;
use crate::network::{Network, SystemNetwork};
use crate::smtp::SmtpTransport;
use crate::transport::{CheckedTransport, NamedRecipients, Progress, Transport};

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
    pub(super) transport: Arc<dyn Transport>,
    pub(super) usage: Arc<Usage>,
    pub(super) limits: Limits,
}

/// Builds a [`Host`].
pub struct HostBuilder {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    network: Arc<dyn Network>,
    transport: Arc<dyn Transport>,
    limits: Limits,
    allocation: Allocation,
    cache: Option<PathBuf>,
}

impl Host {
    /// Starts a host: no accounts, no uploads, and SMTP to public servers.
    pub fn builder() -> HostBuilder {
        HostBuilder {
            accounts: Arc::new(AccountsInMemory::default()),
            uploads: Arc::new(NoUploads),
            network: Arc::new(SystemNetwork),
            transport: Arc::new(SmtpTransport::new()),
            limits: Limits::default(),
            allocation: Allocation::default(),
            cache: None,
        }
    }
}

impl Host {
    /// The account that an invocation names.
    pub(crate) async fn account(&self, invocation: &Invocation) -> Result<Option<Arc<Account>>> {
        match &invocation.account {
            Some(name) => self.inner.accounts.account(name).await.map(Some),
            None => Ok(None),
        }
    }

    /// A run that sends nothing.
    pub(super) fn run(&self, invocation: &Invocation, account: Option<Arc<Account>>) -> Run {
        let id = invocation.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let uploads = Arc::clone(invocation.uploads.as_ref().unwrap_or(&self.inner.uploads));
        let network = Arc::clone(&self.inner.network);
        Run::new(id, invocation.started_at, account, uploads, network, self.inner.limits)
    }

    /// A run that may send one message.
    pub(crate) fn sending_run(
        &self,
        invocation: &Invocation,
        account: Option<Arc<Account>>,
        progress: &Arc<Progress>,
    ) -> Result<Run> {
        let transport = match &account {
            Some(account) if !invocation.dry_run => Some(CheckedTransport {
                inner: Arc::clone(&self.inner.transport),
                account: Arc::clone(account),
                named: NamedRecipients::of(&invocation.input, invocation.keywords.as_deref()),
                permit: self.inner.usage.enter(account)?,
                progress: Arc::clone(progress),
            }),
            _ => None,
        };
        let mut run = self.run(invocation, account);
        run.dry_run = invocation.dry_run;
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

    /// How hosts of attachments are looked up and connected to, instead of by the system.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// How messages get to their servers.
    #[must_use]
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { transport: Arc::new(transport), ..self }
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
    /// at the same time, one does. They are mapped into memory: nobody is to write to what is there. Whoever can
    /// decides what code runs.
    #[must_use]
    pub fn cache_directory(self, directory: impl Into<PathBuf>) -> Self {
        Self { cache: Some(directory.into()), ..self }
    }

    /// Builds the host.
    ///
    /// # Errors
    ///
    /// A machine that the sandbox cannot run on.
    pub fn build(self) -> Result<Host> {
        let inner = Inner {
            engines: Engines::build(self.cache.as_deref(), self.allocation, &self.limits)?,
            share: Arc::new(FairShare::of_this_machine()),
            usage: Arc::default(),
            accounts: self.accounts,
            uploads: self.uploads,
            network: self.network,
            transport: self.transport,
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
