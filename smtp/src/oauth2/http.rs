//! One HTTP request to an authorization server.

use bytes::Bytes;
use hyper::{Request, Response};
use url::Url;

use super::Caller;
use crate::failure::{Failure, FailureCode, Phase};
use crate::http_connection::{
    self as connection, HttpConnection, HttpError, HttpRules, Unencrypted,
};
use crate::network::{DialError, HandshakeError, Purpose, Route};

/// The reason why a request has no answer.
pub(crate) enum Unanswered {
    /// The host is not on the public internet, or is denied.
    Forbidden,
    /// This machine has no certificate authorities that can be read.
    NoAuthorities,
    /// TLS failed.
    Tls(HandshakeError),
    /// A proxy gave no connection.
    Failed(Box<Failure>),
    /// Any other reason, as the rest of a sentence about the endpoint.
    Other(String),
}

/// Sends a request to a URL, and reads the answer. The caller enforces the deadline of the whole exchange.
pub(crate) async fn exchange(
    url: &Url,
    request: Request<impl Into<Bytes>>,
    caller: Caller<'_>,
) -> Result<Response<Bytes>, Unanswered> {
    let rules = HttpRules {
        network: caller.network,
        reach: caller.reach,
        denied: caller.denied,
        unencrypted: Unencrypted::ThisMachine,
        purpose: Purpose::TokenEndpoint,
        account: caller.account,
        route: caller.proxy.map(|proxy| Route { proxy, reach: caller.reach }),
    };
    let explain = |error| unanswered(url, error);
    let mut connection =
        HttpConnection::open(url, rules, caller.deadline).await.map_err(explain)?;
    let (head, body) = connection.send(request).await.map_err(explain)?.into_parts();
    Ok(Response::from_parts(head, body.map_err(explain)?))
}

fn unanswered(url: &Url, error: HttpError) -> Unanswered {
    // A URL of a token endpoint has a host.
    let host = url.host_str().unwrap_or_default();
    match error.0 {
        connection::Unanswered::Dial(DialError::Forbidden) => Unanswered::Forbidden,
        connection::Unanswered::Dial(DialError::Unchecked) => {
            let message = format!(
                "a proxy would resolve the token endpoint {host}, so this host cannot check its addresses"
            );
            let failure = Failure::new(FailureCode::Policy, Phase::Auth, message).hint(
                "use a proxy of the form socks5://, so that this host resolves and checks names",
            );
            Unanswered::Failed(Box::new(failure.after_config_change()))
        }
        connection::Unanswered::Dial(DialError::Proxy(error)) => {
            let port = url.port_or_known_default().unwrap_or(443);
            let server = format_args!("the token endpoint {host} at port {port}");
            Unanswered::Failed(Box::new(error.into_failure(server)))
        }
        connection::Unanswered::NoAuthorities => Unanswered::NoAuthorities,
        connection::Unanswered::Tls(error) => Unanswered::Tls(error),
        _ => Unanswered::Other(error.to_string()),
    }
}
