//! A client's bytes, taken apart into lines.

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
    /// Replies that wait for the client to wait: those to pipelined commands go out together.
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
    /// RFC 5321 section 4.5.3.2.7 has servers wait five minutes for a command. In one hour, a message of 64 MiB arrives
    /// at 150 kbit/s.
    fn default() -> Self {
        Self { step: Duration::from_secs(300), message: Duration::from_secs(3600) }
    }
}

/// Anything that a client can be connected by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Longer command lines are refused (RFC 5321 section 4.5.3.1.4 asks for 512, and extensions for more).
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

    /// The next line, without its CRLF. None: the client has gone.
    ///
    /// # Errors
    ///
    /// `TimedOut`, if the line is not complete in time.
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
                return Err(io::Error::other("a line without an end"));
            }
            if self.fill(deadline).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Everything that has come and was not read yet, or else what comes next; empty at the end.
    pub(super) async fn chunk(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill(self.deadline()).await?;
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

    /// Sends the answers.
    ///
    /// # Errors
    ///
    /// A client that does not read them. That is not `TimedOut`, which the session answers with one more reply.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let written = async {
            self.stream.write_all(&self.replies).await?;
            self.stream.flush().await
        };
        let deadline = Instant::now() + self.patience.step;
        let written = timeout_at(deadline, written).await;
        written.map_err(|_| io::Error::other("the client does not read what it is told"))??;
        self.replies.clear();
        Ok(())
    }

    /// The connection, for TLS to take over. What the client sent before is forgotten (RFC 3207).
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
        let error = flushed.expect("it ends").expect_err("nobody reads");
        assert_ne!(error.kind(), io::ErrorKind::TimedOut);
    }
}
