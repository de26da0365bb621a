//! An email account: its server, its credentials, and what it may send.

use std::sync::Arc;

use super::account_name::AccountName;
use super::providers::Preset;
use super::rules::{AccountLimits, Policy};
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::settings::Credentials;
use smtp_connector_smtp::settings::ServerSettings;
use smtp_connector_smtp::settings::{Auth, Security};

/// An email account: a server, credentials and a policy. All settings are valid.
///
/// ```
/// use smtp_connector_host::{Account, Secret};
///
/// let account = Account::builder("work", "smtp.example.com")
///     .credentials("alice@example.com", Secret::new("hunter2"))
///     .sender("Alice <alice@example.com>")
///     .build()?;
/// assert_eq!(account.port(), 587);
/// assert!(!format!("{account:?}").contains("hunter2"));
/// # Ok::<(), smtp_connector_host::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) name: AccountName,
    pub(crate) server: Arc<ServerSettings>,
    pub(crate) sender: Option<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) limits: AccountLimits,
    pub(crate) policy: Policy,
    pub(crate) provider: Option<&'static Preset>,
}

impl Account {
    /// Returns the account's name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the settings of the server and of connections to it.
    pub fn server(&self) -> &Arc<ServerSettings> {
        &self.server
    }

    /// Returns the host name of the server.
    pub fn host(&self) -> &HostName {
        self.server.host()
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the encryption of the connection. It is never [`Security::Auto`].
    pub fn security(&self) -> Security {
        self.server.security()
    }

    /// Returns the credentials for the login, if there is one.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.server.credentials()
    }

    /// Returns the login mechanism.
    pub fn auth(&self) -> Auth {
        self.server.auth()
    }

    /// Returns the provider that the account was built with.
    pub fn provider(&self) -> Option<&'static Preset> {
        self.provider
    }

    /// Returns the account's limits.
    pub fn limits(&self) -> &AccountLimits {
        &self.limits
    }

    /// Returns the account's policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the default sender.
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// Returns the default address for replies.
    pub fn reply_to(&self) -> Option<&str> {
        self.reply_to.as_deref()
    }

    /// Returns the same account without its proxy, for a program that uses another route.
    #[must_use]
    pub fn without_proxy(self) -> Self {
        let server = Arc::unwrap_or_clone(self.server).without_proxy();
        Self { server: Arc::new(server), ..self }
    }

    /// Returns the domain for Message-ID. It is the sender's domain, so that the server's name stays private.
    pub(crate) fn domain(&self) -> Option<&str> {
        let address = self.sender.as_deref()?.trim_end().trim_end_matches('>');
        address.rsplit_once('@').map(|(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_senders() {
        let domain = |sender: &str| {
            let account = Account::builder("work", "mail.example").sender(sender).build();
            account.ok().and_then(|account| account.domain().map(str::to_owned))
        };
        assert_eq!(domain("Alice <alice@example.com>").as_deref(), Some("example.com"));
        assert_eq!(domain("alice@example.com").as_deref(), Some("example.com"));
    }
}
