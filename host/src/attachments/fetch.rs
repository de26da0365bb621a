//! Fetches attachments from the web. The URL is untrusted: it may try to reach what only this machine can reach.
//!
//! The connection goes to exactly the IP address that was checked, for the first URL and for each redirect, directly or
//! through the account's proxy. The proxies of the environment, cookies and credentials are not used.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HOST, LOCATION, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, timeout_at};
use tokio_rustls::TlsConnector;
use url::Url;

use super::content_disposition::file_name;
use super::{AttachmentHosts, Content, Metadata, SourceError};
use crate::accounts::Policy;
use smtp_connector_smtp::address::HostName;
use smtp_connector_smtp::network::{
    DeniedAddresses, Destination, DialError, Network, Purpose, Route, client_config, why_tls_failed,
};
use smtp_connector_smtp::settings::Proxy;
use smtp_connector_smtp::waited::Waited;

/// The most redirects. Each is checked like the first URL. Links to shared files need up to five.
const MAX_REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(10);

/// The network and the limits of a fetch.
pub(crate) struct FetchRequest<'e> {
    /// The network to connect through.
    pub(crate) network: &'e dyn Network,
    /// The addresses that are never connected to.
    pub(crate) denied: &'e DeniedAddresses,
    /// The name of the sending account, for the log.
    pub(crate) account: Option<&'e str>,
    /// The account's proxy.
    pub(crate) proxy: Option<&'e Proxy>,
    /// The hosts that the platform allows.
    pub(crate) hosts: &'e AttachmentHosts,
    /// The account's policy, which can narrow these hosts.
    pub(crate) policy: &'e Policy,
    /// The largest file, in bytes.
    pub(crate) limit: u64,
    /// The time limit, from the DNS lookup to the last byte.
    pub(crate) time: Duration,
}

/// Opens a file on the web.
pub(crate) async fn fetch(url: &str, request: &FetchRequest<'_>) -> Result<Content, SourceError> {
    let deadline = Instant::now() + request.time;
    let mut target = Target::parse(url)?;
    let mut seen = Vec::new();
    for _ in 0..=MAX_REDIRECTS {
        let response = target.get(request, deadline).await?;
        if !response.status().is_redirection() {
            return target.content(response, request, deadline);
        }
        let next = target.follow(&response)?;
        seen.push(target.url);
        if seen.contains(&next.url) {
            return Err(not_found("its server redirects in a loop"));
        }
        target = next;
    }
    Err(not_found(&format!("its server redirects more than {MAX_REDIRECTS} times")))
}

/// A URL that may be requested.
struct Target {
    url: Url,
    host: HostName,
    port: u16,
}

impl Target {
    fn parse(text: &str) -> Result<Self, SourceError> {
        // The parser drops some characters, so the parsed URL would differ from the one in the input.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(forbidden("its URL contains a space or a control character"));
        }
        let url = Url::parse(text).map_err(|_| forbidden("its URL is not valid"))?;
        Self::of(url)
    }

    fn of(url: Url) -> Result<Self, SourceError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(forbidden("its URL must start with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("its URL must not contain a username or password"));
        }
        let host = url.host_str().ok_or_else(|| forbidden("its URL has no host"))?;
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host.parse().map_err(|_| forbidden("its URL has no valid host"))?;
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(Self { url, host, port })
    }

    async fn get(
        &self,
        request: &FetchRequest<'_>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, SourceError> {
        let reach = request.hosts.reach(request.policy, &self.host, self.port);
        let reach = reach.map_err(forbidden)?;
        let since = Instant::now();
        let connect = deadline.min(since + CONNECT);
        let destination = Destination {
            host: &self.host,
            port: self.port,
            reach,
            denied: request.denied,
            purpose: Purpose::Attachment,
            account: request.account,
            route: request.proxy.map(|proxy| Route { proxy, reach: request.hosts.proxy_reach() }),
        };
        let stream = destination.dial(request.network, connect).await;
        let stream = stream.map_err(|error| dial_error(&error, since))?;
        if self.url.scheme() == "http" {
            return self.request(stream, deadline).await;
        }
        let config = client_config(None).map_err(|_| {
            unavailable("this machine has no certificate authorities that can be read")
        })?;
        let name = match &self.host {
            HostName::Ip(address) => ServerName::from(*address),
            HostName::Name(_) => ServerName::try_from(self.host.without_root().into_owned())
                .map_err(|_| forbidden("its URL has no valid host"))?,
        };
        let handshake = TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream);
        let stream = timeout_at(connect, handshake)
            .await
            .map_err(|_| late("its server did not complete the TLS handshake", since))?
            .map_err(|reason| {
                let why = why_tls_failed(&reason);
                unavailable(&format!("the TLS connection to its server failed: {why}"))
            })?;
        self.request(stream, deadline).await
    }

    async fn request(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        deadline: Instant,
    ) -> Result<Response<Incoming>, SourceError> {
        let broken = |_: hyper::Error| unavailable("the HTTP exchange with its server failed");
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(100)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // The task ends when the response's body ends or is dropped.
        tokio::spawn(connection);
        let path = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = Request::get(path)
            .header(HOST, host)
            .header(USER_AGENT, concat!("smtp-connector/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*")
            // The bytes are attached as they arrive, and their size counts against the limit.
            .header(ACCEPT_ENCODING, "identity")
            .body(Empty::<Bytes>::new())
            .map_err(|_| forbidden("its URL is not valid"))?;
        let since = Instant::now();
        let headers = deadline.min(since + HEADERS);
        timeout_at(headers, sender.send_request(request))
            .await
            .map_err(|_| late("its server did not answer the request", since))?
            .map_err(broken)
    }

    fn follow(&self, response: &Response<Incoming>) -> Result<Self, SourceError> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location
            .ok_or_else(|| unavailable("its server redirects without a valid Location header"))?;
        if location.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(forbidden("its server redirects to a URL that is not valid"));
        }
        let url = self
            .url
            .join(location)
            .map_err(|_| forbidden("its server redirects to a URL that is not valid"))?;
        if self.url.scheme() == "https" && url.scheme() == "http" {
            return Err(forbidden("its server redirects from https to http"));
        }
        Self::of(url)
    }
}

