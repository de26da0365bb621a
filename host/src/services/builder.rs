//! The builder of services.

use std::fmt;
use std::sync::Arc;

use smtp_connector_smtp::SmtpTransport;
use smtp_connector_smtp::network::{AddressRange, DeniedAddresses, Network, SystemNetwork};

use super::{Inner, Limits, Services};
use crate::accounts::{Accounts, AccountsInMemory};
use crate::attachments::{AttachmentHosts, NoUploads, Uploads};
use crate::policy::InputRule;
use crate::transport::Transport;

/// Builds [`Services`].
#[must_use]
pub struct ServicesBuilder {
    accounts: Arc<dyn Accounts>,
    uploads: Arc<dyn Uploads>,
    network: Arc<dyn Network>,
    attachment_hosts: AttachmentHosts,
    denied: DeniedAddresses,
    /// `None` means SMTP to public servers.
    transport: Option<Arc<dyn Transport>>,
    input_rule: InputRule,
    pub(crate) limits: Limits,
}

impl Default for ServicesBuilder {
    fn default() -> Self {
        Self {
            accounts: Arc::new(AccountsInMemory::default()),
            uploads: Arc::new(NoUploads),
            network: Arc::new(SystemNetwork),
            attachment_hosts: AttachmentHosts::default(),
            denied: DeniedAddresses::default(),
            transport: None,
            input_rule: InputRule::default(),
            limits: Limits::default(),
        }
    }
}

impl ServicesBuilder {
    /// Sets where accounts are found. Default: there are no accounts.
    pub fn accounts(self, accounts: impl Accounts) -> Self {
        Self { accounts: Arc::new(accounts), ..self }
    }

    /// Sets where uploads are found. [`Invocation::uploads`](crate::Invocation::uploads) replaces it for one run.
    pub fn uploads(self, uploads: impl Uploads) -> Self {
        Self { uploads: Arc::new(uploads), ..self }
    }

    /// Sets how hosts are looked up and connected to. Default: by the system.
    ///
    /// This applies to attachments and, unless you set a transport, to mail servers and token endpoints.
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// Sets the hosts that attachments may be fetched from. Default: hosts on the public internet.
    pub fn attachment_hosts(self, attachment_hosts: AttachmentHosts) -> Self {
        Self { attachment_hosts, ..self }
    }

    /// Denies addresses for attachments, in addition to addresses that are not public. A host with a denied address is
    /// refused, even if the account names it. Each call adds ranges.
    ///
    /// Deny public addresses that lead to your own network, such as your servers' or your cloud provider's service
    /// network. If you set a transport, deny them there as well:
    ///
    /// ```
    /// use smtp_connector_host::smtp::SmtpTransport;
    /// use smtp_connector_host::{AddressRange, Services};
    ///
    /// let ours: [AddressRange; 2] = ["198.51.100.0/24".parse()?, "2001:db8::/32".parse()?];
    /// let services = Services::builder()
    ///     .deny_addresses(ours)
    ///     .transport(SmtpTransport::new().deny_addresses(ours))
    ///     .build();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The default transport also denies these ranges, for mail servers and token endpoints.
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { denied: self.denied.and(ranges), ..self }
    }

    /// Sets the transport that sends messages. Default: SMTP to public servers.
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { transport: Some(Arc::new(transport)), ..self }
    }

    /// Sets which recipients, URLs and uploads a run may reach. Default: those that its input names.
    pub fn input_rule(self, input_rule: InputRule) -> Self {
        Self { input_rule, ..self }
    }

    /// Sets the limits of each run.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Builds the services.
    pub fn build(self) -> Services {
        let transport = self.transport.unwrap_or_else(|| {
            let smtp = SmtpTransport::new().shared_network(Arc::clone(&self.network));
            Arc::new(smtp.deny_addresses(self.denied.iter()))
        });
        let inner = Inner {
            accounts: self.accounts,
            uploads: self.uploads,
            network: self.network,
            attachment_hosts: Arc::new(self.attachment_hosts),
            denied: self.denied,
            transport,
            input_rule: self.input_rule,
            usage: Arc::default(),
            limits: self.limits,
        };
        Services { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for ServicesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServicesBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
