//! The services of a platform that runs use: accounts, uploads, the network, a transport and limits.
//!
//! This module does not depend on wasmtime. If you manage your own `Linker`, it is all you need.

mod builder;
mod invocation;
mod limits;
mod result;
mod run;
mod verdict;

use std::fmt;
use std::sync::Arc;

use smtp_connector_smtp::network::{DeniedAddresses, Network};

pub use builder::ServicesBuilder;
use invocation::Chosen;
pub use invocation::Invocation;
pub(crate) use limits::LimitReached;
pub use limits::Limits;
pub(crate) use result::of_result;
pub(crate) use run::{Run, Sources};
pub(crate) use verdict::{of_error, of_failure, of_stop};

use crate::accounts::{Account, Accounts};
use crate::attachments::{AttachmentHosts, Uploads};
use crate::error::{Error, Result};
use crate::policy::allowlist::Allowlists;
use crate::policy::{DeliveryState, InputRule, PolicyTransport, Usage};
use crate::transport::Transport;

/// The services of a platform that runs use. Cheap to clone, and shared between threads.
///
/// A [`Host`](crate::Host) contains services and engines. If you manage a wasmtime `Linker` yourself, build only the
/// services, and see [`linker`](crate::linker).
///
/// ```
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
/// use smtp_connector_host::Services;
///
/// let work = Account::builder("work", "smtp.example.com").build()?;
/// let services = Services::builder().accounts(AccountsInMemory::from_iter([work])).build();
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

struct Inner {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    network: Arc<dyn Network>,
    attachment_hosts: Arc<AttachmentHosts>,
    denied: DeniedAddresses,
    transport: Arc<dyn Transport>,
    input_rule: InputRule,
    usage: Arc<Usage>,
    limits: Limits,
}

impl Services {
    /// Returns a builder with the defaults: no accounts, no uploads, and SMTP to public servers.
    pub fn builder() -> ServicesBuilder {
        ServicesBuilder::default()
    }

    /// Finds an account by its name.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such account, or if its settings are wrong.
    pub async fn find_account(&self, name: &str) -> Result<Arc<Account>> {
        self.inner.accounts.account(name).await
    }

    /// Returns the limits of each run.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}

impl Services {
    /// Checks the size of the input and the keywords, before a component runs.
    pub(crate) fn check(&self, invocation: &Invocation) -> Result<()> {
        self.inner.limits.check(invocation).map_err(|issue| Error::invalid(vec![issue]))
    }

    /// Returns the account of an invocation, if it names one.
    pub(crate) async fn account(&self, invocation: &Invocation) -> Result<Option<Arc<Account>>> {
        match &invocation.account {
            Some(Chosen::Named(name)) => self.inner.accounts.account(name).await.map(Some),
            Some(Chosen::Given(account)) => Ok(Some(Arc::clone(account))),
            None => Ok(None),
        }
    }

    /// Creates a run that cannot send messages or open attachments.
    pub(crate) fn run(&self, invocation: &Invocation, account: Option<Arc<Account>>) -> Run {
        let id = invocation.id.clone().unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        Run::new(id, invocation.started_at, account, self.inner.limits)
    }

    /// Creates a run that may open the attachments that its input names, and send one message.
    pub(crate) fn sending_run(
        &self,
        invocation: &Invocation,
        account: Option<Arc<Account>>,
        delivery: &Arc<DeliveryState>,
    ) -> Result<Run> {
        let inner = &self.inner;
        let (input, keywords) = (Arc::clone(&invocation.input), invocation.keywords.clone());
        let allowlists = Arc::new(Allowlists::new(inner.input_rule, input, keywords));
        let sources = Sources {
            uploads: Arc::clone(invocation.uploads.as_ref().unwrap_or(&inner.uploads)),
            network: Arc::clone(&inner.network),
            denied: inner.denied.clone(),
            hosts: Arc::clone(&inner.attachment_hosts),
            allowlists: Arc::clone(&allowlists),
            captured: invocation.captured.clone(),
            recorder: invocation.recorder.clone(),
        };
        let transport = match &account {
            Some(account) if !invocation.dry_run => Some(PolicyTransport {
                inner: Arc::clone(&inner.transport),
                account: Arc::clone(account),
                allowlists,
                permit: match &invocation.attempt {
                    Some(attempt) if attempt.counts_messages() => None,
                    _ => Some(inner.usage.enter(account)?),
                },
                attempt: invocation.attempt.clone(),
                delivery: Arc::clone(delivery),
            }),
            _ => None,
        };
        let mut run = self.run(invocation, account);
        run.dry_run = invocation.dry_run;
        run.sources = Some(sources);
        run.delivery = Arc::clone(delivery);
        run.transport = transport;
        Ok(run)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("limits", &self.inner.limits).finish_non_exhaustive()
    }
}
