//! The answers to the questions about an account. In the next round, each answer is its question's default.

use super::super::settings::Settings;
use smtp_connector_host::accounts::{Account, AccountBuilder, HostName, Preset, Proxy};
use smtp_connector_host::consent::Grant;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::{Auth, AuthSecret, Security, TokenSource};

/// The answers so far.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) address: Option<String>,
    pub(super) server: Option<Server>,
    pub(super) username: Option<String>,
    pub(super) login: Login,
    /// Whether the password that was typed belongs in the system's keyring.
    pub(super) is_for_keyring: bool,
    /// The client of the latest consent, even if the consent failed.
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<SecretSource>,
    pub(super) sender: Option<String>,
    pub(super) name: Option<String>,
    pub(super) more: Option<More>,
}

/// The server of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Provider(&'static Preset),
    Other {
        host: HostName,
        port: u16,
        /// By the port, if it is not asked for.
        security: Security,
    },
}

/// The login of an account.
#[derive(Default)]
pub(super) enum Login {
    /// There is no answer yet.
    #[default]
    Open,
    None,
    Password(SecretSource),
    /// A consent that the user gave just now, and the company that asked for it.
    Consent(Box<Grant>, Option<&'static str>),
    /// The login that the account has already.
    Present,
}

/// The settings that few accounts need.
pub(super) struct More {
    pub(super) auth: Auth,
    pub(super) reply_to: Option<String>,
    pub(super) ehlo_name: Option<String>,
    pub(super) pipelining: bool,
    pub(super) proxy: Option<Proxy>,
}

impl Answers {
    /// Returns the settings of an account as answers.
    pub(super) fn of(account: &Account) -> Self {
        let login = account.credentials();
        let client = match login.map(|one| &one.secret) {
            Some(AuthSecret::OAuth2(oauth2)) => match &oauth2.source {
                TokenSource::Endpoint(request) => Some(request),
                TokenSource::Given(_) => None,
            },
            _ => None,
        };
        Self {
            server: Some(Server::of(account)),
            username: login.map(|one| one.username.clone()),
            login: if login.is_some() { Login::Present } else { Login::None },
            client_id: client.map(|client| client.client_id.clone()),
            client_secret: client.and_then(|client| client.client_secret.clone()),
            sender: account.sender().map(str::to_owned),
            ..Self::default()
        }
    }

    /// Reports whether the password was typed, and belongs in the system's keyring.
    pub(super) fn in_keyring(&self) -> bool {
        self.is_for_keyring && matches!(self.login, Login::Password(SecretSource::Text(_)))
    }

    /// Builds the account from the answers, on top of the account that is changed.
    pub(super) fn builder(&self, base: Option<&Account>, settings: &Settings) -> AccountBuilder {
        let builder = self.with_server(base);
        let builder = settings.apply(builder);
        let builder = self.with_login(builder, base.map(Account::auth));
        let builder = match &self.sender {
            Some(sender) => builder.sender(sender),
            None => builder.without_sender(),
        };
        let Some(more) = &self.more else { return builder };
        let builder = builder.auth(more.auth).pipelining(more.pipelining).proxy(more.proxy.clone());
        let builder = match &more.reply_to {
            Some(address) => builder.reply_to(address),
            None => builder.without_reply_to(),
        };
        match &more.ehlo_name {
            Some(name) => builder.ehlo_name(name),
            None => builder.without_ehlo_name(),
        }
    }

    fn with_server(&self, base: Option<&Account>) -> AccountBuilder {
        let builder = base.map_or_else(|| Account::builder("", ""), Account::to_builder);
        match &self.server {
            // The account may have another port of the provider's, or another host.
            Some(server) if base.map(Server::of).as_ref() == Some(server) => builder,
            Some(Server::Provider(preset)) => builder.settings_of(preset),
            Some(Server::Other { host, port, security }) => {
                let builder = builder.without_provider().host(host.to_string());
                builder.port(*port).security(*security)
            }
            None => builder,
        }
    }

    fn with_login(&self, builder: AccountBuilder, auth: Option<Auth>) -> AccountBuilder {
        let username = self.username.as_deref().unwrap_or_default();
        let is_by_token = matches!(auth, Some(Auth::XOAuth2 | Auth::OAuthBearer));
        match &self.login {
            Login::Open | Login::None => builder.without_login(),
            Login::Password(source) => builder.credentials(username, source.clone()),
            Login::Present => builder.username(username),
            Login::Consent(grant, _) => {
                // A mechanism for passwords does not take a token.
                let builder = if is_by_token { builder } else { builder.auth(Auth::Auto) };
                builder.oauth2(username, grant.login(grant.refresh_token.clone()))
            }
        }
    }
}

impl Server {
    pub(super) fn of(account: &Account) -> Self {
        match account.provider() {
            Some(preset) => Self::Provider(preset),
            None => Self::Other {
                host: account.host().clone(),
                port: account.port(),
                security: account.security(),
            },
        }
    }

    /// Returns the built-in provider, which is also recognised by its host.
    pub(super) fn preset(&self) -> Option<&'static Preset> {
        match self {
            Self::Provider(preset) => Some(preset),
            // The test inbox is at `localhost`, as many servers are.
            Self::Other { host, port, .. } => Preset::for_host(host)
                .filter(|preset| preset.security != Security::None || preset.port == *port),
        }
    }
}

impl More {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            auth: account.auth(),
            reply_to: account.reply_to().map(str::to_owned),
            ehlo_name: account.server().ehlo_name().map(|name| name.as_str().to_owned()),
            pipelining: account.server().pipelining(),
            proxy: account.server().proxy().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_providers_unless_it_is_this_machine() {
        for (host, port, id) in [
            ("smtp.gmail.com", 587, Some("gmail")),
            ("localhost", 587, None),
            ("localhost", 1025, Some("mailpit")),
            ("mail.example.com", 587, None),
        ] {
            let host = host.parse().expect("a host name");
            let server = Server::Other { host, port, security: Security::Auto };
            assert_eq!(server.preset().map(|preset| preset.id), id, "{server:?}");
        }
    }
}
