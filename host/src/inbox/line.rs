//! A client's bytes, taken apart into lines.

use std::io;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A connection to a client.
pub(super) struct Lines {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// Replies that wait for the client to wait: those to pipelined commands go out together.
    replies: Vec<u8>,
}

/// Anything that a client can be connected by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Longer command lines are refused (RFC 5321 section 4.5.3.1.4 asks for 512, and extensions for more).
const MAX_LINE: usize = 4096;

impl Lines {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), buffer: Vec::new(), replies: Vec::new() }
    }

    /// The next line, without its CRLF. None: the client has gone.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = memchr(b'\n', &self.buffer) {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.buffer.len() > MAX_LINE {
                return Err(io::Error::other("a line without an end"));
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Everything that has come and was not read yet, or else what comes next; empty at the end.
    pub(super) async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Puts back what was read too far.
    pub(super) fn put_back(&mut self, rest: Vec<u8>) {
        self.buffer = rest;
    }

    /// Answers.
    pub(super) fn reply(&mut self, line: &str) {
        self.replies.extend_from_slice(line.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.replies).await?;
        self.replies.clear();
        self.stream.flush().await
    }

    /// The connection, for TLS to take over. What the client sent before is forgotten (RFC 3207).
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if !self.replies.is_empty() {
            self.flush().await?;
        }
        self.buffer.reserve(64 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}
