//! A mail server, and how a connection to it is opened: all that a connection depends on.

use std::sync::Arc;

use super::checks;
use super::login::{AuthSecret, Credentials};
use super::oauth2::OAuth2;
use super::security::{Auth, Security, TlsSettings};
use super::timeouts::Timeouts;
use crate::address::EhloName;
use crate::address::{HostName, InvalidHostName};
use crate::failure::Failure;
use crate::secret::SecretSource;

/// The settings of a connection to a mail server, checked.
///
/// Two messages may use one connection if their settings are equal: they are the connection pool's key.
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
    pub(crate) connections: u32,
    pub(crate) messages_per_connection: u32,
    pub(crate) provider: Option<Provider>,
}

/// The provider that a server belongs to, for hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Provider {
    /// The name for settings and commands.
    pub id: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What to log in with, and what goes wrong.
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
    /// Everything that needs no parsing.
    settings: ServerSettings,
}

/// The port for submission (RFC 6409).
const DEFAULT_PORT: u16 = 587;

impl ServerSettings {
    /// Starts the settings of a server.
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

    /// What logs call the server's account; empty, if it has no name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is encrypted: never [`Security::Auto`].
    pub fn security(&self) -> Security {
        self.security
    }

    /// Who logs in.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// How the client logs in.
    pub fn auth(&self) -> Auth {
        self.auth
    }

    /// What the client calls itself, if not by the machine's name.
    pub fn ehlo_name(&self) -> Option<&EhloName> {
        self.ehlo_name.as_ref()
    }

    /// Whether commands may be sent without waiting for each reply.
    pub fn pipelining(&self) -> bool {
        self.pipelining
    }

    /// How the server's certificate is checked.
    pub fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// How long each stage may take.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }
}

impl ServerSettingsBuilder {
    /// What logs call these settings. Default: nothing.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// The port. Default: 587.
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// How the connection is encrypted. Default: [`Security::Auto`].
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

    /// Logs in by OAuth 2. Default: no login.
    pub fn oauth2(self, username: impl Into<String>, oauth2: OAuth2) -> Self {
        self.login(Credentials { username: username.into(), secret: AuthSecret::OAuth2(oauth2) })
    }

    /// Logs in so. Default: no login.
    pub fn login(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = Some(credentials);
        self
    }

    /// How the client logs in. Default: [`Auth::Auto`].
    pub fn auth(mut self, auth: Auth) -> Self {
        self.settings.auth = auth;
        self
    }

    /// What the client calls itself. Default: the machine's name.
    pub fn ehlo_name(self, name: impl Into<String>) -> Self {
        Self { ehlo_name: Some(name.into()), ..self }
    }

    /// Whether commands may be sent without waiting for each reply, where the server offers PIPELINING (RFC 2920).
    /// Default: true.
    pub fn pipelining(mut self, pipelining: bool) -> Self {
        self.settings.pipelining = pipelining;
        self
    }

    /// How the server's certificate is checked.
    pub fn tls(mut self, tls: TlsSettings) -> Self {
        self.settings.tls = tls;
        self
    }

    /// How long each stage may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// Connections at once, where they are kept for more than one message. Default: 4.
    pub fn connections(mut self, connections: u32) -> Self {
        self.settings.connections = connections;
        self
    }

    /// Messages on one connection. Default: 100.
    pub fn messages_per_connection(mut self, messages: u32) -> Self {
        self.settings.messages_per_connection = messages;
        self
    }

    /// The provider that these settings belong to, for hints.
    pub fn provider(mut self, provider: Option<Provider>) -> Self {
        self.settings.provider = provider;
        self
    }

    /// Checks what was given.
    ///
    /// # Errors
    ///
    /// An invalid host or EHLO name, settings that contradict each other, and credentials that would only be sent in the
    /// clear.
    pub fn build(self) -> Result<Arc<ServerSettings>, Failure> {
        let host = self.host.parse::<HostName>().map_err(unusable_host)?;
        if self.port == 0 {
            return Err(Failure::of_settings("port: a number from 1 to 65535 is needed"));
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
        InvalidHostName::NotBare => failure
            .hint("give the host by itself; the port goes into port, and smtps:// is security tls"),
        _ => failure.hint("check how the host is written"),
    }
}
