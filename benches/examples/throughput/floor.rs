//! The lower bound: the same bytes, already assembled, sent by a bare socket with pipelining.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::Options;
use crate::report::Report;
use crate::sandboxed::take_one;

const ENVELOPE: &[u8] = b"MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n";

pub(crate) async fn run(options: &Options) -> Result<Report, Box<dyn std::error::Error>> {
    let mut message = crate::sandboxed::assembled(options).await?;
    let message_bytes = message.len() as u64;
    // The text has no line that starts with a dot.
    message.extend_from_slice(b".\r\n");
    let message: Arc<[u8]> = message.into();
    let left = Arc::new(AtomicU32::new(options.messages));
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(Connection::open(options.to).await?);
    }
    let started = Instant::now();
    let workers: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (message, left) = (Arc::clone(&message), Arc::clone(&left));
            tokio::spawn(async move {
                let mut sent = Vec::new();
                while take_one(&left) {
                    sent.push(connection.send(&message).await?);
                }
                Ok::<_, std::io::Error>(sent)
            })
        })
        .collect();
    let mut messages = Vec::new();
    for worker in workers {
        messages.extend(worker.await??);
    }
    Ok(Report { took: started.elapsed(), messages, message_bytes, guest_bytes: 0 })
}

struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
}

impl Connection {
    async fn open(to: std::net::SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream: BufReader::new(stream), line: String::new() };
        connection.reply(b"220").await?;
        connection.stream.write_all(b"EHLO client.example.com\r\n").await?;
        connection.reply(b"250").await?;
        Ok(connection)
    }

    async fn send(&mut self, message: &[u8]) -> std::io::Result<Duration> {
        let started = Instant::now();
        self.stream.write_all(ENVELOPE).await?;
        for code in [b"250", b"250", b"354"] {
            self.reply(code).await?;
        }
        self.stream.write_all(message).await?;
        self.reply(b"250").await?;
        Ok(started.elapsed())
    }

    async fn reply(&mut self, code: &[u8; 3]) -> std::io::Result<()> {
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).await?;
            if !self.line.as_bytes().starts_with(code) {
                let what = format!("{:?} instead of {}", self.line, String::from_utf8_lossy(code));
                return Err(std::io::Error::other(what));
            }
            if self.line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
