//! A network that loses the answers of the server.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of the server.
pub(super) struct Proxy {
    port: u16,
    /// A request that contains these bytes is the last: the server gets it, and its answer is lost.
    last: Arc<Mutex<Option<&'static [u8]>>>,
}

impl Proxy {
    /// Starts a proxy for the server of a URL.
    pub(super) async fn start(url: &str) -> Self {
        let port = url.split(['/', ':']).filter_map(|part| part.parse::<u16>().ok()).next();
        let server = ("127.0.0.1", port.expect("the URL has a port"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy =
            Self { port: listener.local_addr().expect("an address").port(), last: Arc::default() };
        let last = Arc::clone(&proxy.last);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.expect("the server is there");
                tokio::spawn(forward(client, server, Arc::clone(&last)));
            }
        });
        proxy
    }

    /// The URL of a database behind the proxy.
    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Loses the answer of the next request with these bytes, and the connection with it.
    pub(super) fn lose_answer_of(&self, request: &'static [u8]) {
        *self.last.lock().expect("no task panicked") = Some(request);
    }

    /// Reports whether an answer was lost since the last order.
    pub(super) fn has_lost(&self) -> bool {
        self.last.lock().expect("no task panicked").is_none()
    }
}

async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    last: Arc<Mutex<Option<&'static [u8]>>>,
) {
    let (mut request, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(1..) = read else { return };
                let request = &request[..read.unwrap_or_default()];
                if server.write_all(request).await.is_err() {
                    return;
                }
                let is_last = last.lock().expect("no task panicked").take_if(|last| {
                    request.windows(last.len()).any(|part| part == *last)
                });
                if is_last.is_some() {
                    // The server has done it once it answers.
                    let _ = server.read(&mut answer).await;
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
