//! Logging in by OAuth 2: where an access token comes from.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::InvalidSetting;
use crate::secret::SecretSource;

/// Where the access token comes from that an account logs in with instead of a password (RFC 6749).
///
/// ```
/// use smtp_connector_smtp::ServerSettings;
/// use smtp_connector_smtp::secret::SecretSource;
/// use smtp_connector_smtp::settings::OAuth2;
///
/// let oauth2 = OAuth2::refresh_token(
///     "https://oauth2.googleapis.com/token".parse()?,
///     "client-id",
///     SecretSource::Env("REFRESH_TOKEN".into()),
/// )
/// .client_secret(SecretSource::Env("CLIENT_SECRET".into()));
/// let server = ServerSettings::builder("smtp.gmail.com").oauth2("alice@example.com", oauth2).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OAuth2 {
    /// Where it comes from.
    pub source: TokenSource,
}

/// An access token, or how to ask for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenSource {
    /// It is given, and somebody else sees to it that it is fresh.
    Given(SecretSource),
    /// It is asked for.
    Endpoint(TokenRequest),
}

/// What to ask a token endpoint for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    /// The endpoint.
    pub url: TokenUrl,
    /// Who the client is.
    pub client_id: String,
    /// The client's secret; public clients have none.
    pub client_secret: Option<SecretSource>,
    /// Who asks: somebody who once agreed, or, with none, the client itself.
    pub refresh_token: Option<SecretSource>,
    /// What the token is to be good for.
    pub scope: Option<String>,
}

/// The address of a token endpoint: `https`, or `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenUrl(Url);

impl OAuth2 {
    /// The grants of the account's settings.
    pub const GRANTS: &'static [&'static str] = &["token", "refresh-token", "client-credentials"];

    /// A token that is given, and kept fresh by somebody else.
    pub fn token(access_token: impl Into<SecretSource>) -> Self {
        Self { source: TokenSource::Given(access_token.into()) }
    }

    /// A token that is asked for with a refresh token, which somebody got who once agreed (RFC 6749
    /// section 6).
    pub fn refresh_token(
        url: TokenUrl,
        client_id: impl Into<String>,
        refresh_token: impl Into<SecretSource>,
    ) -> Self {
        Self::endpoint(url, client_id.into(), Some(refresh_token.into()), None)
    }

    /// A token that the client asks for by itself (RFC 6749 section 4.4).
    pub fn client_credentials(
        url: TokenUrl,
        client_id: impl Into<String>,
        client_secret: impl Into<SecretSource>,
    ) -> Self {
        Self::endpoint(url, client_id.into(), None, Some(client_secret.into()))
    }

    /// The client's secret, for [`refresh_token`](Self::refresh_token): public clients have none.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<SecretSource>) -> Self {
        if let TokenSource::Endpoint(request) = &mut self.source {
            request.client_secret = Some(secret.into());
        }
        self
    }

    /// What the token is to be good for, where the endpoint wants it said.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        if let TokenSource::Endpoint(request) = &mut self.source {
            request.scope = Some(scope.into());
        }
        self
    }

    fn endpoint(
        url: TokenUrl,
        client_id: String,
        refresh_token: Option<SecretSource>,
        client_secret: Option<SecretSource>,
    ) -> Self {
        let request = TokenRequest { url, client_id, client_secret, refresh_token, scope: None };
        Self { source: TokenSource::Endpoint(request) }
    }

    /// The grant, as the settings name it.
    pub fn grant(&self) -> &'static str {
        match &self.source {
            TokenSource::Given(_) => "token",
            TokenSource::Endpoint(TokenRequest { refresh_token: Some(_), .. }) => "refresh-token",
            TokenSource::Endpoint(_) => "client-credentials",
        }
    }
}

impl TokenUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address, parsed.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for TokenUrl {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let wrong = || {
            InvalidSetting::new("tokenUrl: an address is needed: https://login.example.com/token")
                .with_hint("the provider's page on OAuth 2 calls it the token endpoint")
        };
        // The parser drops some characters, and this would be another address than the one that was read.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong());
        }
        let url = Url::parse(text).map_err(|_| wrong())?;
        let own = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(wrong()),
        };
        let plain =
            !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
        match url.scheme() {
            "https" if !plain => Ok(Self(url)),
            "http" if !plain && own => Ok(Self(url)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_asked_for_over_https_or_on_this_machine() {
        for (text, right) in [
            ("https://login.example.com/token", true),
            ("https://login.example.com/token?v=2", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://[::1]/token", true),
            ("http://login.example.com/token", false),
            ("https://user:s3cr3t@login.example.com/token", false),
            ("ftp://login.example.com/", false),
            ("login.example.com", false),
            ("https://login.example.com/\ntoken", false),
        ] {
            assert_eq!(text.parse::<TokenUrl>().is_ok(), right, "{text}");
        }
    }
}
