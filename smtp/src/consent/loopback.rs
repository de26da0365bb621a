//! Receives the redirect on the loopback interface (RFC 8252 section 7.3).

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use http::{Method, Request};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use super::authorization::{Authorization, Redirect, foreign};
use super::client::HttpClient;
use super::page::{self, Page};
use super::request::ConsentRequest;
use super::tokens::Grant;
use crate::failure::{Failure, FailureCode, Phase};
use crate::secret::Secret;
use crate::setters;
use crate::waited::Waited;

/// Where and how long to wait for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loopback {
    /// The port, or 0 for any free one. Providers that follow RFC 8252 accept any port.
    pub port: u16,
    /// The host in the redirect URI.
    pub host: LoopbackHost,
    /// The longest wait. Default: five minutes.
    pub patience: Duration,
}

/// The host in a loopback redirect URI. It must be as registered with the provider. The listener is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoopbackHost {
    /// `127.0.0.1`, as RFC 8252 recommends.
    #[default]
    Address,
    /// `localhost`, as Microsoft's registration page expects.
    Localhost,
}

/// A consent that waits for the browser on this machine.
#[derive(Debug)]
pub struct Consent {
    authorization: Authorization,
    listener: TcpListener,
    patience: Duration,
}

/// The most connections at once. A browser opens a few.
const MAX_CONNECTIONS: usize = 32;
/// The longest life of a connection. A browser may open one before it needs it, and opens another if that is closed.
const CONNECTION: Duration = Duration::from_secs(10);

impl ConsentRequest {
    /// Begins a consent in a browser on this machine: listens on the loopback interface for the redirect.
    ///
    /// # Errors
    ///
    /// Returns an error if the port is taken, or if the authorization endpoint is not known.
    pub async fn begin(&self, loopback: Loopback) -> Result<Consent, Failure> {
        let Loopback { port, host, patience } = loopback;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.map_err(|reason| {
            let why = match reason.kind() {
                ErrorKind::AddrInUse => "another program uses it",
                ErrorKind::PermissionDenied => "this user may not use it",
                _ => "the system does not allow it",
            };
            Failure::of_settings(format!("cannot listen on port {port} of this machine: {why}"))
                .hint("choose another port, or leave the choice to the system")
                .caused_by(reason)
        })?;
        let port = listener.local_addr().map_err(|reason| {
            Failure::of_settings("the system does not say which port it chose").caused_by(reason)
        })?;
        // Without a path: Microsoft compares the path with the registered one.
        let authorization = self.at(&format!("http://{host}:{}", port.port()))?;
        Ok(Consent { authorization, listener, patience })
    }
}

impl Consent {
    /// Returns the URL to open in the user's browser.
    pub fn url(&self) -> &Url {
        self.authorization.url()
    }

    /// Returns the redirect URI, with the port that the listener has.
    pub fn redirect(&self) -> &str {
        self.authorization.redirect()
    }

    /// Waits for the browser, and exchanges its answer for tokens.
    ///
    /// # Errors
    ///
    /// Returns an error if the browser does not come back in time, and the errors of [`Authorization::redirected`].
    pub async fn finish(self, client: &dyn HttpClient) -> Result<Grant, Failure> {
        let Self { authorization, listener, patience } = self;
        let authorization = Arc::new(authorization);
        let code = timeout(patience, wait(listener, &authorization)).await.map_err(|_| {
            let message = format!("the browser did not come back within {}", Waited(patience));
            let redirect = authorization.redirect();
            Failure::new(FailureCode::Auth, Phase::Auth, message)
                .hint(format!(
                    "start again; if the page showed an error, check the client id, and that {redirect} (with any \
                     port) is a redirect URI of its registration"
                ))
                .later()
        })??;
        authorization.exchange(&code, client).await
    }
}

/// Waits for the redirect. The listener closes when it has come.
async fn wait(
    listener: TcpListener,
    authorization: &Arc<Authorization>,
) -> Result<Secret, Failure> {
    let mut connections = JoinSet::new();
    loop {
        let event = poll_fn(|context| {
            if let Poll::Ready(Some(ended)) = connections.poll_join_next(context) {
                return Poll::Ready(Event::Ended(ended.ok().flatten()));
            }
            if connections.len() < MAX_CONNECTIONS
                && let Poll::Ready(accepted) = listener.poll_accept(context)
            {
                return Poll::Ready(Event::Accepted(accepted.ok().map(|(stream, _)| stream)));
            }
            Poll::Pending
        });
        match event.await {
            Event::Accepted(Some(stream)) => {
                connections.spawn(serve(stream, Arc::clone(authorization)));
            }
            Event::Ended(Some(answer)) => return answer,
            Event::Ended(None) => {}
            // The process may have too many open files. Other connections end within a moment.
            Event::Accepted(None) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

enum Event {
    Accepted(Option<TcpStream>),
    /// A connection has ended, perhaps with an answer.
    Ended(Option<Result<Secret, Failure>>),
}

/// Serves one request. Returns the answer once the browser has its page.
async fn serve(
    stream: TcpStream,
    authorization: Arc<Authorization>,
) -> Option<Result<Secret, Failure>> {
    let answer = OnceLock::new();
    let service = service_fn(|request| {
        let (page, found) = respond(&request, &authorization);
        if let Some(found) = found {
            // The connection serves one request.
            let _ = answer.set(found);
        }
        async move { Ok::<_, Infallible>(page.response()) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // A browser that closes early has sent its request all the same.
    let _ = timeout(CONNECTION, connection).await;
    answer.into_inner()
}

/// Chooses the page for a request. Browsers ask for other things too, such as `/favicon.ico`.
fn respond<B>(
    request: &Request<B>,
    authorization: &Authorization,
) -> (Page, Option<Result<Secret, Failure>>) {
    if request.method() != Method::GET || request.uri().path() != "/" {
        return (page::NOTHING, None);
    }
    match authorization.read(request.uri().query().unwrap_or_default()) {
        Redirect::Code(code) => (page::GIVEN, Some(Ok(code))),
        Redirect::Refused(failure) => (page::REFUSED, Some(Err(failure))),
        Redirect::Foreign => (page::FOREIGN, Some(Err(foreign()))),
        Redirect::Other => (page::NOTHING, None),
    }
}

impl Default for Loopback {
    fn default() -> Self {
        Self { port: 0, host: LoopbackHost::default(), patience: Duration::from_secs(300) }
    }
}

setters!(Loopback { port: u16, host: LoopbackHost, patience: Duration });

impl fmt::Display for LoopbackHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "127.0.0.1",
            Self::Localhost => "localhost",
        })
    }
}
