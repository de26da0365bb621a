//! The settings of a mail server: everything that a connection to it depends on.

use std::sync::Arc;

use super::checks;
use super::login::{AuthSecret, Credentials};
use super::oauth2::OAuth2;
use super::proxy::Proxy;
use super::security::{Auth, Security, TlsSettings};
use super::timeouts::Timeouts;
use crate::address::EhloName;
use crate::address::{HostName, InvalidHostName};
use crate::failure::Failure;
use crate::secret::SecretSource;

/// The checked settings of a connection to a mail server.
///
/// These settings are the key of the connection pool: messages with equal settings can share a connection.
///
/// ```
/// use smtp_connector_smtp::ServerSettings;
///
/// let server = ServerSettings::builder("smtp.example.com").port(465).build()?;
/// assert_eq!(server.security().to_string(), "tls");
/// # Ok::<(), smtp_connector_smtp::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerSettings {
    pub(crate) name: String,
    pub(crate) host: HostName,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) auth: Auth,
    pub(crate) ehlo_name: Option<EhloName>,
    pub(crate) pipelining: bool,
    pub(crate) tls: TlsSettings,
    pub(crate) timeouts: Timeouts,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) connections: u32,
    pub(crate) messages_per_connection: u32,
    pub(crate) provider: Option<Provider>,
}

/// The email provider of a server, for hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Provider {
    /// The name in settings and commands.
    pub id: &'static str,
    /// The display name.
    pub title: &'static str,
    /// The required credentials, and common mistakes.
    pub hint: &'static str,
}

/// Builds [`ServerSettings`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerSettingsBuilder {
    host: String,
    port: u16,
    security: Security,
    ehlo_name: Option<String>,
    /// The settings that do not need parsing.
    settings: ServerSettings,
}

/// The port for submission (RFC 6409).
const DEFAULT_PORT: u16 = 587;

impl ServerSettings {
    /// Returns a builder for the settings of a server.
    pub fn builder(host: impl Into<String>) -> ServerSettingsBuilder {
        let settings = Self {
            name: String::new(),
            host: HostName::Ip(std::net::Ipv4Addr::LOCALHOST.into()),
            port: DEFAULT_PORT,
            security: Security::Auto,
            credentials: None,
            auth: Auth::Auto,
            ehlo_name: None,
            pipelining: true,
            tls: TlsSettings::default(),
            timeouts: Timeouts::default(),
            proxy: None,
            connections: 4,
            messages_per_connection: 100,
            provider: None,
        };
        ServerSettingsBuilder {
            host: host.into(),
            port: DEFAULT_PORT,
            security: Security::Auto,
            ehlo_name: None,
            settings,
        }
    }

    /// Returns the account's name in logs. It is empty if the account has no name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the host name of the server.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the encryption of the connection. It is never [`Security::Auto`].
    pub fn security(&self) -> Security {
        self.security
    }

    /// Returns the credentials for the login, if there is one.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Returns the login mechanism.
    pub fn auth(&self) -> Auth {
        self.auth
    }

    /// Returns the name for EHLO, if it differs from the machine's name.
    pub fn ehlo_name(&self) -> Option<&EhloName> {
        self.ehlo_name.as_ref()
    }

    /// Reports whether commands may be sent without waiting for each reply.
    pub fn pipelining(&self) -> bool {
        self.pipelining
    }

    /// Returns the TLS settings.
    pub fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// Returns the time limits.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Returns the proxy for every connection of the account, if it has one.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Returns the same settings without the proxy.
    #[must_use]
    pub fn without_proxy(self) -> Self {
        Self { proxy: None, ..self }
    }
}