impl Target {
    fn content(
        &self,
        response: Response<Incoming>,
        &FetchRequest { limit, time, .. }: &FetchRequest<'_>,
        deadline: Instant,
    ) -> Result<Content, SourceError> {
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(not_found("there is no file at its URL"));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(unavailable(&format!("its server answered {}", status.as_u16())));
            }
            status => return Err(not_found(&format!("its server answered {}", status.as_u16()))),
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let filename = header(CONTENT_DISPOSITION).and_then(file_name);
        let mut media_type = header(CONTENT_TYPE).map(str::to_owned);
        let mut size = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if size.is_some_and(|size| size > limit) {
            return Err(too_large(limit));
        }
        let is_packed = match header(CONTENT_ENCODING).unwrap_or_default().trim() {
            encoding if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") => false,
            encoding if encoding.eq_ignore_ascii_case("gzip") => true,
            encoding if encoding.eq_ignore_ascii_case("x-gzip") => true,
            _ => return Err(unavailable("its server compressed it in an unsupported format")),
        };
        let mut gunzip = None;
        if is_packed {
            if is_gzip_file(filename.as_deref().unwrap_or_else(|| self.url.path())) {
                // Servers send this header for files that are themselves compressed. The media type is then that of
                // the content.
                media_type = None;
            } else if !media_type.as_deref().is_some_and(is_gzip) {
                size = None;
                gunzip = Some(Gunzip::new(limit));
            }
        }
        let reader = BodyReader {
            body: response.into_body(),
            gunzip,
            chunk: Bytes::new(),
            left: limit,
            limit,
            time,
            timer: Box::pin(tokio::time::sleep_until(deadline)),
        };
        Ok(Content::new(Metadata { filename, media_type, size }, reader))
    }
}

/// Reports whether a file with this name is compressed and must stay compressed.
fn is_gzip_file(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let is = |known: &&str| extension.is_some_and(|found| found.eq_ignore_ascii_case(known));
    ["gz", "tgz", "svgz"].iter().any(is)
}

/// Reports whether this is the media type of a compressed file.
fn is_gzip(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let essence = essence.strip_prefix("application/").unwrap_or_default();
    ["gzip", "x-gzip", "x-gunzip"].iter().any(|known| essence.eq_ignore_ascii_case(known))
}

/// Decompresses a body that the server compressed although it was asked not to.
struct Gunzip {
    decoder: MultiGzDecoder<Vec<u8>>,
    /// Received bytes that are not yet decompressed.
    packed: Bytes,
    /// The most compressed bytes that may still arrive. Compressed bytes can expand to an empty file.
    left: u64,
}

impl Gunzip {
    fn new(limit: u64) -> Self {
        Self { decoder: MultiGzDecoder::new(Vec::new()), packed: Bytes::new(), left: limit }
    }

