//! A proxy, SOCKS5 or HTTP CONNECT, that behaves as a test says and records what it is asked for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Socks,
    Http,
}

/// The behaviour of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Connects to what it is asked for.
    #[default]
    Honest,
    /// The same, but sends its answer together with the server's first bytes.
    Coalescing,
    /// The same, for clients with this username and password.
    Login(&'static str, &'static str),
    /// Answers the request with this SOCKS code or HTTP status.
    Answer(u16),
    /// Accepts no method of login. Only for SOCKS.
    NoMethod,
    /// Sends these bytes as its first answer, and closes the connection.
    Says(&'static [u8]),
    /// Reads, and never answers.
    Silent,
    /// Closes the connection after the first bytes.
    Closing,
}

/// A proxy on this machine. Every public address and every name leads to this machine.
pub(crate) struct ProxyServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Rules {
    speaks: Speaks,
    manner: Manner,
    /// The server that every request leads to. `None`: the requested port of this machine.
    leads_to: Option<SocketAddr>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ProxyServer {
    pub(crate) async fn start(speaks: Speaks, manner: Manner) -> Self {
        Self::leading_to(speaks, manner, None).await
    }

    /// A proxy whose requests all lead to this server.
    pub(crate) async fn leading_to(
        speaks: Speaks,
        manner: Manner,
        leads_to: Option<SocketAddr>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let rules = Rules { speaks, manner, leads_to, asked: Arc::clone(&asked) };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let rules = rules.clone();
                tokio::spawn(async move {
                    // The client may give up at any time.
                    let _ = rules.serve(stream).await;
                });
            }
        });
        Self { address, asked, task }
    }

    /// Returns the proxy's URL with this scheme.
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Returns the URL with a login.
    pub(crate) fn url_with(&self, scheme: &str, login: &str) -> String {
        format!("{scheme}://{login}@{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what the proxy was asked for so far, as `host:port`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panics while holding it").clone()
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rules {
    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        match self.manner {
            Manner::Silent | Manner::Closing | Manner::Says(_) => {
                // All of it: closing a socket with unread bytes resets the connection.
                let mut some = Vec::with_capacity(1024);
                stream.read_buf(&mut some).await?;
                if let Manner::Says(bytes) = self.manner {
                    stream.write_all(bytes).await?;
                }
                if self.manner == Manner::Silent {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                return Ok(());
            }
            _ => {}
        }
        let request = match self.speaks {
            Speaks::Socks => self.socks(&mut stream).await?,
            Speaks::Http => self.http(&mut stream).await?,
        };
        let Some((host, port)) = request else { return Ok(()) };
        self.asked.lock().expect("no panic").push(format!("{host}:{port}"));
        if let Manner::Answer(code) = self.manner {
            return stream.write_all(&self.answer(code)).await;
        }
        let server = self.leads_to.unwrap_or((Ipv4Addr::LOCALHOST, port).into());
        let mut server = TcpStream::connect(server).await?;
        let mut answer = self.answer(if self.speaks == Speaks::Socks { 0 } else { 200 });
        if self.manner == Manner::Coalescing {
            server.read_buf(&mut answer).await?;
        }
        stream.write_all(&answer).await?;
        copy_bidirectional(&mut stream, &mut server).await?;
        Ok(())
    }

    /// The answer to a request: a SOCKS reply (RFC 1928 section 6), or an HTTP response as tinyproxy sends it.
    fn answer(&self, code: u16) -> Vec<u8> {
        match self.speaks {
            Speaks::Socks => vec![5, code as u8, 0, 1, 127, 0, 0, 1, 0, 25],
            Speaks::Http if code == 200 => {
                b"HTTP/1.0 200 Connection established\r\nProxy-agent: test\r\n\r\n".to_vec()
            }
            Speaks::Http => {
                let body = "<html>an error page</html>";
                format!("HTTP/1.1 {code} No\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
            }
        }
    }

    async fn socks(&self, stream: &mut TcpStream) -> io::Result<Option<(String, u16)>> {
        assert_eq!(stream.read_u8().await?, 5, "the version");
        let mut methods = vec![0; stream.read_u8().await?.into()];
        stream.read_exact(&mut methods).await?;
        match self.manner {
            Manner::NoMethod => {
                stream.write_all(&[5, 0xff]).await?;
                return Ok(None);
            }
            Manner::Login(username, password) => {
                stream.write_all(&[5, 2]).await?;
                assert_eq!(stream.read_u8().await?, 1, "the version (RFC 1929)");
                let login = [text(stream).await?, text(stream).await?];
                let is_right = login == [username, password];
                stream.write_all(&[1, u8::from(!is_right)]).await?;
                if !is_right {
                    return Ok(None);
                }
            }
            _ => stream.write_all(&[5, 0]).await?,
        }
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        assert_eq!(head[..3], [5, 1, 0], "CONNECT");
        let host = match head[3] {
            1 => IpAddr::from(Ipv4Addr::from(stream.read_u32().await?)).to_string(),
            4 => format!("[{}]", Ipv6Addr::from(stream.read_u128().await?)),
            3 => text(stream).await?,
            other => panic!("a type of address: {other}"),
        };
        Ok(Some((host, stream.read_u16().await?)))
    }

    async fn http(&self, stream: &mut TcpStream) -> io::Result<Option<(String, u16)>> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(None);
            }
        }
        let request = String::from_utf8(request).expect("a request is ASCII");
        let target = request.strip_prefix("CONNECT ").expect("CONNECT");
        let (target, _) = target.split_once(" HTTP/1.1\r\n").expect("HTTP/1.1");
        assert!(request.to_ascii_lowercase().contains(&format!("\r\nhost: {target}\r\n")));
        if let Manner::Login(username, password) = self.manner {
            let login = STANDARD.encode(format!("{username}:{password}"));
            if !request.contains(&format!("roxy-authorization: Basic {login}\r\n")) {
                stream.write_all(&self.answer(407)).await?;
                return Ok(None);
            }
        }
        let (host, port) = target.rsplit_once(':').expect("a port");
        Ok(Some((host.to_owned(), port.parse().expect("a port"))))
    }
}

/// Reads a text behind its length.
async fn text(stream: &mut TcpStream) -> io::Result<String> {
    let mut text = vec![0; stream.read_u8().await?.into()];
    stream.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).expect("UTF-8"))
}
