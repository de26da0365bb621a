//! One HTTP request to an authorization server, under the rules for addresses.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use super::Caller;
use crate::address::HostName;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{Destination, DialError, HandshakeError, Purpose, Route, client_config};
use crate::waited::Waited;

/// The largest answer, in bytes. Tokens and metadata have a few kilobytes at most.
const MAX_ANSWER: usize = 64 * 1024;

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
    request: Request<Full<Bytes>>,
    caller: Caller<'_>,
) -> Result<Response<Bytes>, Unanswered> {
    let other = |why: &str| Unanswered::Other(why.to_owned());
    // A URL of a token endpoint has a host.
    let host = url.host_str().unwrap_or_default();
    let host: HostName = host.parse().map_err(|_| other("its host name is not valid"))?;
    let port = url.port_or_known_default().unwrap_or(443);
    let destination = Destination {
        host: &host,
        port,
        reach: caller.reach,
        denied: caller.denied,
        purpose: Purpose::TokenEndpoint,
        account: caller.account,
        route: caller.proxy.map(|proxy| Route { proxy, reach: caller.reach }),
    };
    let stream = destination.dial(caller.network, caller.deadline).await;
    let stream = stream.map_err(|error| match error {
        DialError::Forbidden => Unanswered::Forbidden,
        DialError::Unchecked => {
            let message = format!(
                "a proxy would resolve the token endpoint {host}, so this host cannot check its addresses"
            );
            let failure = Failure::new(FailureCode::Policy, Phase::Auth, message)
                .hint("use a proxy of the form socks5://, so that this host resolves and checks names");
            Unanswered::Failed(Box::new(failure.after_config_change()))
        }
        DialError::Proxy(error) => {
            let server = format_args!("the token endpoint {host} at port {port}");
            Unanswered::Failed(Box::new(error.into_failure(server)))
        }
        DialError::ByName(why) => Unanswered::Other(format!("could not connect to it: {why}")),
        DialError::Resolve(_) => other("its host cannot be found"),
        DialError::ResolveTimeout(waited) => {
            Unanswered::Other(format!("its host was not resolved within {waited}"))
        }
        DialError::Unreached(why) => Unanswered::Other(format!("could not connect to it: {why}")),
    })?;
    if url.scheme() == "http" {
        // Check the address, since even a name such as localhost may resolve to a different machine.
        let own = stream.peer_address().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        return match own {
            true => talk(url, request, stream).await,
            false => Err(other("its URL is http, so secrets would be sent unencrypted")),
        };
    }
    let config = client_config(None).map_err(|_| Unanswered::NoAuthorities)?;
    let name = match &host {
        HostName::Ip(address) => ServerName::from(*address),
        HostName::Name(_) => ServerName::try_from(host.without_root().into_owned())
            .map_err(|_| other("its host name is not valid"))?,
    };
    let since = Instant::now();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = timeout_at(caller.deadline, handshake)
        .await
        .map_err(|_| {
            let waited = Waited(since.elapsed());
            Unanswered::Other(format!("it did not answer over TLS within {waited}"))
        })?
        .map_err(|reason| Unanswered::Tls(HandshakeError::of(&reason)))?;
    talk(url, request, stream).await
}

async fn talk(
    url: &Url,
    mut request: Request<Full<Bytes>>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Response<Bytes>, Unanswered> {
    let broken = |_: hyper::Error| Unanswered::Other("the HTTP request to it failed".to_owned());
    let invalid = || Unanswered::Other("its URL is not valid".to_owned());
    let path = &url[Position::BeforePath..Position::AfterQuery];
    *request.uri_mut() = path.parse().map_err(|_| invalid())?;
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|_| invalid())?;
    let agent = concat!("smtp-connector/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The task ends with the answer, or when the answer is dropped.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER)
        .collect()
        .await
        .map_err(|_| Unanswered::Other("its answer is cut off or longer than 64 KiB".to_owned()))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
