//! Builds an account from settings, and rejects settings that cannot work.

use std::sync::Arc;

use super::account::Account;
use super::account_name::AccountName;
use super::providers::Preset;
use super::rules::{AccountLimits, Policy};
use crate::accounts::providers;
use crate::error::{Error, Result};
use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::OAuth2;
use smtp_connector_smtp::settings::Proxy;
use smtp_connector_smtp::settings::ServerSettings;
use smtp_connector_smtp::settings::Timeouts;
use smtp_connector_smtp::settings::{Auth, Security, TlsSettings};
use smtp_connector_smtp::settings::{AuthSecret, Credentials};

/// Builds an [`Account`].
#[derive(Clone, Debug)]
pub struct AccountBuilder {
    name: String,
    host: Option<String>,
    port: Option<u16>,
    security: Option<Security>,
    credentials: Option<Credentials>,
    auth: Auth,
    sender: Option<String>,
    reply_to: Option<String>,
    ehlo_name: Option<String>,
    pipelining: bool,
    tls: TlsSettings,
    timeouts: Timeouts,
    proxy: Option<Proxy>,
    limits: AccountLimits,
    policy: Policy,
    provider: Option<&'static Preset>,
}

impl Account {
    /// Returns a builder for an account on a server.
    pub fn builder(name: impl Into<String>, host: impl Into<String>) -> AccountBuilder {
        AccountBuilder::empty(name.into()).host(host)
    }

    /// Returns a builder for an account with a provider's settings.
    pub fn with_provider(name: impl Into<String>, provider: &'static Preset) -> AccountBuilder {
        AccountBuilder::empty(name.into()).provider(provider)
    }
}

impl Account {
    /// Returns a builder with this account's settings, to change some of them.
    ///
    /// ```
    /// use smtp_connector_host::Account;
    ///
    /// let work = Account::builder("work", "smtp.example.com").sender("alice@example.com").build()?;
    /// let tls = work.to_builder().port(465).security(smtp_connector_host::accounts::Security::Tls).build()?;
    /// assert_eq!((tls.port(), tls.sender()), (465, work.sender()));
    /// # Ok::<(), smtp_connector_host::Error>(())
    /// ```
    pub fn to_builder(&self) -> AccountBuilder {
        let server = &self.server;
        AccountBuilder {
            name: self.name.as_str().to_owned(),
            host: Some(server.host().to_string()),
            port: Some(server.port()),
            security: Some(server.security()),
            credentials: server.credentials().cloned(),
            auth: server.auth(),
            sender: self.sender.clone(),
            reply_to: self.reply_to.clone(),
            ehlo_name: server.ehlo_name().map(|name| name.as_str().to_owned()),
            pipelining: server.pipelining(),
            tls: server.tls().clone(),
            timeouts: *server.timeouts(),
            proxy: server.proxy().cloned(),
            limits: self.limits.clone(),
            policy: self.policy.clone(),
            provider: self.provider,
        }
    }
}

impl AccountBuilder {
    pub(super) fn empty(name: String) -> Self {
        Self {
            name,
            host: None,
            port: None,
            security: None,
            credentials: None,
            auth: Auth::Auto,
            sender: None,
            reply_to: None,
            ehlo_name: None,
            pipelining: true,
            tls: TlsSettings::default(),
            timeouts: Timeouts::default(),
            proxy: None,
            limits: AccountLimits::default(),
            policy: Policy::default(),
            provider: None,
        }
    }

    /// Sets the server. It replaces the provider's.
    #[must_use]
    pub fn host(self, host: impl Into<String>) -> Self {
        Self { host: Some(host.into()), ..self }
    }

    /// Sets the name of the account.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets a provider, and removes a host, a port and an encryption that were set before.
    #[must_use]
    pub fn settings_of(self, provider: &'static Preset) -> Self {
        Self { host: None, port: None, security: None, provider: Some(provider), ..self }
    }

    /// Sets a provider. Its settings apply where you do not set others.
    #[must_use]
    pub fn provider(self, provider: &'static Preset) -> Self {
        Self { provider: Some(provider), ..self }
    }

    /// Removes the provider. Settings that come from it fall back to their defaults, except those that you set.
    #[must_use]
    pub fn without_provider(self) -> Self {
        Self { provider: None, ..self }
    }

    /// Sets the port. Default: the provider's, or 587.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Sets the encryption of the connection. Default: [`Security::Auto`].
    #[must_use]
    pub fn security(self, security: Security) -> Self {
        Self { security: Some(security), ..self }
    }

    /// Logs in with a password. Default: no login.
    #[must_use]
    pub fn credentials(
        self,
        username: impl Into<String>,
        password: impl Into<SecretSource>,
    ) -> Self {
        let secret = AuthSecret::Password(password.into());
        Self { credentials: Some(Credentials { username: username.into(), secret }), ..self }
    }

    /// Removes the login.
    #[must_use]
    pub fn without_login(self) -> Self {
        Self { credentials: None, ..self }
    }

    /// Changes the username, and keeps the secret. Does nothing if there is no login.
    #[must_use]
    pub fn username(self, username: impl Into<String>) -> Self {
        let credentials = self.credentials;
        let credentials = credentials.map(|one| Credentials { username: username.into(), ..one });
        Self { credentials, ..self }
    }

