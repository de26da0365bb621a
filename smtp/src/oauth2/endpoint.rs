//! Requests to a token endpoint (RFC 6749 sections 4.4, 5 and 6).

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded::Serializer;
use url::{Position, Url};
use zeroize::Zeroizing;

use super::Caller;
use super::http::{Unanswered, exchange};
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::HandshakeError;
use crate::secret::{Redaction, Secret, SecretSource};
use crate::settings::TokenRequest;
use crate::waited::Waited;

/// The tokens that an endpoint grants.
pub(crate) struct Granted {
    pub(crate) access: Secret,
    pub(crate) lifetime: Option<Duration>,
    /// The refresh token that was sent.
    pub(crate) sent: Option<Secret>,
    /// The refresh token that replaces it, if the endpoint gave a new one.
    pub(crate) refresh: Option<Secret>,
}

/// The longest wait for an endpoint.
const PATIENCE: Duration = Duration::from_secs(30);
/// The upper bound for the names and separators in a form, in bytes.
const NAMES: usize = 128;

/// Requests an access token, with the latest refresh token if the endpoint replaced it.
pub(crate) async fn ask(
    request: &TokenRequest,
    rotated: Option<&Secret>,
    caller: Caller<'_>,
) -> Result<Granted, Failure> {
    let mut redaction = Redaction::default();
    let since = Instant::now();
    let form = timeout_at(caller.deadline, form(request, rotated, &mut redaction)).await;
    let (form, sent) =
        form.map_err(|_| late(request, "its secrets were not available", since))??;
    let since = Instant::now();
    let deadline = caller.deadline.min(Instant::now() + PATIENCE);
    let exchange = post(request, form, Caller { deadline, ..caller });
    let (status, body) = timeout_at(deadline, exchange)
        .await
        .map_err(|_| late(request, "it did not answer", since))??;
    let body = Zeroizing::new(body.to_vec());
    if status == StatusCode::OK {
        return granted(request, &body, sent);
    }
    Err(refused(request, status, &body, &redaction, caller.account))
}

/// Builds the request's body, and returns it with the refresh token in it. The client secret is in the body and not in a header, since the endpoints of all large
/// providers accept it there.
async fn form(
    request: &TokenRequest,
    rotated: Option<&Secret>,
    redaction: &mut Redaction,
) -> Result<(Zeroizing<String>, Option<Secret>), Failure> {
    let refresh_token = match (&request.refresh_token, rotated) {
        (None, _) => None,
        (Some(_), Some(token)) => {
            redaction.add(token);
            Some(token.clone())
        }
        (Some(source), None) => Some(resolve(source, "refresh token", redaction).await?),
    };
    let client_secret = match &request.client_secret {
        Some(source) => Some(resolve(source, "client secret", redaction).await?),
        None => None,
    };
    // Allocated once, because a buffer that grows leaves copies of secrets in memory. Percent-encoding turns a byte
    // into three at most.
    let secrets = [&refresh_token, &client_secret].into_iter().flatten();
    let secrets: usize = secrets.map(|secret| secret.expose().len()).sum();
    let scope = request.scope.as_ref().map_or(0, String::len);
    let room = NAMES + 3 * (request.client_id.len() + secrets + scope);
    let mut form = Serializer::new(String::with_capacity(room));
    match &refresh_token {
        None => form.append_pair("grant_type", "client_credentials"),
        Some(token) => form
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose()),
    };
    form.append_pair("client_id", &request.client_id);
    if let Some(secret) = &client_secret {
        form.append_pair("client_secret", secret.expose());
    }
    if let Some(scope) = &request.scope {
        form.append_pair("scope", scope);
    }
    Ok((Zeroizing::new(form.finish()), refresh_token))
}

async fn resolve(
    source: &SecretSource,
    what: &str,
    redaction: &mut Redaction,
) -> Result<Secret, Failure> {
    let secret = source.resolve(what).await?;
    redaction.add(&secret);
    Ok(secret)
}

async fn post(
    request: &TokenRequest,
    form: Zeroizing<String>,
    caller: Caller<'_>,
) -> Result<(StatusCode, Bytes), Failure> {
    let post = Request::post("/")
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        // The form is zeroed when hyper drops it.
        .body(Bytes::from_owner(form))
        .map_err(|_| unavailable(request, "its URL is not valid"))?;
    let url = request.url.url();
    let answer = exchange(url, post, caller).await.map_err(|why| match why {
        Unanswered::Forbidden => forbidden(url),
        Unanswered::NoAuthorities => {
            unavailable(request, "this machine has no certificate authorities that can be read")
                .hint("install the package ca-certificates")
                .after_config_change()
        }
        Unanswered::Tls(error) => tls_failure(request, &error),
        Unanswered::Failed(failure) => *failure,
        Unanswered::Other(why) => unavailable(request, &why),
    })?;
    Ok((answer.status(), answer.into_body()))
}

/// Returns the failure for an endpoint that may not be reached.
pub(crate) fn forbidden(url: &Url) -> Failure {
    let host = url.host_str().unwrap_or_default();
    let message = format!(
        "the token endpoint {host} is not on the public internet, or is denied by this platform"
    );
    Failure::new(FailureCode::Policy, Phase::Auth, message)
        .hint("use a public endpoint, or ask the platform's operator to allow this one")
        .after_config_change()
}

