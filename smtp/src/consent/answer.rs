//! The meaning of a refusal, from the redirect or from an endpoint, and the check of an id token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::tokens::shown;
use crate::failure::{Failure, FailureCode, Phase};
use crate::secret::Redaction;
use crate::settings::TokenUrl;

/// Explains an error code of RFC 6749 (sections 4.1.2.1 and 5.2) or RFC 8628 (section 3.5).
pub(super) fn refused(
    endpoint: &TokenUrl,
    code: &str,
    description: Option<&str>,
    redaction: &Redaction,
) -> Failure {
    /// The most characters shown of the server's words.
    const SHOWN: usize = 200;
    let clean = |text: &str| redaction.clean(text).trim().chars().take(SHOWN).collect::<String>();
    let said = match description.map(clean).filter(|words| !words.is_empty()) {
        Some(words) => format!("{}, {words}", clean(code)),
        None => clean(code),
    };
    let host = endpoint.url().host_str().unwrap_or_default();
    let auth = |message: String| Failure::new(FailureCode::Auth, Phase::Auth, message);
    let setting = |message: String| {
        Failure::new(FailureCode::Account, Phase::Auth, message).after_config_change()
    };
    match code {
        "access_denied" => auth(format!("consent was denied at {host} ({said})"))
            .hint("ask again, and allow access; an administrator may need to allow the application first"),
        "consent_required" | "interaction_required" | "login_required" => {
            auth(format!("{host} requires another consent ({said})"))
                .hint("ask again; an administrator may need to allow the application first")
        }
        "expired_token" => auth(format!("the device code expired before it was used at {host}"))
            .hint("start again, and enter the new code in time")
            .later(),
        "invalid_client" | "unauthorized_client" => {
            setting(format!("{host} does not accept the client id or its secret ({said})")).hint(
                "check the client id and the client secret, and that the registration allows this kind of consent",
            )
        }
        "invalid_grant" => auth(format!("{host} does not accept the code of this consent ({said})"))
            .hint("start again: a code can be used once, and for a few minutes"),
        "invalid_scope" => setting(format!("{host} does not know the scope ({said})"))
            .hint("check the scope, and that the registration may ask for it"),
        "redirect_uri_mismatch" => setting(format!("{host} does not accept the redirect ({said})"))
            .hint("register the redirect URI that the authorization URL contains"),
        "server_error" | "slow_down" | "temporarily_unavailable" => {
            auth(format!("{host} is busy ({said})")).hint("try again later").later()
        }
        _ => setting(format!("{} refused the request: {said}", shown(endpoint)))
            .hint("check the client's registration with the provider, and the scope"),
    }
}

/// Checks that an id token is the answer to this request. Its signature is not checked, because it comes from the token
/// endpoint itself (OpenID Connect Core 1.0 section 3.1.3.7).
pub(super) fn check_nonce(id_token: &str, nonce: &str) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Claims {
        nonce: Option<String>,
    }
    let claims = id_token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    let found = claims.and_then(|claims| claims.nonce);
    if found.is_some_and(|found| is_same(&found, nonce)) {
        return Ok(());
    }
    let message = "the answer does not belong to this consent: its id token has another nonce";
    Err(Failure::new(FailureCode::Auth, Phase::Auth, message)
        .hint("start again; if it happens again, another program answers in place of the provider"))
}

/// Compares in constant time, so that an attacker cannot guess a secret byte by byte.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let secret = |text: &str| oauth2::CsrfToken::new(text.to_owned());
    secret(one) == secret(other)
}
