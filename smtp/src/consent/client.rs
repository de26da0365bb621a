//! The HTTP client for requests to an authorization server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};
use zeroize::Zeroizing;

use crate::BoxFuture;
use crate::failure::{Failure, FailureCode, Phase};
use crate::network::{
    AddressRange, DeniedAddresses, HandshakeError, Network, Reach, SystemNetwork,
};
use crate::oauth2::{Caller, Unanswered, exchange, forbidden};
use crate::waited::Waited;

/// An HTTP client for requests to an authorization server. Implement it to use your own.
///
/// Do not follow redirects: a request has secrets in its body, which only the endpoint may get.
///
/// ```
/// use smtp_connector_smtp::consent::HttpClient;
/// use smtp_connector_smtp::{BoxFuture, Failure, FailureCode, Phase};
///
/// /// Answers nothing.
/// struct Offline;
///
/// impl HttpClient for Offline {
///     fn send(
///         &self,
///         _: http::Request<Vec<u8>>,
///     ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, Failure>> {
///         let failure = Failure::new(FailureCode::Connect, Phase::Auth, "this machine is offline");
///         Box::pin(async { Err(failure) })
///     }
/// }
/// ```
pub trait HttpClient: Send + Sync {
    /// Sends one request, and returns the answer with any status.
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, Failure>>;
}

/// The client that most programs use. It makes its connections like an SMTP transport, and logs them.
#[derive(Clone)]
pub struct NetworkClient {
    network: Arc<dyn Network>,
    reach: Reach,
    denied: DeniedAddresses,
}

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl NetworkClient {
    /// Creates a client that connects only to servers on the public internet.
    pub fn new() -> Self {
        Self {
            network: Arc::new(SystemNetwork),
            reach: Reach::Public,
            denied: DeniedAddresses::default(),
        }
    }

    /// Replaces the system's resolver and sockets, for example with a proxy.
    #[must_use]
    pub fn network(self, network: impl Network) -> Self {
        Self { network: Arc::new(network), ..self }
    }

    /// Danger: also connects to servers on this machine and on private networks. Do not use it on a platform whose
    /// customers choose the endpoints.
    #[must_use]
    pub fn danger_allow_private_hosts(self) -> Self {
        Self { reach: Reach::Anywhere, ..self }
    }

    /// Denies addresses, even if private hosts are allowed. Each call adds ranges.
    #[must_use]
    pub fn deny_addresses(self, ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self { denied: self.denied.and(ranges), ..self }
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let url = Url::parse(&url).map_err(|_| {
            Failure::of_settings("the endpoint's URL is not valid").hint("check the endpoint's URL")
        })?;
        // The body has secrets, and is zeroed when hyper drops it.
        let body = Bytes::from_owner(Zeroizing::new(body));
        let since = Instant::now();
        let deadline = since + PATIENCE;
        let caller = Caller {
            account: None,
            network: self.network.as_ref(),
            reach: self.reach,
            denied: &self.denied,
            proxy: None,
            deadline,
        };
        let exchange = exchange(&url, Request::from_parts(head, body), caller);
        let answer = timeout_at(deadline, exchange).await.unwrap_or_else(|_| {
            let waited = Waited(since.elapsed());
            Err(Unanswered::Other(format!("it did not answer within {waited}")))
        });
        let (head, body) = answer.map_err(|why| unanswered(&url, why))?.into_parts();
        Ok(Response::from_parts(head, body.into()))
    }
}

/// Explains why an endpoint did not answer.
fn unanswered(url: &Url, why: Unanswered) -> Failure {
    let failed = |why: &str| {
        let message = format!("{} cannot be used: {why}", &url[..Position::AfterPath]);
        Failure::new(FailureCode::Auth, Phase::Auth, message)
            .hint("try again later; if it persists, check the endpoint's URL")
            .later()
    };
    match why {
        Unanswered::Forbidden => forbidden(url),
        Unanswered::NoAuthorities => {
            failed("this machine has no certificate authorities that can be read")
                .hint("install the package ca-certificates")
                .after_config_change()
        }
        Unanswered::Tls(error) => {
            let failure = failed(&format!("TLS with it failed: {error}"));
            match error {
                HandshakeError::Certificate(_) => failure
                    .hint("check the endpoint's URL, and this machine's clock and certificate authorities")
                    .after_config_change(),
                _ => failure,
            }
        }
        Unanswered::Failed(failure) => *failure,
        Unanswered::Other(why) => failed(&why),
    }
}

impl HttpClient for NetworkClient {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, Failure>> {
        Box::pin(self.exchange(request))
    }
}

impl Default for NetworkClient {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NetworkClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkClient").field("reach", &self.reach).finish_non_exhaustive()
    }
}
