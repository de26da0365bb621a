//! The sources of attachments: a web server and uploads, which record requests.

use std::io::Cursor;
use std::sync::{Arc, Mutex};

use smtp_connector_host::accounts::BoxFuture;
use smtp_connector_host::attachments::{Content, Metadata, SourceError, Uploads};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The requests since they were last taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn note(&self, what: &str) {
        self.0.lock().expect("no thread panics while holding it").push(what.to_owned());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no thread panics while holding it"))
    }
}

/// A web server with a file at every path.
pub(crate) struct Web {
    pub(crate) port: u16,
    pub(crate) asked: Asked,
    task: JoinHandle<()>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let port = listener.local_addr().expect("it is bound").port();
        let asked = Asked::default();
        let note = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, note.clone()));
            }
        });
        Self { port, asked, task }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, asked: Asked) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    asked.note(path);
    // Some files are shorter than they announce.
    let length = if path.contains("short") { 70_000 } else { 60_000 };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    // A client may close the connection once it has read enough.
    let _ = stream.write_all(&[head.as_bytes(), &[b'x'; 60_000]].concat()).await;
}

/// There is an upload for every id.
impl Uploads for Asked {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        self.note(id);
        Box::pin(async move {
            let metadata = Metadata::default().filename(id.to_owned());
            Ok(Content::new(metadata, Cursor::new(vec![b'x'; 5000])))
        })
    }
}
