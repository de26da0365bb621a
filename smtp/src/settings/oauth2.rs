//! OAuth 2 logins: the source of the access token.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::InvalidSetting;
use crate::secret::SecretSource;
use crate::setters;

/// An OAuth 2 login: an access token instead of a password (RFC 6749).
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
    /// The source of the access token.
    pub source: TokenSource,
    /// The URLs at which the user gives consent again. The login does not use them. In a box, because they are large and
    /// rare.
    pub consent: Box<ConsentUrls>,
}

/// The URLs at which a user gives consent. For the built-in providers they are known, so they stay empty there.
///
/// ```
/// use smtp_connector_smtp::secret::SecretSource;
/// use smtp_connector_smtp::settings::{ConsentUrls, OAuth2, TokenUrl};
///
/// let token = "https://login.example.com/token".parse()?;
/// let issuer: TokenUrl = "https://login.example.com".parse()?;
/// let login = OAuth2::refresh_token(token, "client-id", SecretSource::Env("REFRESH_TOKEN".into()))
///     .consent(ConsentUrls::default().issuer(issuer));
/// assert!(login.consent.issuer.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsentUrls {
    /// The issuer, whose metadata names the endpoints (RFC 8414). With an issuer, the other URLs are not needed.
    pub issuer: Option<TokenUrl>,
    /// The authorization endpoint.
    pub authorization: Option<TokenUrl>,
    /// The device authorization endpoint.
    pub device: Option<TokenUrl>,
}

setters!(ConsentUrls {} optional { issuer: TokenUrl, authorization: TokenUrl, device: TokenUrl });

/// An access token, or the way to request one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenSource {
    /// A given token, which the connector does not refresh.
    Given(SecretSource),
    /// A token that is requested from a token endpoint.
    Endpoint(TokenRequest),
}

/// A request to a token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    /// The URL of the endpoint.
    pub url: TokenUrl,
    /// The client id.
    pub client_id: String,
    /// The client's secret. Public clients do not have one.
    pub client_secret: Option<SecretSource>,
    /// The refresh token of a user who gave consent. Without one, the client requests the token for itself.
    pub refresh_token: Option<SecretSource>,
    /// The scope of the token.
    pub scope: Option<String>,
}

/// The URL of a token endpoint: `https`, or `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenUrl(Url);

impl OAuth2 {
    /// The names of the grants in the account's settings.
    pub const GRANTS: &'static [&'static str] = &["token", "refresh-token", "client-credentials"];

    /// Creates a login with a given token, which the connector does not refresh.
    pub fn token(access_token: impl Into<SecretSource>) -> Self {
        let source = TokenSource::Given(access_token.into());
        Self { source, consent: Box::default() }
    }

    /// Creates a login with a refresh token from a user's consent, which requests access tokens (RFC 6749 section 6).
    pub fn refresh_token(
        url: TokenUrl,
        client_id: impl Into<String>,
        refresh_token: impl Into<SecretSource>,
    ) -> Self {
        Self::endpoint(url, client_id.into(), Some(refresh_token.into()), None)
    }

    /// Creates a login with client credentials: the client requests the token for itself (RFC 6749 section 4.4).
    pub fn client_credentials(
        url: TokenUrl,
        client_id: impl Into<String>,
        client_secret: impl Into<SecretSource>,
    ) -> Self {
        Self::endpoint(url, client_id.into(), None, Some(client_secret.into()))
    }

    /// Sets the client's secret, for [`refresh_token`](Self::refresh_token). Public clients do not have one.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<SecretSource>) -> Self {
        if let TokenSource::Endpoint(request) = &mut self.source {
            request.client_secret = Some(secret.into());
        }
        self
    }

    /// Sets the scope of the token, if the endpoint requires one.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        if let TokenSource::Endpoint(request) = &mut self.source {
            request.scope = Some(scope.into());
        }
        self
    }

    /// Sets the URLs at which the user gives consent again, for a provider that is not built in.
    #[must_use]
    pub fn consent(self, consent: ConsentUrls) -> Self {
        Self { consent: Box::new(consent), ..self }
    }

    fn endpoint(
        url: TokenUrl,
        client_id: String,
        refresh_token: Option<SecretSource>,
        client_secret: Option<SecretSource>,
    ) -> Self {
        let request = TokenRequest { url, client_id, client_secret, refresh_token, scope: None };
        Self { source: TokenSource::Endpoint(request), consent: Box::default() }
    }

    /// Returns the name of the grant in the settings.
    pub fn grant(&self) -> &'static str {
        match &self.source {
            TokenSource::Given(_) => "token",
            TokenSource::Endpoint(TokenRequest { refresh_token: Some(_), .. }) => "refresh-token",
            TokenSource::Endpoint(_) => "client-credentials",
        }
    }
}

impl TokenUrl {
    /// Returns the URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for TokenUrl {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let wrong = || {
            InvalidSetting::new(
                "tokenUrl: not a valid URL; use https, as in https://login.example.com/token",
            )
            .with_hint("the provider's OAuth 2 documentation calls this URL the token endpoint")
        };
        // The parser drops some characters. The result would be a different URL than the one in the settings.
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