/// A token in an endpoint's answer (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: Option<String>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
}

fn granted(request: &TokenRequest, body: &[u8], sent: Option<Secret>) -> Result<Granted, Failure> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| unavailable(request, "its answer is not a token"))?;
    let bearer = answer.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    let fits = !answer.access_token.is_empty()
        && answer.access_token.bytes().all(|byte| byte.is_ascii_graphic());
    if !bearer || !fits {
        return Err(unavailable(request, "its answer is not a bearer token"));
    }
    // Some endpoints send the number as text.
    let seconds = answer.expires_in.and_then(|value| match value {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    });
    /// The longest lifetime, in seconds: one day. Longer ones are cut to it, so that the clock cannot overflow.
    const LONGEST: u64 = 86_400;
    Ok(Granted {
        access: Secret::new(answer.access_token),
        lifetime: seconds.map(|seconds| Duration::from_secs(seconds.min(LONGEST))),
        sent,
        refresh: answer.refresh_token.map(Secret::new),
    })
}

/// An error in an endpoint's answer (RFC 6749 section 5.2).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: String,
    error_description: String,
}

fn refused(
    request: &TokenRequest,
    status: StatusCode,
    body: &[u8],
    redaction: &Redaction,
    account: Option<&str>,
) -> Failure {
    /// The most characters shown. The first sentence explains the error, and the rest is for the endpoint's operator.
    const SHOWN: usize = 200;
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let clean = |text: &str| redaction.clean(text).chars().take(SHOWN).collect::<String>();
    let said = [clean(&refusal.error), clean(&refusal.error_description)];
    let said: Vec<_> =
        said.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    let said = match said.is_empty() {
        true => String::new(),
        false => format!(": {}", said.join(", ")),
    };
    let message = format!("{} answered {}{said}", endpoint(request), status.as_u16());
    let failure = Failure::new(FailureCode::Auth, Phase::Auth, message);
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return failure.hint("try again later").later();
    }
    let again = match account.filter(|name| !name.is_empty()) {
        Some(name) => format!("run `smtp-connector accounts authorize {name:?}` again"),
        None => "ask the user for consent again".to_owned(),
    };
    let hint = match refusal.error.as_str() {
        // Microsoft's endpoint sends these with status 400.
        "temporarily_unavailable" | "server_error" | "slow_down" => {
            return failure.hint("the endpoint is busy: try again later").later();
        }
        "invalid_grant" if request.refresh_token.is_some() => {
            format!("the refresh token has expired or was revoked: {again}, or set oauth2.refreshToken to a new token")
        }
        "interaction_required" | "consent_required" => {
            format!("the user or an administrator must give consent again in a browser: {again}, or set \
                     oauth2.refreshToken to a new token")
        }
        "invalid_client" | "unauthorized_client" => {
            "check oauth2.clientId, and whether oauth2.clientSecret has expired and the application may use this grant"
                .to_owned()
        }
        "invalid_scope" => "check oauth2.scope".to_owned(),
        "unsupported_grant_type" => {
            "check oauth2.tokenUrl: this endpoint does not know the grant".to_owned()
        }
        _ => "check the account's oauth2".to_owned(),
    };
    failure.hint(hint).after_config_change()
}

pub(crate) fn unavailable(request: &TokenRequest, why: &str) -> Failure {
    let message = format!("{} gave no access token: {why}", endpoint(request));
    Failure::new(FailureCode::Auth, Phase::Auth, message)
        .hint("try again later; if it persists, check oauth2.tokenUrl")
        .later()
}

fn tls_failure(request: &TokenRequest, error: &HandshakeError) -> Failure {
    let failure = unavailable(request, &format!("TLS with it failed: {error}"));
    match error {
        HandshakeError::Certificate(_) => failure
            .hint(
                "check oauth2.tokenUrl, and this machine's clock and certificate authorities: the account's tls.ca is \
                 not for the token endpoint",
            )
            .after_config_change(),
        _ => failure,
    }
}

/// Returns the failure for a wait that ends now.
pub(crate) fn late(request: &TokenRequest, what: &str, since: Instant) -> Failure {
    unavailable(request, &format!("{what} within {}", Waited(since.elapsed())))
}

/// Formats the endpoint for messages, without its query, which may contain secrets.
fn endpoint(request: &TokenRequest) -> String {
    let url = request.url.url();
    format!("the token endpoint {}", &url[..Position::AfterPath])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_is_written_in_one_piece() {
        let long = "\u{e4}".repeat(1000);
        let request = TokenRequest {
            url: "https://login.example.com/token".parse().expect("an address"),
            client_id: long.clone(),
            client_secret: Some(Secret::new(long.clone()).into()),
            refresh_token: Some(Secret::new(long.clone()).into()),
            scope: Some(long.clone()),
        };
        let mut redaction = Redaction::default();
        let (form, _) = form(&request, None, &mut redaction).await.expect("the secrets are there");
        assert!(form.ends_with("%A4") && form.len() > 4 * 3 * long.len());
        assert_eq!(form.capacity(), NAMES + 4 * 3 * long.len());
    }
}