impl ServerSettingsBuilder {
    /// Sets the account's name in logs. Default: empty.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Sets the port. Default: 587.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Sets the encryption of the connection. Default: [`Security::Auto`].
    pub fn security(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// Logs in with a password. Default: no login.
    pub fn credentials(
        self,
        username: impl Into<String>,
        password: impl Into<SecretSource>,
    ) -> Self {
        let secret = AuthSecret::Password(password.into());
        self.login(Credentials { username: username.into(), secret })
    }

    /// Logs in with OAuth 2. Default: no login.
    pub fn oauth2(self, username: impl Into<String>, oauth2: OAuth2) -> Self {
        self.login(Credentials { username: username.into(), secret: AuthSecret::OAuth2(oauth2) })
    }

    /// Logs in with these credentials. Default: no login.
    pub fn login(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = Some(credentials);
        self
    }

    /// Sets the login mechanism. Default: [`Auth::Auto`].
    pub fn auth(mut self, auth: Auth) -> Self {
        self.settings.auth = auth;
        self
    }

    /// Sets the name for EHLO. Default: the machine's name.
    pub fn ehlo_name(self, name: impl Into<String>) -> Self {
        Self { ehlo_name: Some(name.into()), ..self }
    }

    /// Sets whether commands may be sent without waiting for each reply, if the server offers PIPELINING (RFC 2920).
    /// Default: true.
    pub fn pipelining(mut self, pipelining: bool) -> Self {
        self.settings.pipelining = pipelining;
        self
    }

    /// Sets the TLS settings.
    pub fn tls(mut self, tls: TlsSettings) -> Self {
        self.settings.tls = tls;
        self
    }

    /// Sets the time limits.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// Sets a proxy for the connections to the server and to the token endpoint. Default: none.
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Self {
        self.settings.proxy = proxy.into();
        self
    }

    /// Sets the maximum number of simultaneous connections in the pool. Default: 4.
    pub fn connections(mut self, connections: u32) -> Self {
        self.settings.connections = connections;
        self
    }

    /// Sets the maximum number of messages per connection. Default: 100.
    pub fn messages_per_connection(mut self, messages: u32) -> Self {
        self.settings.messages_per_connection = messages;
        self
    }

    /// Sets the provider, for hints.
    pub fn provider(mut self, provider: Option<Provider>) -> Self {
        self.settings.provider = provider;
        self
    }

    /// Checks the settings and returns them.
    ///
    /// # Errors
    ///
    /// Fails for an invalid host or EHLO name, for settings that contradict each other, and for credentials that would
    /// be sent unencrypted.
    pub fn build(self) -> Result<Arc<ServerSettings>, Failure> {
        let host = self.host.parse::<HostName>().map_err(unusable_host)?;
        if self.port == 0 {
            return Err(Failure::of_settings("port: must be a number from 1 to 65535"));
        }
        let ServerSettings { auth, credentials, tls, .. } = &self.settings;
        let with_login = credentials.is_some() && *auth != Auth::None;
        let security = match self.security {
            Security::Auto => Security::of_server(&host, self.port, with_login),
            security => security,
        };
        let ehlo_name = self.ehlo_name.map(|name| name.parse::<EhloName>()).transpose();
        let ehlo_name = ehlo_name.map_err(|invalid| Failure::of_settings(invalid.to_string()))?;
        checks::clear_text(security, credentials.as_ref(), &host)?;
        checks::tls(security, tls)?;
        checks::secret(*auth, credentials.as_ref())?;
        checks::login(*auth, credentials.as_ref())?;
        let credentials = self.settings.credentials.filter(|_| self.settings.auth != Auth::None);
        Ok(Arc::new(ServerSettings {
            host,
            port: self.port,
            security,
            credentials,
            ehlo_name,
            ..self.settings
        }))
    }
}

fn unusable_host(reason: InvalidHostName) -> Failure {
    let failure = Failure::of_settings(format!("host: {reason}"));
    match reason {
        InvalidHostName::NotBare => failure.hint(
            "give only the host name; set the port in port, and use security tls for smtps://",
        ),
        _ => failure.hint("check the spelling of the host name"),
    }
}
