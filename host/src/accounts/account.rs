//! A connected account: where its server is, who logs in there, and what it may send.

use std::sync::Arc;

use super::account_name::AccountName;
use super::providers::Preset;
use super::rules::{AccountLimits, Policy};
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::settings::Credentials;
use smtp_connector_smtp::settings::ServerSettings;
use smtp_connector_smtp::settings::{Auth, Security};

/// A connected account, checked: what it holds can be used.
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
    /// The account's name.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The server, and how a connection to it is opened.
    pub fn server(&self) -> &Arc<ServerSettings> {
        &self.server
    }

    /// The server.
    pub fn host(&self) -> &HostName {
        self.server.host()
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// How the connection is encrypted: never [`Security::Auto`].
    pub fn security(&self) -> Security {
        self.server.security()
    }

    /// Who logs in.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.server.credentials()
    }

    /// How the account logs in.
    pub fn auth(&self) -> Auth {
        self.server.auth()
    }

    /// The provider whose settings these are.
    pub fn provider(&self) -> Option<&'static Preset> {
        self.provider
    }

    /// The sender of mails that name none.
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// The domain for Message-ID: the sender's, so that nothing of the server shows.
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
