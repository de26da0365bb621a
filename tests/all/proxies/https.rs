//! Attachments over HTTPS through a proxy: the proxy carries TLS, and cannot read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use smtp_connector_inbox::Inbox;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::support::CommandLine;

/// A web server over TLS with one file.
struct HttpsServer {
    port: u16,
    task: JoinHandle<()>,
}

const FILE: &str = "The report, over TLS.";

impl HttpsServer {
    async fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let port = listener.local_addr().expect("it is bound").port();
        let acceptor = TlsAcceptor::from(config);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust the certificate ends the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{FILE}",
                    FILE.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, task }
    }
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_over_https_comes_through_the_proxy_with_its_certificate_checked() {
    let authority = Authority::new();
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    for (config, is_trusted) in
        [(authority.server("localhost"), true), (authority.server("other.example"), false)]
    {
        let files = HttpsServer::start(config).await;
        let own = ProxyServer::start(Speaks::Http, Manner::Login("alice", "hunter2")).await;
        let line = CommandLine::new();
        let (mail, port) = (inbox.address().port(), files.port);
        line.write_accounts(&format!(
            "[accounts.work]\nhost = \"localhost\"\nport = {mail}\nsecurity = \"none\"\nfrom = \"a@example.com\"\n\
             proxy = \"{}\"\npolicy = {{ attachmentUrlHosts = [\"localhost:{port}\"] }}\n",
            own.url_with("http", "alice:hunter2")
        ));
        let input = json!({
            "to": "b@example.net", "subject": "x", "text": "y",
            "attachments": format!("https://localhost:{port}/report.txt"),
        });
        let ca = authority.file().display().to_string();
        let send = ["send", "--input", "-"];
        let ran = line.run_with(&send, input.to_string(), &[("SSL_CERT_FILE", &ca)]);
        // The proxy was asked for the file's server in both cases.
        let asked = own.asked();
        assert!(asked.iter().any(|to| to.ends_with(&format!(":{port}"))), "{asked:?}");
        assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
        if is_trusted {
            ran.expect(0);
            assert_eq!(asked.len(), 2, "the mail's server too: {asked:?}");
            let received = inbox.next().await;
            let content = String::from_utf8_lossy(&received.content).into_owned();
            let file = STANDARD.encode(FILE);
            assert!(content.contains("report.txt") && content.contains(&file), "{content}");
        } else {
            let ran = ran.expect(75);
            assert!(
                ran.err.contains("certificate") && ran.err.contains("other.example"),
                "{ran:?}"
            );
            assert_eq!(asked.len(), 1, "nothing is sent: {asked:?}");
        }
    }
}
