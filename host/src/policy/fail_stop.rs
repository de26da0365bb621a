//! Tests that the first failed write ends the message and the connection, byte by byte.
//!
//! Each walk breaks a real connection at one byte of the conversation. Then it continues like a component that ignores
//! every failure. At the end, it compares what the server saw with a conversation without a fault.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::Usage;
use super::allowlist::Allowlists;
use super::transport::PolicyOutgoing;
use super::{DeliveryState, InputRule, PolicyError, PolicyTransport};
use crate::accounts::Account;
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::SmtpTransport;
use smtp_connector_smtp::network::{Network, NetworkStream, SystemNetwork};
use smtp_connector_smtp::settings::{Security, Timeouts};
use smtp_connector_smtp::{Envelope, ForwardPath};

/// The byte at which a connection breaks, counted from its start. It breaks only once, so later writes would reach the
/// server.
struct Fault {
    left: AtomicUsize,
    kind: Kind,
    hanging: Notify,
}

/// The kind of fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The write returns an error.
    Error,
    /// The write hangs until its deadline.
    Stall,
    /// The write hangs, and its future is dropped.
    Dropped,
}

impl Fault {
    fn at(byte: usize, kind: Kind) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(byte), kind, hanging: Notify::new() })
    }

    /// Returns the number of bytes that are still written before the fault. Zero means that it breaks now.
    fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    fn count(&self, written: usize) {
        if self.left() != usize::MAX {
            self.left.fetch_sub(written, Ordering::SeqCst);
        }
    }

    fn happen(&self) -> Poll<io::Result<usize>> {
        self.left.store(usize::MAX, Ordering::SeqCst);
        if self.kind == Kind::Error {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        // The writer is never woken, so it hangs.
        self.hanging.notify_one();
        Poll::Pending
    }

    /// Waits for a call, or drops it when it hangs.
    async fn drop_when_it_hangs<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            outcome = call => outcome.ok(),
            () = self.hanging.notified(), if self.kind == Kind::Dropped => None,
        }
    }
}

/// The system's network, whose connections break at a fault.
struct BreakingNetwork(Arc<Fault>);

struct BreakingStream {
    stream: TcpStream,
    fault: Arc<Fault>,
    /// The bytes that hang, by address and length. The same write is polled again and stays pending. Other bytes are
    /// written.
    hanging: Option<(usize, usize)>,
}

impl Network for BreakingNetwork {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        SystemNetwork.resolve(host, port)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn NetworkStream>>> {
        let fault = Arc::clone(&self.0);
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(BreakingStream { stream, fault, hanging: None }) as Box<dyn NetworkStream>)
        })
    }
}

impl NetworkStream for BreakingStream {
    fn peer_address(&self) -> Option<SocketAddr> {
        self.stream.peer_address()
    }
}