    /// Logs in with OAuth 2. Default: no login.
    #[must_use]
    pub fn oauth2(self, username: impl Into<String>, oauth2: OAuth2) -> Self {
        let secret = AuthSecret::OAuth2(oauth2);
        Self { credentials: Some(Credentials { username: username.into(), secret }), ..self }
    }

    /// Sets the login mechanism. Default: [`Auth::Auto`].
    #[must_use]
    pub fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// Sets the default sender: an address, or `Name <address>`.
    #[must_use]
    pub fn sender(self, sender: impl Into<String>) -> Self {
        Self { sender: Some(sender.into()), ..self }
    }

    /// Removes the default sender.
    #[must_use]
    pub fn without_sender(self) -> Self {
        Self { sender: None, ..self }
    }

    /// Sets the default address for replies.
    #[must_use]
    pub fn reply_to(self, reply_to: impl Into<String>) -> Self {
        Self { reply_to: Some(reply_to.into()), ..self }
    }

    /// Removes the default address for replies.
    #[must_use]
    pub fn without_reply_to(self) -> Self {
        Self { reply_to: None, ..self }
    }

    /// Sets the name for EHLO. Default: the machine's name if it has a domain, else its address.
    #[must_use]
    pub fn ehlo_name(self, name: impl Into<String>) -> Self {
        Self { ehlo_name: Some(name.into()), ..self }
    }

    /// Removes the name for EHLO.
    #[must_use]
    pub fn without_ehlo_name(self) -> Self {
        Self { ehlo_name: None, ..self }
    }

    /// Sets whether commands may be sent without waiting for each reply, if the server offers PIPELINING (RFC 2920).
    /// Default: true.
    ///
    /// If a server loses pipelined commands, the connector notices and sends them one by one. Set this to `false` to
    /// avoid the delay.
    #[must_use]
    pub fn pipelining(self, pipelining: bool) -> Self {
        Self { pipelining, ..self }
    }

    /// Sets the TLS settings.
    #[must_use]
    pub fn tls(self, tls: TlsSettings) -> Self {
        Self { tls, ..self }
    }

    /// Sets the time limits.
    #[must_use]
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Sets a proxy for every connection of the account: to its server, its token endpoint, and the hosts of
    /// attachments. Default: none.
    ///
    /// On a platform, the proxy must be on the public internet, and `socks5h` is refused. See
    /// [`ProxyNetwork`](crate::ProxyNetwork) for a proxy of the platform.
    #[must_use]
    pub fn proxy(self, proxy: impl Into<Option<Proxy>>) -> Self {
        Self { proxy: proxy.into(), ..self }
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(self, limits: AccountLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the policy: allowed senders, recipients and attachment hosts.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Checks the settings, and builds the account.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is not valid, if the credentials would be sent unencrypted to another machine, or
    /// if a known provider can never accept the settings. [`Account::warnings`] lists settings that are probably
    /// mistakes.
    pub fn build(self) -> Result<Account> {
        let name: AccountName = self.name.parse()?;
        let server = self.server()?;
        if let Some(sender) = &self.sender {
            check_sender(sender)?;
        }
        if let Some(instead) = &self.policy.redirect_all_to
            && instead.is_routed()
        {
            return Err(Error::account(
                "redirectAllTo: an address with % or ! before the @ is forwarded to another host",
            ));
        }
        Ok(Account {
            name,
            server,
            sender: self.sender,
            reply_to: self.reply_to,
            limits: self.limits,
            policy: self.policy,
            provider: self.provider,
        })
    }

    fn server(&self) -> Result<Arc<ServerSettings>> {
        let preset = self.provider;
        let host = self.host.as_deref().or_else(|| preset.map(|preset| preset.host));
        let host = host.unwrap_or_default();
        let port = self.port.or(preset.map(|preset| preset.port));
        // The provider's encryption applies to its port only.
        let usual = preset.filter(|preset| Some(preset.port) == port).map(|preset| preset.security);
        let mut server = ServerSettings::builder(host)
            .name(&self.name)
            .security(self.security.or(usual).unwrap_or_default())
            .auth(self.auth)
            .pipelining(self.pipelining)
            .tls(self.tls.clone())
            .timeouts(self.timeouts)
            .proxy(self.proxy.clone())
            .connections(self.limits.connections)
            .messages_per_connection(self.limits.messages_per_connection)
            .provider(providers::known(preset, host).map(Preset::provider));
        if let Some(port) = port {
            server = server.port(port);
        }
        if let Some(credentials) = &self.credentials {
            server = server.login(credentials.clone());
        }
        if let Some(name) = &self.ehlo_name {
            server = server.ehlo_name(name);
        }
        let server = server.build()?;
        providers::check(preset, server.host(), self.credentials.as_ref(), self.auth)?;
        Ok(server)
    }
}

/// Rejects a sender that is not an address. The component parses it again, with its grammar.
fn check_sender(sender: &str) -> Result<()> {
    let address = match sender.trim_end().strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<').map_or("", |(_, address)| address),
        None => sender,
    };
    if sender.chars().any(char::is_control) || address.trim().parse::<ForwardPath>().is_err() {
        let message =
            "from: it is not a sender; write alice@example.com, or Alice <alice@example.com>";
        return Err(Error::account(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
