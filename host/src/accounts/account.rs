//! A connected account: where its server is, who logs in there, and what it may send.

use std::sync::Arc;

use super::builder::AccountBuilder;
use super::host_name::HostName;
use super::names::AccountName;
use super::oauth2::{OAuth2, TokenSource};
use super::policy::{AccountLimits, Policy};
use super::preset::Preset;
use super::secret::{Secret, SecretSource};
use super::security::{Auth, Security};
use super::server::ServerSettings;
use crate::failure::Failure;

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

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// What the user shows.
    pub proof: Proof,
}

/// What somebody who logs in shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// A password; for XOAUTH2 and OAUTHBEARER, an access token.
    Password(SecretSource),
    /// An access token, from wherever these settings say.
    OAuth2(OAuth2),
}

impl Proof {
    /// Where the secret for the mail server is kept. None, if it comes from a token endpoint.
    pub(super) fn shown(&self) -> Option<&SecretSource> {
        match self {
            Self::Password(password) => Some(password),
            Self::OAuth2(OAuth2 { source: TokenSource::Given(token) }) => Some(token),
            Self::OAuth2(_) => None,
        }
    }

    /// Refuses a secret that a login cannot carry. PLAIN ends a password with NUL (RFC 4616), XOAUTH2 and OAUTHBEARER end
    /// a token with 0x01, and a token is visible ASCII (RFC 6750 section 2.1).
    pub(crate) fn check(&self, auth: Auth, secret: &Secret) -> Result<(), Failure> {
        let is_token =
            matches!(self, Self::OAuth2(_)) || matches!(auth, Auth::XOAuth2 | Auth::OAuthBearer);
        let text = secret.expose();
        if is_token && !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "the access token contains a character other than visible ASCII";
            return Err(Failure::of_settings(message)
                .hint("enter the token again, without blanks or line breaks"));
        }
        if text.contains(['\0', '\r', '\n']) {
            let message = "the password contains NUL or a line break";
            return Err(Failure::of_settings(message).hint("enter the password again, on one line"));
        }
        Ok(())
    }
}

impl Account {
    /// Starts an account on a server.
    pub fn builder(name: impl Into<String>, host: impl Into<String>) -> AccountBuilder {
        AccountBuilder::empty(name.into()).host(host)
    }

    /// Starts an account with a provider's settings.
    pub fn with_provider(name: impl Into<String>, provider: &'static Preset) -> AccountBuilder {
        AccountBuilder::empty(name.into()).provider(provider)
    }

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
