//! A connection to an HTTP server, under the rules for addresses: for token endpoints, and for webhooks.
//!
//! The connection goes to exactly the IP address that was checked. Redirects, cookies and the proxies of the environment
//! are not used.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Position, Url};

use crate::address::HostName;
use crate::network::{
    DeniedAddresses, Destination, DialError, HandshakeError, Network, Purpose, Reach, Route,
    client_config, is_public,
};
use crate::waited::Waited;

/// The longest answer that is read, in bytes. Tokens and metadata have a few kilobytes at most.
const MAX_ANSWER: usize = 64 * 1024;

/// The rules for a connection.
#[derive(Clone, Copy)]
pub struct HttpRules<'a> {
    /// The network to connect through.
    pub network: &'a dyn Network,
    /// The addresses that are allowed.
    pub reach: Reach,
    /// The addresses that are denied, even with [`Reach::Anywhere`].
    pub denied: &'a DeniedAddresses,
    /// The servers to which requests may go without encryption.
    pub unencrypted: Unencrypted,
    /// The purpose, for the log.
    pub purpose: Purpose,
    /// The account, for the log.
    pub account: Option<&'a str>,
    /// The account's proxy, if the connection goes through one.
    pub route: Option<Route<'a>>,
}

/// The servers to which requests may go without encryption, if the URL begins with `http://`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencrypted {
    /// Servers with a loopback address.
    ThisMachine,
    /// Servers with an address that is not on the public internet.
    PrivateNetworks,
}

/// An open connection, for one request after the other.
///
/// ```no_run
/// use smtp_connector_smtp::http_connection::{HttpConnection, HttpRules, Unencrypted};
/// use smtp_connector_smtp::network::{DeniedAddresses, Purpose, Reach, SystemNetwork};
///
/// # async fn example(url: url::Url) -> Result<(), Box<dyn std::error::Error>> {
/// let rules = HttpRules {
///     network: &SystemNetwork,
///     reach: Reach::Public,
///     denied: &DeniedAddresses::default(),
///     unencrypted: Unencrypted::ThisMachine,
///     purpose: Purpose::Webhook,
///     account: None,
///     route: None,
/// };
/// let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(15);
/// let mut connection = HttpConnection::open(&url, rules, deadline).await?;
/// let answer = connection.send(http::Request::post("/").body("Hello!")?).await?;
/// println!("{}", answer.status());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    path: http::Uri,
    host: HeaderValue,
}

/// The reason why a request has no answer. It displays as the rest of a sentence about the server.
#[derive(Debug)]
pub struct HttpError(pub(crate) Unanswered);

#[derive(Debug)]
pub(crate) enum Unanswered {
    /// There is no connection.
    Dial(DialError),
    /// The HTTP exchange failed.
    Exchange,
    /// The URL has no host or path that can be used.
    InvalidUrl,
    /// The TLS handshake was not complete in time.
    Late(Waited),
    /// This machine has no certificate authorities that can be read.
    NoAuthorities,
    /// TLS failed.
    Tls(HandshakeError),
    /// The answer is cut off or too long.
    TooLong,
    /// The URL is `http://`, and the server is too far away for that.
    Unencrypted,
}

impl HttpConnection {
    /// Connects to the server of a URL. The caller enforces the deadline of the requests.
    ///
    /// # Errors
    ///
    /// Returns an error if a rule forbids the connection, or if it fails.
    pub async fn open(
        url: &Url,
        rules: HttpRules<'_>,
        deadline: Instant,
    ) -> Result<Self, HttpError> {
        let invalid = || HttpError(Unanswered::InvalidUrl);
        let host: HostName = url.host_str().unwrap_or_default().parse().map_err(|_| invalid())?;
        let destination = Destination {
            host: &host,
            port: url.port_or_known_default().unwrap_or(443),
            reach: rules.reach,
            denied: rules.denied,
            purpose: rules.purpose,
            account: rules.account,
            route: rules.route,
        };
        let stream = destination.dial(rules.network, deadline).await;
        let stream = stream.map_err(|error| HttpError(Unanswered::Dial(error)))?;
        if url.scheme() == "http" {
            // Check the address, since even a name such as localhost may resolve to a different machine.
            let peer = stream.peer_address().map(|peer| peer.ip().to_canonical());
            let is_near = peer.is_some_and(|ip| match rules.unencrypted {
                Unencrypted::ThisMachine => ip.is_loopback(),
                Unencrypted::PrivateNetworks => !is_public(ip),
            });
            return match is_near {
                true => Self::over(url, stream).await,
                false => Err(HttpError(Unanswered::Unencrypted)),
            };
        }
        let config = client_config(None).map_err(|_| HttpError(Unanswered::NoAuthorities))?;
        let name = match &host {
            HostName::Ip(address) => ServerName::from(*address),
            HostName::Name(_) => {
                ServerName::try_from(host.without_root().into_owned()).map_err(|_| invalid())?
            }
        };
        let since = Instant::now();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = timeout_at(deadline, handshake)
            .await
            .map_err(|_| HttpError(Unanswered::Late(Waited(since.elapsed()))))?
            .map_err(|reason| HttpError(Unanswered::Tls(HandshakeError::of(&reason))))?;
        Self::over(url, stream).await
    }

