//! The metadata of an authorization server (RFC 8414, OpenID Connect Discovery 1.0).

use http::header::ACCEPT;
use http::{Request, StatusCode};
use serde::Deserialize;
use url::Url;

use super::client::HttpClient;
use super::request::Endpoints;
use crate::failure::Failure;
use crate::settings::TokenUrl;

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    /// The PKCE methods. A server that lists methods without S256 cannot be used.
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Endpoints {
    /// Looks up the endpoints of an issuer in its metadata.
    ///
    /// Both places are tried: `/.well-known/oauth-authorization-server` (RFC 8414) and
    /// `/.well-known/openid-configuration`.
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer has no metadata, or if the metadata belongs to another issuer.
    pub async fn discover(issuer: &str, client: &dyn HttpClient) -> Result<Self, Failure> {
        let base: TokenUrl = issuer.parse().map_err(|_| {
            Failure::of_settings("the issuer is not a valid URL")
                .hint("use https, as in https://login.example.com")
        })?;
        let mut statuses = Vec::new();
        for url in places(base.url()) {
            let request = Request::get(url.as_str()).header(ACCEPT, "application/json");
            let request =
                request.body(Vec::new()).map_err(|_| invalid(issuer, "has no valid URL"))?;
            let answer = client.send(request).await?;
            if answer.status() == StatusCode::OK {
                return read(issuer, answer.body());
            }
            statuses.push(answer.status().as_str().to_owned());
        }
        let why = format!("has no metadata (it answered {})", statuses.join(" and "));
        Err(invalid(issuer, &why))
    }
}

/// Returns the URLs of the metadata. RFC 8414 puts the issuer's path behind the well-known one, and OpenID Connect puts
/// it before.
fn places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url.set_query(None);
        url
    };
    [
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

fn read(issuer: &str, body: &[u8]) -> Result<Endpoints, Failure> {
    let metadata: Metadata = serde_json::from_slice(body)
        .map_err(|_| invalid(issuer, "answers with something else than its metadata"))?;
    // Otherwise one server could name another one's endpoints (RFC 8414 section 3.3).
    if metadata.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(invalid(issuer, "has the metadata of another issuer"));
    }
    let methods = metadata.code_challenge_methods_supported;
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
        return Err(invalid(issuer, "does not support PKCE with S256"));
    }
    let url = |url: String| {
        url.parse::<TokenUrl>().map_err(|_| {
            invalid(issuer, "has an endpoint in its metadata that is not an https URL")
        })
    };
    Ok(Endpoints {
        token: url(metadata.token_endpoint)?,
        authorization: metadata.authorization_endpoint.map(url).transpose()?,
        device: metadata.device_authorization_endpoint.map(url).transpose()?,
        issuer: issuer.parse().ok(),
    })
}

fn invalid(issuer: &str, why: &str) -> Failure {
    Failure::of_settings(format!("the issuer {issuer} {why}"))
        .hint("check the issuer's URL, or give the URLs of the endpoints")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_up_in_both_places() {
        for (issuer, first, second) in [
            (
                "https://login.example.com",
                "https://login.example.com/.well-known/oauth-authorization-server",
                "https://login.example.com/.well-known/openid-configuration",
            ),
            (
                "https://login.example.com/one/?x",
                "https://login.example.com/.well-known/oauth-authorization-server/one",
                "https://login.example.com/one/.well-known/openid-configuration",
            ),
        ] {
            let [one, other] = places(&issuer.parse().expect("a URL"));
            assert_eq!((one.as_str(), other.as_str()), (first, second));
        }
    }

    #[test]
    fn metadata_of_another_issuer_or_with_unsafe_endpoints_is_refused() {
        let issuer = "https://login.example.com";
        let right = r#"{"issuer":"https://login.example.com","token_endpoint":"https://login.example.com/t",
            "authorization_endpoint":"https://login.example.com/a"}"#;
        let endpoints = read(issuer, right.as_bytes()).expect("it is right");
        assert_eq!(endpoints.token.as_str(), "https://login.example.com/t");
        assert_eq!(endpoints.device, None);
        for (from, to, words) in [
            ("\"https://login.example.com\"", "\"https://evil.example\"", "another issuer"),
            ("https://login.example.com/a", "file:///etc/passwd", "not an https URL"),
            ("https://login.example.com/t", "http://login.example.com/t", "not an https URL"),
            ("}", ",\"code_challenge_methods_supported\":[\"plain\"]}", "PKCE"),
            ("{", "<html>", "something else"),
        ] {
            let error = read(issuer, right.replace(from, to).as_bytes()).expect_err(words);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint.is_some());
        }
    }
}
