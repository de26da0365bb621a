//! The authorization code flow with PKCE (RFC 6749 section 4.1, RFC 7636).

use std::fmt;

use oauth2::{
    AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
};
use url::Url;
use url::form_urlencoded;

use super::answer::{is_same, refused};
use super::client::HttpClient;
use super::request::{ConsentRequest, oauth2_url};
use super::tokens::Grant;
use crate::failure::{Failure, FailureCode, Phase};
use crate::secret::{Redaction, Secret};
use crate::settings::TokenUrl;

/// A request that a user answers in a browser.
///
/// Send the user to [`url`](Self::url). When the browser comes back to your redirect URI, pass its query to
/// [`redirected`](Self::redirected). Keep the value in the user's session until then, and never answer another user's
/// redirect with it.
pub struct Authorization {
    request: ConsentRequest,
    endpoint: TokenUrl,
    redirect: RedirectUrl,
    url: Url,
    state: CsrfToken,
    verifier: Secret,
    nonce: Option<CsrfToken>,
}

/// The kinds of requests that a browser may make.
pub(super) enum Redirect {
    /// A code for tokens.
    Code(Secret),
    /// A refusal.
    Refused(Failure),
    /// The answer to another request, or a forged one.
    Foreign,
    /// A request that is not an answer.
    Other,
}

impl ConsentRequest {
    /// Begins a consent whose redirect your own web server receives. Register `redirect` with the provider.
    ///
    /// # Errors
    ///
    /// Returns an error if the redirect is not a URL, or if the authorization endpoint is not known.
    pub fn at(&self, redirect: &str) -> Result<Authorization, Failure> {
        let Some(endpoint) = &self.endpoints.authorization else {
            let message = "the provider's authorization endpoint is not known";
            return Err(Failure::of_settings(message)
                .hint("give the URL of the authorization endpoint, or use the device flow"));
        };
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|_| {
            Failure::of_settings("the redirect URI is not a URL")
                .hint("give the URI that is registered with the provider")
        })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = self.has_identity().then(CsrfToken::new_random);
        let client = self
            .public_client()
            .set_auth_uri(oauth2_url(endpoint, AuthUrl::from_url))
            .set_redirect_uri(redirect.clone());
        let mut asking = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(self.scopes())
            .set_pkce_challenge(challenge);
        if let Some(hint) = &self.login_hint {
            asking = asking.add_extra_param("login_hint", hint);
        }
        if let Some(nonce) = &nonce {
            asking = asking.add_extra_param("nonce", nonce.secret());
        }
        for (name, value) in &self.parameters {
            asking = asking.add_extra_param(name, value);
        }
        let (url, state) = asking.url();
        Ok(Authorization {
            request: self.clone(),
            endpoint: endpoint.clone(),
            redirect,
            url,
            state,
            verifier: Secret::new(verifier.into_secret()),
            nonce,
        })
    }
}

impl Authorization {
    /// Returns the URL to open in the user's browser.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Exchanges the answer for tokens. `query` is what follows the `?` in the redirect that the browser requested.
    ///
    /// # Errors
    ///
    /// Returns an error if the user denied consent, if the answer belongs to another request, or if the token endpoint
    /// refuses the code.
    pub async fn redirected(&self, query: &str, client: &dyn HttpClient) -> Result<Grant, Failure> {
        match self.read(query) {
            Redirect::Code(code) => self.exchange(&code, client).await,
            Redirect::Refused(failure) => Err(failure),
            Redirect::Foreign | Redirect::Other => Err(foreign()),
        }
    }

    /// Reads the query of a redirect.
    pub(super) fn read(&self, query: &str) -> Redirect {
        let (mut code, mut error, mut description, mut state) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "code" => &mut code,
                "error" => &mut error,
                "error_description" => &mut description,
                "state" => &mut state,
                _ => continue,
            };
            // A parameter must not be repeated (RFC 6749 section 3.1).
            if place.replace(value.into_owned()).is_some() {
                return Redirect::Foreign;
            }
        }
        if code.is_none() && error.is_none() && state.is_none() {
            return Redirect::Other;
        }
        if !state.is_some_and(|state| is_same(&state, self.state.secret())) {
            return Redirect::Foreign;
        }
        match (code, error) {
            (_, Some(error)) => {
                let mut redaction = Redaction::default();
                redaction.add(&self.verifier);
                let why = refused(&self.endpoint, &error, description.as_deref(), &redaction);
                Redirect::Refused(why)
            }
            (Some(code), None) => Redirect::Code(Secret::new(code)),
            (None, None) => Redirect::Foreign,
        }
    }

    /// Exchanges the code for tokens.
    pub(super) async fn exchange(
        &self,
        code: &Secret,
        http: &dyn HttpClient,
    ) -> Result<Grant, Failure> {
        let (client, mut tokens) = self.request.client().await?;
        tokens.redact(code);
        tokens.redact(&self.verifier);
        let client = client.set_redirect_uri(self.redirect.clone());
        let answer = client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(self.verifier.expose().to_owned()))
            .request_async(&|request| tokens.send(http, request))
            .await;
        let answer = answer.map_err(|error| {
            tokens.explain(&self.request.endpoints.token, error, |answer| {
                (answer.error().as_ref().to_owned(), answer.error_description().cloned())
            })
        })?;
        tokens.grant(&answer, self.nonce.as_ref().map(|nonce| nonce.secret().as_str()))
    }

    /// Returns the redirect URI.
    pub(super) fn redirect(&self) -> &str {
        self.redirect.as_str()
    }
}

/// Returns the failure for an answer with another state.
pub(super) fn foreign() -> Failure {
    let message = "the answer in the browser does not belong to this consent: its state is another";
    Failure::new(FailureCode::Auth, Phase::Auth, message).hint(
        "start again, and use only the newest page; if it happens again, another page or program sends answers to this \
         address",
    )
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the state and the nonce.
        f.debug_struct("Authorization").field("request", &self.request).finish_non_exhaustive()
    }
}
