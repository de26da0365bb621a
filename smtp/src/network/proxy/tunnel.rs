//! The handshake with a proxy: SOCKS5 by tokio-socks, HTTP CONNECT by hyper.

use std::error::Error as _;
use std::io;
use std::pin::pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use zeroize::Zeroizing;

use super::error::{Problem, ProxyError, Setting};
use super::stream::ProxyStream;
use crate::network::{Destination, Network, NetworkStream, Target};
use crate::secret::Secret;
use crate::settings::{Proxy, ProxyKind};
use crate::waited::Waited;

/// A proxy, and the way to it.
pub(in crate::network) struct Via<'a> {
    pub(in crate::network) proxy: &'a Proxy,
    pub(in crate::network) setting: Setting,
    /// The proxy as a destination, with the rules for its addresses.
    pub(in crate::network) to: Destination<'a>,
    pub(in crate::network) network: &'a dyn Network,
}

/// Connects to the proxy, and has it connect to the target.
pub(in crate::network) async fn open(
    via: Via<'_>,
    target: Target<'_>,
) -> Result<Box<dyn NetworkStream>, ProxyError> {
    let Via { proxy, setting, to, network } = via;
    let failed = |problem| ProxyError::new(proxy, setting, problem);
    let since = Instant::now();
    let login = timeout_at(target.deadline, proxy.reveal()).await;
    let login = login.map_err(|_| failed(Problem::PasswordLate(Waited(since.elapsed()))))?;
    let login = login.map_err(|failure| failed(Problem::Password(Box::new(failure))))?;
    let stream = to.dial(network, target.deadline).await;
    let stream = stream.map_err(|error| failed(Problem::Unreachable(Box::new(error))))?;
    let since = Instant::now();
    let handshake = async {
        match proxy.kind() {
            ProxyKind::Http => connect(stream, target, login).await,
            ProxyKind::Socks5 | ProxyKind::Socks5h => socks(stream, target, login).await,
        }
    };
    match timeout_at(target.deadline, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(problem)) => Err(failed(problem)),
        Err(_) => Err(failed(Problem::Late(Waited(since.elapsed())))),
    }
}

async fn socks(
    stream: Box<dyn NetworkStream>,
    target: Target<'_>,
    login: Option<(&str, Secret)>,
) -> Result<ProxyStream, Problem> {
    let address = match target.address {
        Some(address) => TargetAddr::Ip(address),
        None => TargetAddr::Domain(target.host.without_root(), target.port),
    };
    let opened = match &login {
        None => Socks5Stream::connect_with_socket(stream, address).await,
        Some((username, password)) => {
            let password = password.expose();
            Socks5Stream::connect_with_password_and_socket(stream, address, username, password)
                .await
        }
    };
    match opened {
        Ok(stream) => Ok(ProxyStream::new(stream.into_inner(), Bytes::new())),
        Err(error) => Err(Problem::of_socks(error, login.is_some())),
    }
}

async fn connect(
    stream: Box<dyn NetworkStream>,
    target: Target<'_>,
    login: Option<(&str, Secret)>,
) -> Result<ProxyStream, Problem> {
    let authority = match target.address {
        Some(address) => address.to_string(),
        None => format!("{}:{}", target.host.without_root(), target.port),
    };
    let request = Request::builder().method(Method::CONNECT).uri(&authority);
    let mut request = request.header(HOST, &authority).body(Empty::<Bytes>::new());
    if let (Ok(request), Some((username, password))) = (&mut request, &login) {
        request.headers_mut().insert(PROXY_AUTHORIZATION, basic(username, password));
    }
    // The authority is an address or a host name, and both are valid in a URI.
    let request = request.map_err(|_| Problem::NotSpoken)?;
    let handshake = http1::Builder::new().max_headers(100).handshake(TokioIo::new(stream)).await;
    let (mut sender, mut connection) = handshake.map_err(|error| broken(&error))?;
    let mut answering = pin!(sender.send_request(request));
    let mut is_over = false;
    let answer = std::future::poll_fn(|context| {
        if !is_over {
            // If the connection fails, the answer has the error.
            is_over = connection.poll_without_shutdown(context).is_ready();
        }
        answering.as_mut().poll(context)
    });
    let status = answer.await.map_err(|error| broken(&error))?.status();
    if !status.is_success() {
        return Err(Problem::of_status(status.as_u16(), login.is_some()));
    }
    if !is_over {
        let end = std::future::poll_fn(|context| connection.poll_without_shutdown(context));
        end.await.map_err(|error| broken(&error))?;
    }
    let parts = connection.into_parts();
    Ok(ProxyStream::new(parts.io.into_inner(), parts.read_buf))
}

/// Returns the header for a login (RFC 7617).
fn basic(username: &str, password: &Secret) -> HeaderValue {
    let login = Zeroizing::new(format!("{username}:{}", password.expose()));
    let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(login.as_bytes())));
    let mut header = HeaderValue::from_str(&header).expect("base64 is valid in a header");
    header.set_sensitive(true);
    header
}

/// Returns the problem of an HTTP exchange that failed.
fn broken(error: &hyper::Error) -> Problem {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match source {
        Some(reason) => Problem::Broken(reason.kind().into()),
        None if error.is_incomplete_message() => {
            Problem::Broken(io::ErrorKind::UnexpectedEof.into())
        }
        None => Problem::NotSpoken,
    }
}
