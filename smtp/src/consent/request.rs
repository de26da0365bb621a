//! The request for a user's consent.

use oauth2::{AuthType, ClientId, ClientSecret, Scope};

use super::tokens::{Client, Tokens};
use crate::failure::Failure;
use crate::secret::{Secret, SecretSource};
use crate::setters;
use crate::settings::{ConsentUrls, TokenUrl};

/// The endpoints of an authorization server. Each URL is `https`, or `http` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The token endpoint.
    pub token: TokenUrl,
    /// The authorization endpoint, which shows a page to the user. The device flow does not need it.
    pub authorization: Option<TokenUrl>,
    /// The device authorization endpoint. Only the device flow needs it.
    pub device: Option<TokenUrl>,
    /// The issuer whose metadata names these endpoints, if they were [discovered](Self::discover).
    pub issuer: Option<TokenUrl>,
}

impl Endpoints {
    /// Uses a token endpoint. Set the others for the flows that you use.
    pub fn new(token: TokenUrl) -> Self {
        Self { token, authorization: None, device: None, issuer: None }
    }

    /// Returns the URLs with which an account asks for consent again.
    pub(super) fn consent_urls(&self) -> ConsentUrls {
        let urls = ConsentUrls::default();
        match &self.issuer {
            // Its metadata names the other URLs, and follows when they change.
            Some(issuer) => urls.issuer(issuer.clone()),
            None => urls.authorization(self.authorization.clone()).device(self.device.clone()),
        }
    }
}

setters!(Endpoints { token: TokenUrl } optional {
    authorization: TokenUrl,
    device: TokenUrl,
    issuer: TokenUrl,
});

/// A request for a user's consent: the scope, and the application's registration with the provider.
///
/// ```
/// use smtp_connector_smtp::consent::{ConsentRequest, Endpoints};
/// use smtp_connector_smtp::settings::TokenUrl;
///
/// let endpoints = Endpoints::new("https://oauth2.googleapis.com/token".parse()?)
///     .authorization("https://accounts.google.com/o/oauth2/v2/auth".parse::<TokenUrl>()?);
/// let request = ConsentRequest::new(endpoints, "client-id")
///     .scope("https://mail.google.com/")
///     .login_hint("alice@gmail.com".to_owned());
/// let authorization = request.at("https://app.example.com/consent")?;
/// assert!(authorization.url().as_str().contains("code_challenge_method=S256"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsentRequest {
    /// The endpoints of the authorization server.
    pub endpoints: Endpoints,
    /// The client id from the registration.
    pub client_id: String,
    /// The client's secret, if the registration has one. It is read when it is sent.
    pub client_secret: Option<SecretSource>,
    /// The scopes, separated by blanks.
    pub scope: String,
    /// The user's address, so that the page shows the right account.
    pub login_hint: Option<String>,
    /// Parameters of the authorization URL that a provider needs in addition, such as `access_type=offline`.
    pub parameters: Vec<(String, String)>,
}

impl ConsentRequest {
    /// Asks at these endpoints, for the client with this id.
    pub fn new(endpoints: Endpoints, client_id: impl Into<String>) -> Self {
        Self {
            endpoints,
            client_id: client_id.into(),
            client_secret: None,
            scope: String::new(),
            login_hint: None,
            parameters: Vec::new(),
        }
    }

    /// Sets `scope`.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        Self { scope: scope.into(), ..self }
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.scope.split_ascii_whitespace().map(|scope| Scope::new(scope.to_owned()))
    }

    /// Reports whether the answer also identifies the user (OpenID Connect), and so has a nonce.
    pub(super) fn has_identity(&self) -> bool {
        self.scope.split_ascii_whitespace().any(|scope| scope == "openid")
    }

    /// Returns the client without its secret.
    pub(super) fn public_client(&self) -> Client {
        // The endpoints of all large providers accept the secret in the body.
        oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(oauth2_url(&self.endpoints.token, oauth2::TokenUrl::from_url))
    }

    /// Returns the client for requests, and the record of its secrets.
    pub(super) async fn client(&self) -> Result<(Client, Tokens<'_>), Failure> {
        let mut tokens = Tokens::of(self);
        let Some(source) = &self.client_secret else { return Ok((self.public_client(), tokens)) };
        let secret: Secret = source.resolve("client secret").await?;
        tokens.redact(&secret);
        let secret = ClientSecret::new(secret.expose().to_owned());
        Ok((self.public_client().set_client_secret(secret), tokens))
    }
}

setters!(ConsentRequest {
    parameters: Vec<(String, String)>,
} optional {
    client_secret: SecretSource,
    login_hint: String,
});

/// Converts a URL to a type of the crate oauth2.
pub(super) fn oauth2_url<T>(url: &TokenUrl, convert: impl FnOnce(url::Url) -> T) -> T {
    convert(url.url().clone())
}
