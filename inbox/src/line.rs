//! Reads lines from a client and writes replies to it.

use std::io;
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

/// A connection to a client. Every read and every write has a deadline.
pub(super) struct Lines {
    stream: Box<dyn Stream>,
    patience: Patience,
    /// The deadline for the end of the next message.
    until: Instant,
    buffer: Vec<u8>,
    /// Replies that are not sent yet. Replies to pipelined commands are sent together.
    replies: Vec<u8>,
}

/// Timeouts for a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a line, a block of a message, a TLS handshake, or for the client to read replies.
    pub(super) step: Duration,
    /// From one message to the end of the next.
    pub(super) message: Duration,
}

impl Default for Patience {
    /// Returns 5 minutes for a step and 1 hour for a message. RFC 5321 section 4.5.3.2.7 tells servers to wait at least
    /// 5 minutes for a command. In 1 hour, a message of 64 MiB arrives at 150 kbit/s.
    fn default() -> Self {
        Self { step: Duration::from_secs(300), message: Duration::from_secs(3600) }
    }
}

/// A byte stream to a client.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The maximum length of a command line in octets. RFC 5321 section 4.5.3.1.4 requires 512, and extensions require
/// more.
const MAX_LINE: usize = 4096;

impl Lines {
    pub(super) fn new(stream: impl Stream + 'static, patience: Patience) -> Self {
        let until = Instant::now() + patience.message;
        Self { stream: Box::new(stream), patience, until, buffer: Vec::new(), replies: Vec::new() }
    }

    /// Restarts the deadline for a message.
    pub(super) fn begin_again(&mut self) {
        self.until = Instant::now() + self.patience.message;
    }

    /// Returns the next line without its CRLF, or `None` if the client closed the connection.
    ///
    /// # Errors
    ///
    /// Returns `TimedOut` if the line is not complete in time.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let deadline = self.deadline();
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
                return Err(io::Error::other("a command line is too long"));
            }
            if self.fill(deadline).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Returns all buffered bytes, or waits for the next ones if the buffer is empty. Returns an empty vector at the
    /// end.
    pub(super) async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill(self.deadline()).await?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Puts back bytes that belong to the next command.
    pub(super) fn put_back(&mut self, rest: Vec<u8>) {
        self.buffer = rest;
    }

    /// Queues a reply.
    pub(super) fn reply(&mut self, line: &str) {
        self.replies.extend_from_slice(line.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
    }

    /// Sends the queued replies.
    ///
    /// # Errors
    ///
    /// Returns an error if the client does not read them in time. This error is not `TimedOut`, since the session
    /// answers `TimedOut` with one more reply.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let written = async {
            self.stream.write_all(&self.replies).await?;
            self.stream.flush().await
        };
        let deadline = Instant::now() + self.patience.step;
        let written = timeout_at(deadline, written).await;
        written.map_err(|_| io::Error::other("the client does not read its replies"))??;
        self.replies.clear();
        Ok(())
    }

    /// Returns the connection, for a TLS handshake. Drops bytes that the client sent before it (RFC 3207).
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    fn deadline(&self) -> Instant {
        (Instant::now() + self.patience.step).min(self.until)
    }

    async fn fill(&mut self, deadline: Instant) -> io::Result<usize> {
        if !self.replies.is_empty() {
            self.flush().await?;
        }
        self.buffer.reserve(64 * 1024);
        timeout_at(deadline, self.stream.read_buf(&mut self.buffer)).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_not_waited_for() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let step = Duration::from_millis(50);
        let mut lines = Lines::new(ours, Patience { step, ..Patience::default() });
        lines.reply(&"x".repeat(100));
        let flushed = tokio::time::timeout(Duration::from_secs(10), lines.next()).await;
        let error = flushed.expect("it ends").expect_err("the client does not read");
        assert_ne!(error.kind(), io::ErrorKind::TimedOut);
    }
}
