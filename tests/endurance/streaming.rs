//! Files that are larger than the memory available for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smtp_connector_host::accounts::{AccountLimits, AccountsInMemory, BoxFuture, Policy, Security};
use smtp_connector_host::attachments::{AttachmentHosts, Content, Metadata, SourceError, Uploads};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Connector, Host, Invocation};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{CACHE, alone, resident};

/// The growth in bytes that the process may show.
const GROWTH: usize = 16 << 20;
/// The memory limit of the component, in bytes.
const GUEST: usize = 8 << 20;
/// The size of each file. If any part of the process held a whole file, its growth would show it.
const FILE: usize = 2 * GROWTH;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_and_a_file_on_the_web_are_streamed_in_little_memory() {
    let _alone = alone().await;
    let (web, server) = (serve_file().await, Server::start().await);
    let policy = Policy::default()
        .attachment_url_hosts(vec![web.to_string().parse().expect("an address is a host")]);
    let host = Host::builder()
        .attachment_hosts(AttachmentHosts::danger_any())
        .accounts(AccountsInMemory::from_iter([account(server.address.port(), policy)]))
        .uploads(Generated)
        .transport(SmtpTransport::new().danger_allow_private_hosts())
        .cache_directory(CACHE)
        .build()
        .expect("the sandbox runs on this machine");
    let connector = Connector::builtin(&host).expect("the built-in component is one");

    let small = serde_json::json!([{ "base64": "AAAA", "filename": "a.bin" }]);
    connector.invoke(mail(&small)).await.expect("it is sent");
    let before = resident();
    server.most.store(0, Ordering::Relaxed);
    let files = serde_json::json!([{ "upload": "generated" }, format!("http://{web}/file.bin")]);
    let outcome = connector.invoke(mail(&files)).await.expect("it is sent");

    let grown = server.most.load(Ordering::Relaxed).saturating_sub(before);
    let guest = outcome.memory_bytes();
    let received = server.received.load(Ordering::Relaxed);
    println!("{received} octets of message: {grown} bytes more; the component had {guest}");
    assert!(received > 2 * FILE / 3 * 4, "{received} octets");
    assert!(grown < GROWTH, "{grown} bytes more");
    assert!(guest < GUEST, "{guest} bytes");
}

fn account(port: u16, policy: Policy) -> Account {
    let limits = AccountLimits::default().message_bytes(1 << 30);
    Account::builder("work", "127.0.0.1")
        .port(port)
        .security(Security::None)
        .sender("Alice <alice@example.com>")
        .policy(policy)
        .limits(limits)
        .build()
        .expect("the account's settings are right")
}

fn mail(attachments: &serde_json::Value) -> Invocation {
    let input = serde_json::json!({ "to": "bob@example.net", "attachments": attachments });
    Invocation::send_mail(input.to_string()).account("work")
}

/// A platform that generates its file, so that no byte of it is in memory.
struct Generated;

impl Uploads for Generated {
    fn open<'a>(&'a self, _id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        let metadata = Metadata::default().size(FILE as u64);
        Box::pin(async { Ok(Content::new(metadata, tokio::io::repeat(7).take(FILE as u64))) })
    }
}

/// A web server with a generated file.
async fn serve_file() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("the host asks for the file");
        let mut stream = BufReader::new(stream);
        let mut line = String::from("GET");
        while !line.trim_end().is_empty() {
            line.clear();
            stream.read_line(&mut line).await.expect("a line of the request");
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {FILE}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("the host reads");
        let mut file = tokio::io::repeat(7).take(FILE as u64);
        tokio::io::copy(&mut file, &mut stream).await.expect("the host reads on");
    });
    address
}

/// A mail server that discards messages, and samples the process's memory while it reads.
struct Server {
    address: SocketAddr,
    /// The octets of all messages.
    received: Arc<AtomicUsize>,
    /// The highest memory that it saw.
    most: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (received, most) = (Arc::default(), Arc::default());
        let server = Self { address, received: Arc::clone(&received), most: Arc::clone(&most) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(BufReader::new(stream), &received, &most).await;
            }
        });
        server
    }
}

async fn converse(mut stream: BufReader<TcpStream>, received: &AtomicUsize, most: &AtomicUsize) {
    let mut line = String::new();
    let mut answer = "220 server.example.net ESMTP\r\n";
    while stream.write_all(answer.as_bytes()).await.is_ok() {
        if answer.starts_with("354") {
            read_message(&mut stream, received, most).await;
            answer = "250 taken\r\n";
            continue;
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        answer = match line.get(..4).unwrap_or_default() {
            "EHLO" => "250-server.example.net\r\n250-PIPELINING\r\n250 SIZE 0\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 goodbye\r\n",
            _ => "250 ok\r\n",
        };
    }
}

/// Reads up to the line with the dot.
async fn read_message(
    stream: &mut BufReader<TcpStream>,
    received: &AtomicUsize,
    most: &AtomicUsize,
) {
    /// The number of octets between two samples.
    const LOOK: usize = 256 << 10;
    let mut buffer = vec![0; LOOK];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n.\r\n") {
        if filled == LOOK {
            most.fetch_max(resident(), Ordering::Relaxed);
            // Bytes that may begin the end marker stay.
            buffer.copy_within(LOOK - 4.., 0);
            received.fetch_add(LOOK - 4, Ordering::Relaxed);
            filled = 4;
        }
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) | Err(_) => return,
            Ok(more) => filled += more,
        }
    }
    most.fetch_max(resident(), Ordering::Relaxed);
    received.fetch_add(filled, Ordering::Relaxed);
}
