//! A web server that answers exactly what a test says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A server with one page for each path.
pub(crate) struct HttpServer {
    address: SocketAddr,
    pages: Arc<Mutex<Vec<Page>>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// The answer at a path: all bytes from the status line on.
#[derive(Clone)]
pub(crate) struct Page {
    path: &'static str,
    answer: Vec<u8>,
}

impl Page {
    /// A page with a file and these headers, each ended by CRLF.
    pub(crate) fn file(path: &'static str, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        Self { path, answer: [head.as_bytes(), body].concat() }
    }

    /// A page with any answer.
    pub(crate) fn raw(path: &'static str, answer: impl Into<Vec<u8>>) -> Self {
        Self { path, answer: answer.into() }
    }
}

/// Reports whether a request is complete, including the body that it announces.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

impl HttpServer {
    pub(crate) async fn start(pages: Vec<Page>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), None, pages).await
    }

    /// Starts a server over TLS.
    pub(crate) async fn start_over_tls(config: Arc<ServerConfig>, pages: Vec<Page>) -> Self {
        let tls = TlsAcceptor::from(config);
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), Some(tls), pages).await
    }

    /// Starts a server at an address that a test has reserved.
    pub(crate) async fn start_at(
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        pages: Vec<Page>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("the port on loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let (pages, requests) = (Arc::new(Mutex::new(pages)), Arc::default());
        let (served, seen) = (Arc::clone(&pages), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match &tls {
                    None => answer(stream, &served, &seen).await,
                    // A client that does not trust the certificate ends the handshake.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            answer(stream, &served, &seen).await;
                        }
                    }
                }
            }
        });
        Self { address, pages, requests, task }
    }

    /// Replaces the pages.
    pub(crate) fn change(&self, pages: Vec<Page>) {
        *self.pages.lock().expect("no thread panics while holding it") = pages;
    }

    /// The server's address, as a policy names it.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns all requests so far, as raw text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no thread panics while holding it").clone()
    }
}

/// Reads one request, and answers it.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pages: &Mutex<Vec<Page>>,
    seen: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().expect("no thread panics while holding it").push(request);
    let page = pages
        .lock()
        .expect("no thread panics while holding it")
        .iter()
        .find(|page| page.path == path)
        .map(|page| page.answer.clone());
    let nothing = || b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    // A client may close the connection once it has read enough.
    let _ = stream.write_all(&page.unwrap_or_else(nothing)).await;
    let _ = stream.shutdown().await;
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