    async fn over(
        url: &Url,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, HttpError> {
        let invalid = || HttpError(Unanswered::InvalidUrl);
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let path = path.parse().map_err(|_| invalid())?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let host = HeaderValue::from_str(host).map_err(|_| invalid())?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // The task ends with the connection: when this value is dropped, or the server closes it.
        tokio::spawn(connection);
        Ok(Self { sender, path, host })
    }

    /// Reports whether another request can be sent. The server may close the connection at the same time.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request to the URL, and reads the answer. The body is an error if it is cut off or longer than 64 KiB.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection fails before the head of the answer.
    pub async fn send(
        &mut self,
        request: Request<impl Into<Bytes>>,
    ) -> Result<Response<Result<Bytes, HttpError>>, HttpError> {
        let mut request = request.map(|body| Full::new(body.into()));
        *request.uri_mut() = self.path.clone();
        let agent = concat!("smtp-connector/", env!("CARGO_PKG_VERSION"));
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        self.sender.ready().await.map_err(broken)?;
        let (head, body) = self.sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body
            .map(http_body_util::Collected::to_bytes)
            .map_err(|_| HttpError(Unanswered::TooLong));
        Ok(Response::from_parts(head, body))
    }
}

fn broken(_: hyper::Error) -> HttpError {
    HttpError(Unanswered::Exchange)
}

impl HttpError {
    /// Returns what the user can do, if it is known.
    pub fn hint(&self) -> Option<String> {
        match &self.0 {
            Unanswered::Dial(DialError::Unchecked) => Some(
                "use a proxy of the form socks5://, so that this program resolves and checks names"
                    .to_owned(),
            ),
            Unanswered::Dial(DialError::Proxy(error)) => Some(error.hint()),
            Unanswered::NoAuthorities => Some("install the package ca-certificates".to_owned()),
            Unanswered::Tls(HandshakeError::Certificate(_)) => Some(
                "check the URL, and this machine's clock and certificate authorities".to_owned(),
            ),
            Unanswered::Unencrypted => Some("use https://".to_owned()),
            _ => None,
        }
    }

    /// Reports whether the host has no address that is allowed: it cannot be found, or is not on the public internet, or
    /// is denied. If others choose the URL, tell them no more than this: they could learn which internal names exist.
    pub fn is_about_name(&self) -> bool {
        use DialError::{Forbidden, Resolve, ResolveTimeout};
        matches!(self.0, Unanswered::Dial(Forbidden | Resolve(_) | ResolveTimeout(_)))
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Unanswered::Dial(error) => dial(error, f),
            Unanswered::Exchange => f.write_str("the HTTP request to it failed"),
            Unanswered::InvalidUrl => f.write_str("its URL is not valid"),
            Unanswered::Late(waited) => write!(f, "it did not answer over TLS within {waited}"),
            Unanswered::NoAuthorities => {
                f.write_str("this machine has no certificate authorities that can be read")
            }
            Unanswered::Tls(error) => write!(f, "TLS with it failed: {error}"),
            Unanswered::TooLong => f.write_str("its answer is cut off or longer than 64 KiB"),
            Unanswered::Unencrypted => {
                f.write_str("its URL is http, so secrets would be sent unencrypted")
            }
        }
    }
}

fn dial(error: &DialError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        DialError::ByName(why) => write!(f, "could not connect to it: {why}"),
        DialError::Forbidden => f.write_str("its host is not on the public internet, or is denied"),
        DialError::Proxy(error) => write!(f, "{error}"),
        DialError::Resolve(_) => f.write_str("its host cannot be found"),
        DialError::ResolveTimeout(waited) => write!(f, "its host was not resolved within {waited}"),
        DialError::Unchecked => {
            f.write_str("a proxy would resolve its name, so its addresses cannot be checked")
        }
        DialError::Unreached(why) => write!(f, "could not connect to it: {why}"),
    }
}

impl std::error::Error for HttpError {}
