//! The answers of a token endpoint, and what its errors mean.

use std::sync::{Mutex, PoisonError};

use http::{Request, Response, StatusCode};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use url::Position;

use super::answer::refused;
use super::client::HttpClient;
use super::request::ConsentRequest;
use crate::BoxFuture;
use crate::failure::{Failure, FailureCode, Phase};
use crate::secret::{Redaction, Secret, SecretSource};
use crate::settings::{OAuth2, TokenUrl};

/// The tokens of a user who gave consent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The refresh token. Store it where the account finds it.
    pub refresh_token: Secret,
    request: ConsentRequest,
}

impl Grant {
    /// Returns the login for an account, with the place where you stored the refresh token.
    pub fn login(&self, refresh_token: impl Into<SecretSource>) -> OAuth2 {
        let ConsentRequest { endpoints, client_id, client_secret, scope, .. } = &self.request;
        let login = OAuth2::refresh_token(endpoints.token.clone(), client_id, refresh_token)
            .consent(endpoints.consent_urls());
        let login = match client_secret {
            Some(secret) => login.client_secret(secret.clone()),
            None => login,
        };
        match scope.is_empty() {
            true => login,
            false => login.scope(scope),
        }
    }
}

/// The member of a token endpoint's answer that identifies the user (OpenID Connect).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Identity {
    id_token: Option<String>,
}

impl ExtraTokenFields for Identity {}

type Answer = StandardTokenResponse<Identity, BasicTokenType>;

/// The client of the crate oauth2, with a token endpoint.
pub(super) type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The requests of one consent, and what is known about their answers.
pub(super) struct Tokens<'r> {
    request: &'r ConsentRequest,
    redaction: Redaction,
    /// The status and the content type of the latest answer, for an answer that is not JSON.
    latest: Mutex<Option<Latest>>,
}

struct Latest {
    status: StatusCode,
    kind: String,
    failure: Option<Failure>,
}

/// The error of a request of the crate oauth2.
type RequestError<T> = RequestTokenError<Failure, T>;

impl<'r> Tokens<'r> {
    pub(super) fn of(request: &'r ConsentRequest) -> Self {
        Self { request, redaction: Redaction::default(), latest: Mutex::default() }
    }

    /// Keeps a secret out of messages.
    pub(super) fn redact(&mut self, secret: &Secret) {
        self.redaction.add(secret);
    }

    /// Sends a request, and keeps the kind of its answer.
    pub(super) fn send<'a>(
        &'a self,
        client: &'a dyn HttpClient,
        request: Request<Vec<u8>>,
    ) -> BoxFuture<'a, Result<Response<Vec<u8>>, Failure>> {
        Box::pin(async move {
            let answer = client.send(request).await;
            let latest = match &answer {
                Ok(answer) => {
                    let kind = answer.headers().get(http::header::CONTENT_TYPE);
                    let kind =
                        kind.and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
                    Latest { status: answer.status(), kind: kind.to_owned(), failure: None }
                }
                Err(failure) => Latest {
                    status: StatusCode::default(),
                    kind: String::new(),
                    failure: Some(failure.clone()),
                },
            };
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
            answer
        })
    }

    /// Returns the failure of the latest request, if it got no answer.
    pub(super) fn unanswered(&self) -> Option<Failure> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().and_then(|latest| latest.failure.clone())
    }

    /// Returns the grant in an answer of the token endpoint. `nonce` is what an id token must contain.
    pub(super) fn grant(&self, answer: &Answer, nonce: Option<&str>) -> Result<Grant, Failure> {
        if let Some(nonce) = nonce {
            let token = answer.extra_fields().id_token.as_deref();
            super::answer::check_nonce(token.unwrap_or_default(), nonce)?;
        }
        self.check_scope(answer)?;
        let Some(token) = answer.refresh_token() else {
            let message = "the provider gave consent only for now: its answer has no refresh token";
            return Err(Failure::new(FailureCode::Auth, Phase::Auth, message)
                .hint(
                    "ask for a refresh token: with most providers, add offline_access to the scope; if the user gave \
                     consent before, remove the application from their account at the provider first",
                )
                .after_config_change());
        };
        let refresh_token = Secret::new(token.secret());
        // A line break would end the token early in a file.
        if token.secret().is_empty() || !token.secret().bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(self.not_a_token(&self.request.endpoints.token, "a malformed token"));
        }
        Ok(Grant { refresh_token, request: self.request.clone() })
    }

    /// Checks that the user allowed everything that was asked for. Google lets users remove single permissions.
    fn check_scope(&self, answer: &Answer) -> Result<(), Failure> {
        // Without a scope in the answer, all was granted (RFC 6749 section 5.1).
        let Some(granted) = answer.scopes() else { return Ok(()) };
        let is_granted = |scope: &str| granted.iter().any(|one| one.eq_ignore_ascii_case(scope));
        // Providers do not list these.
        let is_unlisted =
            |scope: &str| ["offline_access", "openid", "email", "profile"].contains(&scope);
        let asked = self.request.scope.split_ascii_whitespace();
        let missing: Vec<_> =
            asked.filter(|scope| !is_unlisted(scope) && !is_granted(scope)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message =
            format!("the user did not allow everything: {} is missing", missing.join(", "));
        Err(Failure::new(FailureCode::Auth, Phase::Auth, message)
            .hint("give consent again, and leave every permission on the page selected"))
    }

    /// Explains an error of a request to an endpoint.
    pub(super) fn explain<T: ErrorResponse>(
        &self,
        endpoint: &TokenUrl,
        error: RequestError<T>,
        code: impl FnOnce(&T) -> (String, Option<String>),
    ) -> Failure {
        match error {
            RequestTokenError::Request(failure) => failure,
            RequestTokenError::ServerResponse(answer) => {
                let (code, description) = code(&answer);
                refused(endpoint, &code, description.as_deref(), &self.redaction)
            }
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(Latest { status, kind, .. }) = &*latest else {
                    return self.not_a_token(endpoint, "nothing that can be read");
                };
                if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
                    let message = format!("{} answered {status}", shown(endpoint));
                    return Failure::new(FailureCode::Auth, Phase::Auth, message)
                        .hint("try again later")
                        .later();
                }
                let kind = self.redaction.clean(kind).chars().take(60).collect::<String>();
                self.not_a_token(endpoint, &format!("{status} with {kind}"))
            }
        }
    }

    fn not_a_token(&self, endpoint: &TokenUrl, got: &str) -> Failure {
        let message =
            format!("{} did not answer as OAuth 2 requires: it sent {got}", shown(endpoint));
        Failure::new(FailureCode::Account, Phase::Auth, message)
            .hint("check the endpoint's URL: it may be the address of a web page")
            .after_config_change()
    }
}

/// Returns an endpoint for messages, without its query, which may contain secrets.
pub(super) fn shown(endpoint: &TokenUrl) -> &str {
    &endpoint.url()[..Position::AfterPath]
}