    /// Decompresses the next few bytes. Deflate makes at most 1032 bytes of one, so memory use stays small.
    fn unpack(&mut self) -> io::Result<Bytes> {
        const FEW: usize = 1024;
        let few = self.packed.split_to(self.packed.len().min(FEW));
        self.left = self.left.checked_sub(few.len() as u64).ok_or_else(|| {
            io::Error::other(unavailable("its server sends too many compressed bytes"))
        })?;
        self.decoder.write_all(&few).map_err(|_| broken_gzip())?;
        Ok(std::mem::take(self.decoder.get_mut()).into())
    }

    /// Returns the last bytes, after the end of the body.
    fn finish(&mut self) -> io::Result<Bytes> {
        self.decoder.try_finish().map_err(|_| broken_gzip())?;
        Ok(std::mem::take(self.decoder.get_mut()).into())
    }
}

fn broken_gzip() -> io::Error {
    io::Error::other(unavailable("its server sends gzip data that is not valid"))
}

/// Reads a response's body, with limits on size and time. hyper reports an error if the body is shorter than its
/// Content-Length.
struct BodyReader {
    body: Incoming,
    /// The decompressor, or `None` if the body is the file itself.
    gunzip: Option<Gunzip>,
    chunk: Bytes,
    left: u64,
    limit: u64,
    time: Duration,
    timer: Pin<Box<Sleep>>,
}

impl BodyReader {
    /// Returns the next bytes of the file, which may be empty, or `None` at the end.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if let Some(gunzip) = self.gunzip.as_mut().filter(|gunzip| !gunzip.packed.is_empty()) {
            return Poll::Ready(gunzip.unpack().map(Some));
        }
        let frame = match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => {
                let error =
                    unavailable("the connection to its server failed before the end of the file");
                return Poll::Ready(Err(io::Error::other(error)));
            }
            None => {
                let last = self.gunzip.as_mut().map(Gunzip::finish).transpose();
                return Poll::Ready(last.map(|last| last.filter(|bytes| !bytes.is_empty())));
            }
        };
        let data = frame.into_data().unwrap_or_default();
        Poll::Ready(Ok(Some(match &mut self.gunzip {
            Some(gunzip) => {
                gunzip.packed = data;
                Bytes::new()
            }
            None => data,
        })))
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.timer.as_mut().poll(context).is_ready() {
            let late = format!("it did not arrive within {}", Waited(self.time));
            return Poll::Ready(Err(io::Error::other(unavailable(&late))));
        }
        while self.chunk.is_empty() {
            let Some(data) = std::task::ready!(self.poll_chunk(context))? else {
                return Poll::Ready(Ok(()));
            };
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Err(io::Error::other(too_large(self.limit)))),
            }
            self.chunk = data;
        }
        let length = self.chunk.len().min(into.remaining());
        into.put_slice(&self.chunk[..length]);
        self.chunk.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// Returns the error for a failed connection. An unknown name and a name that is not public get the same message.
/// Otherwise the user of a form could learn which internal names exist. The log has the reason.
fn dial_error(error: &DialError, since: Instant) -> SourceError {
    match error {
        DialError::Forbidden | DialError::Resolve(_) | DialError::ResolveTimeout(_) => {
            forbidden("its host cannot be found, or is not on the public internet")
        }
        // The host passed the check, so its existence may be revealed. Its IP addresses are only in the log, because
        // the user of a form must not see the addresses of a host that the account names.
        DialError::Unreached(why) if why.is_timeout() => late("its host did not answer", since),
        DialError::Unreached(why) => match why.proxy_error() {
            Some(error) => unavailable(&error.summary()),
            None => unavailable("the connection to its host failed"),
        },
        DialError::ByName(_) => unavailable("the connection to its host failed"),
        DialError::Unchecked => forbidden(
            "a proxy would resolve the name of its host, so the addresses cannot be checked",
        ),
        DialError::Proxy(error) if error.is_forbidden() => forbidden(&error.summary()),
        DialError::Proxy(error) => unavailable(&error.summary()),
    }
}

fn forbidden(text: &str) -> SourceError {
    SourceError::Forbidden(text.to_owned())
}

fn not_found(text: &str) -> SourceError {
    SourceError::NotFound(text.to_owned())
}

fn unavailable(text: &str) -> SourceError {
    SourceError::Unavailable(text.to_owned())
}

/// Returns the error for a wait that ends now.
fn late(what: &str, since: Instant) -> SourceError {
    unavailable(&format!("{what} within {}", Waited(since.elapsed())))
}

fn too_large(limit: u64) -> SourceError {
    SourceError::TooLarge(format!("it is larger than the {limit} bytes that a message may have"))
}