impl AsyncRead for BreakingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for BreakingStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let these = (bytes.as_ptr().addr(), bytes.len());
        if self.hanging == Some(these) {
            return Poll::Pending;
        }
        let left = self.fault.left();
        if left == 0 {
            self.hanging = Some(these);
            return self.fault.happen();
        }
        let written =
            Pin::new(&mut self.stream).poll_write(context, &bytes[..left.min(bytes.len())]);
        if let Poll::Ready(Ok(written)) = written {
            self.fault.count(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A server that accepts every message and records what arrives on each connection.
struct Server {
    port: u16,
    connections: Arc<Mutex<Vec<Seen>>>,
}

/// The record of one connection.
#[derive(Clone, Default)]
struct Seen {
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Server {
    async fn start(extensions: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut all = record.lock().expect("no test panics with it");
                    all.push(Seen::default());
                    all.len() - 1
                };
                let record = Arc::clone(&record);
                tokio::spawn(async move {
                    // A connection that was reset has also ended.
                    let _ = serve(stream, extensions, number, &record).await;
                    record.lock().expect("no test panics with it")[number].has_ended = true;
                });
            }
        });
        Self { port, connections }
    }

    fn connections(&self) -> Vec<Seen> {
        self.connections.lock().expect("no test panics with it").clone()
    }

    /// Waits until the client has closed a connection, and returns all bytes that arrived on it.
    async fn ended(&self, number: usize) -> Vec<u8> {
        loop {
            match self.connections().into_iter().nth(number) {
                Some(seen) if seen.has_ended => return seen.bytes,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    extensions: &'static str,
    number: usize,
    record: &Mutex<Vec<Seen>>,
) -> io::Result<()> {
    // With Nagle's algorithm, three replies in three writes would wait for acknowledgements, 40 ms each time.
    stream.set_nodelay(true)?;
    stream.write_all(b"220 mail.test\r\n").await?;
    let mut unread = Vec::new();
    let mut in_message = false;
    loop {
        let before = unread.len();
        if stream.read_buf(&mut unread).await? == 0 {
            return Ok(());
        }
        let new = &unread[before..];
        record.lock().expect("no test panics with it")[number].bytes.extend_from_slice(new);
        while let Some(end) = unread.windows(2).position(|octets| octets == b"\r\n") {
            let line: Vec<u8> = unread.drain(..end + 2).collect();
            let reply = match (in_message, &line[..]) {
                (true, b".\r\n") => "250 Ok\r\n",
                (true, _) => continue,
                (false, b"DATA\r\n") => "354 go\r\n",
                (false, line) if line.starts_with(b"EHLO") => extensions,
                (false, line) if line.starts_with(b"QUIT") => "221 bye\r\n",
                _ => "250 Ok\r\n",
            };
            in_message = reply.starts_with("354");
            stream.write_all(reply.as_bytes()).await?;
        }
    }
}

/// The chunks that the component writes. Each is valid in its place, but would be a command elsewhere.
const CHUNKS: [&str; 4] = [
    "From: a@x.test\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@x.test>\r\n\r\n",
    ".\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA\r\n",
    "From: eve@evil.test\r\n\r\nThis is another mail than the one that was checked.\r\n",
    ".\r\n..\r\n",
];

/// Begins a message of an account.
async fn begin(transport: &SmtpTransport, port: u16) -> Result<PolicyOutgoing, PolicyError> {
    let timeouts = Timeouts::default().data(Duration::from_millis(30));
    let account = Account::builder("work", "127.0.0.1")
        .port(port)
        .security(Security::None)
        .ehlo_name("client.test")
        .timeouts(timeouts)
        .build()
        .map(Arc::new)
        .expect("the settings are right");
    let checked = PolicyTransport {
        inner: Arc::new(transport.clone()),
        allowlists: Arc::new(Allowlists::new(
            InputRule::default(),
            Arc::new(r#"{"to": "b@x.test"}"#.to_owned()),
            None,
        )),
        permit: Some(Arc::new(Usage::default()).enter(&account).expect("it may run")),
        attempt: None,
        account,
        delivery: Arc::<DeliveryState>::default(),
    };
    let path = |text: &str| text.parse::<ForwardPath>().expect("an address");
    let envelope =
        Envelope::new(path("a@x.test").into(), vec![path("b@x.test")]).allow_partial(true);
    checked.begin(envelope).await
}

/// Sends a message over a connection that breaks, and continues after failures. Returns whether the server accepted it.
async fn send_through(transport: &SmtpTransport, port: u16, fault: &Fault) -> bool {
    let Some(mut outgoing) = fault.drop_when_it_hangs(begin(transport, port)).await else {
        return false;
    };
    for chunk in CHUNKS {
        fault.drop_when_it_hangs(outgoing.write(chunk.into())).await;
    }
    fault.drop_when_it_hangs(outgoing.finish()).await.is_some()
}

/// Breaks the connection at every byte of a conversation. If `step` is not 1, breaks it at every `step`-th byte of the
/// message.
async fn walk(extensions: &'static str, kind: Kind, step: usize) {
    let server = Server::start(extensions).await;
    let nowhere = Fault::at(usize::MAX, kind);
    let whole = SmtpTransport::new().danger_allow_private_hosts();
    assert!(send_through(&whole, server.port, &nowhere).await, "nothing breaks");
    let wanted = server.connections().remove(0).bytes;
    assert!(wanted.ends_with(b"\r\n..\r\n...\r\n.\r\n"), "the dots of lines are doubled");
    let message = wanted.windows(6).position(|octets| octets == b"DATA\r\n").expect("it is said");

    let from = if step == 1 { 0 } else { message + 6 };
    for byte in (from..wanted.len()).step_by(step) {
        let fault = Fault::at(byte, kind);
        let before = server.connections().len();
        let breaking = SmtpTransport::new()
            .danger_allow_private_hosts()
            .network(BreakingNetwork(Arc::clone(&fault)));
        let was_sent = send_through(&breaking, server.port, &fault).await;
        assert!(!was_sent, "{kind:?} at byte {byte}");
        // The next message on the same pool.
        assert!(send_through(&breaking, server.port, &nowhere).await, "after {kind:?} at {byte}");
        let broken = server.ended(before).await;
        let seen = server.connections();
        assert_eq!(seen.len(), before + 2, "the next message has its own connection");
        assert_eq!(
            String::from_utf8_lossy(&broken),
            String::from_utf8_lossy(&wanted[..byte]),
            "{kind:?} at byte {byte}: the server received other bytes than were checked"
        );
        assert_eq!(seen[before + 1].bytes, wanted, "after {kind:?} at byte {byte}");
    }
}

const PIPELINING: &str = "250-mail.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
const PLAIN: &str = "250 mail.test\r\n";

#[tokio::test]
async fn nothing_follows_a_write_that_fails() {
    walk(PIPELINING, Kind::Error, 1).await;
    walk(PLAIN, Kind::Error, 1).await;
}

#[tokio::test]
async fn nothing_follows_a_write_that_is_dropped_while_it_waits() {
    walk(PIPELINING, Kind::Dropped, 1).await;
    walk(PLAIN, Kind::Dropped, 1).await;
}

#[tokio::test]
async fn nothing_follows_a_write_whose_deadline_has_passed() {
    // Each fault takes as long as the deadline, so only every 13th byte is tested.
    walk(PIPELINING, Kind::Stall, 13).await;
}
