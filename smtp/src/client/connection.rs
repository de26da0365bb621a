//! An SMTP conversation: sends commands and reads replies, each with a deadline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::clock::Clock;
use super::stream::Stream;
use super::tls_failure::{broken_text, tls_failure};
use super::transcript::{Entry, Transcript};
use crate::BoxFuture;
use crate::failure::{Failure, FailureCode, Phase};
use crate::replies::extensions::Extensions;
use crate::replies::queue_id;
use crate::replies::reply::{Malformed, RawReply, ReplyReader};
use crate::reply::{EnhancedStatusCode, Reply, ReplyCode};
use crate::secret::Redaction;
use crate::settings::ServerSettings;

/// A connection to a server.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) server: Arc<ServerSettings>,
    pub(crate) extensions: Extensions,
    pub(crate) redaction: Redaction,
    /// The number of messages that used the connection, including the current one.
    pub(crate) served: u32,
    /// Whether the server has answered every command of a pipelined group.
    pub(crate) has_pipelined: bool,
    /// The time since when the connection has been idle, if it is idle.
    resting: Option<Instant>,
    reader: ReplyReader,
    clock: Clock,
    transcript: Option<Arc<dyn Transcript>>,
}

/// The reason why no reply came.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The server closed the connection, or it broke.
    Lost(Option<io::Error>),
    /// The stage timed out. The text says after how long.
    Timeout(String),
    /// The data is not an SMTP reply.
    Malformed(Malformed),
}

/// The longest wait for a reply to QUIT or RSET.
const PATIENCE: Duration = Duration::from_secs(5);

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        server: Arc<ServerSettings>,
        redaction: Redaction,
        clock: Clock,
        transcript: Option<Arc<dyn Transcript>>,
    ) -> Self {
        Self {
            stream,
            server,
            extensions: Extensions::default(),
            redaction,
            served: 0,
            has_pipelined: false,
            resting: None,
            reader: ReplyReader::default(),
            clock,
            transcript,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Begins a message with its clock. Returns whether the connection is reused.
    pub(crate) fn begin_again(&mut self, server: &Arc<ServerSettings>, clock: Clock) -> bool {
        let is_reused = self.resting.take().is_some();
        self.server = Arc::clone(server);
        self.clock = clock;
        self.served += 1;
        if is_reused {
            self.reader.begin_again();
            self.note(|| {
                let peer = self.stream.peer().map(|peer| peer.to_string());
                Entry::Reused(peer.unwrap_or_else(|| server.host.to_string()))
            });
        }
        is_reused
    }

    /// Marks the connection as idle.
    pub(crate) fn rest(&mut self) {
        self.resting = Some(Instant::now());
    }

    /// Returns how long the connection has been idle.
    pub(crate) fn idle(&self) -> Duration {
        self.resting.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Reports whether the idle connection can be used again: the server has not closed it, and has not sent an
    /// unsolicited reply, as servers do before they hang up.
    pub(crate) fn may_be_used_again(&mut self, idle_time: Duration) -> bool {
        self.resting.is_some()
            && self.idle() < idle_time
            && self.stream.is_whole()
            && !self.reader.has_more()
            && self.stream.is_silent()
    }

    /// Reports whether the server has certainly sent no data yet. Always false with TLS, since data may already be
    /// decrypted and buffered.
    pub(crate) fn is_surely_silent(&mut self) -> bool {
        !self.stream.is_encrypted() && !self.reader.has_more() && self.stream.is_silent()
    }

    /// Resets the envelope (RSET). Returns false if the server does not confirm it.
    pub(crate) async fn forget_envelope(&mut self) -> bool {
        let deadline = self.clock.stage(PATIENCE);
        self.note(|| Entry::Command("RSET".to_owned()));
        self.send(b"RSET\r\n", deadline).await.is_ok()
            && self.reply(deadline).await.is_ok_and(|reply| reply.is_positive())
    }

    /// Sends a command, given with its CRLF, and waits for the reply.
    pub(crate) async fn command(&mut self, line: &str) -> Result<RawReply, Broken> {
        self.note(|| Entry::Command(line.trim_end().to_owned()));
        self.exchange(line.as_bytes()).await
    }

    /// Sends a secret line and waits for the reply. The transcript gets `shown` instead of the line.
    pub(crate) async fn secret_line(
        &mut self,
        line: &[u8],
        shown: &str,
    ) -> Result<RawReply, Broken> {
        self.note(|| Entry::Command(shown.to_owned()));
        self.exchange(line).await
    }

    async fn exchange(&mut self, bytes: &[u8]) -> Result<RawReply, Broken> {
        let deadline = self.clock.stage(self.server.timeouts.command);
        self.send(bytes, deadline).await?;
        self.reply(deadline).await
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Broken> {
        let since = Instant::now();
        match timeout_at(deadline, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(Broken::Lost(Some(reason))),
            Err(_) => Err(Broken::Timeout(self.clock.waited(since))),
        }
    }

    /// Waits for a reply. Bytes that arrive do not extend the deadline.
    pub(crate) async fn reply(&mut self, deadline: Instant) -> Result<RawReply, Broken> {
        let since = Instant::now();
        loop {
            if let Some(reply) = self.reader.next().map_err(Broken::Malformed)? {
                self.note_reply(&reply);
                return Ok(reply);
            }
            match timeout_at(deadline, self.stream.read(&mut self.reader.buffer)).await {
                Ok(Ok(0)) => return Err(Broken::Lost(None)),
                Ok(Ok(_)) => {}
                Ok(Err(reason)) => return Err(Broken::Lost(Some(reason))),
                Err(_) => return Err(Broken::Timeout(self.clock.waited(since))),
            }
        }
    }

    /// Reports whether data came that answers no command. Before TLS, an attacker on the network path may have sent it.
    pub(crate) fn has_unsolicited_data(&self) -> bool {
        self.reader.has_more()
    }

    /// Sends QUIT. Errors are ignored.
    ///
    /// The future is boxed: few messages end with it, and the others do not need to reserve memory for it.
    pub(crate) fn quit(mut self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let deadline = self.clock.stage(PATIENCE);
            self.note(|| Entry::Command("QUIT".to_owned()));
            if self.send(b"QUIT\r\n", deadline).await.is_ok() {
                // The caller does not wait for the reply.
                tokio::spawn(async move {
                    // The reply does not matter.
                    let _ = self.reply(deadline).await;
                    self.note(|| Entry::Closed);
                });
            }
        })
    }

    /// Adds an entry to the transcript, if there is one.
    pub(crate) fn note(&self, entry: impl FnOnce() -> Entry) {
        if let Some(transcript) = &self.transcript {
            transcript.note(self.clock.elapsed(), &entry());
        }
    }

    fn note_reply(&self, reply: &RawReply) {
        if self.transcript.is_none() {
            return;
        }
        for (enhanced, text) in self.cleaned(reply) {
            let enhanced = enhanced.map_or(String::new(), |code| format!("{code} "));
            let line = format!("{} {enhanced}{text}", reply.code);
            self.note(|| Entry::Reply(line.trim_end().to_owned()));
        }
    }

    /// Returns a reply that is safe to show: with separate codes, and without secrets and terminal control characters.
    pub(crate) fn shown(&self, reply: &RawReply) -> Reply {
        let mut lines = self.cleaned(reply).into_iter().peekable();
        let enhanced = lines.peek().and_then(|(code, _)| *code);
        let lines: Vec<_> = lines
            .map(|(code, text)| match code {
                Some(other) if Some(other) != enhanced => {
                    format!("{other} {text}").trim_end().to_owned()
                }
                _ => text,
            })
            .collect();
        Reply::new(reply.code, lines.join("\n")).enhanced(enhanced)
    }

    /// Returns the redacted lines of a reply, each with its enhanced code split off. Codes are split off before
    /// redaction, since a secret can continue over several lines between them.
    fn cleaned(&self, reply: &RawReply) -> Vec<(Option<EnhancedStatusCode>, String)> {
        let split = reply.lines.iter().map(|line| {
            let (code, text) = split_code(reply.code, line);
            (code, text.trim())
        });
        let (codes, texts): (Vec<_>, Vec<_>) = split.collect();
        codes.into_iter().zip(self.redaction.clean_lines(&texts)).collect()
    }

    /// Returns the server's queue id for a message. It is searched in the original reply, since a secret may be a part
    /// of a word that introduces it. It is returned only if the redacted reply contains it too; otherwise it holds a
    /// secret.
    pub(crate) fn queue_id(&self, reply: &RawReply) -> Option<String> {
        let lines = reply.lines.iter().map(|line| split_code(reply.code, line).1.trim());
        let said = lines.collect::<Vec<_>>().join("\n");
        let is_shown =
            |id: &String| self.clean(id) == *id && self.shown(reply).text.contains(id.as_str());
        queue_id(&said).filter(is_shown)
    }

    /// Removes secrets and terminal control characters from a text of the server.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.redaction.clean(text)
    }

    /// Returns the failure for a broken connection, in a phase before the message can have been delivered.
    pub(crate) fn broken(&self, phase: Phase, broken: Broken) -> Failure {
        if let Broken::Lost(Some(reason)) = &broken
            && is_alert(reason)
        {
            // With TLS 1.3, a server rejects a client certificate after the client has finished the handshake.
            return tls_failure(&self.server, phase, reason, true);
        }
        broken_failure(phase, broken, |line| self.clean(line))
    }
}

/// Reports whether a connection broke because the server ended TLS with an alert.
fn is_alert(reason: &io::Error) -> bool {
    let inner = reason.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}

/// Splits a reply line into its enhanced status code and the rest. The code counts only if its class is that of the
/// reply (RFC 2034 section 4).
fn split_code(code: ReplyCode, line: &str) -> (Option<EnhancedStatusCode>, &str) {
    let word = line.split_ascii_whitespace().next().unwrap_or_default();
    let enhanced = word.parse::<EnhancedStatusCode>().ok();
    let enhanced = enhanced.filter(|enhanced| u16::from(enhanced.class()) == code.class());
    let text = enhanced.and_then(|_| line.strip_prefix(word)).unwrap_or(line);
    (enhanced, text)
}

fn broken_failure(phase: Phase, broken: Broken, clean: impl Fn(&str) -> String) -> Failure {
    match broken {
        Broken::Lost(reason) => {
            let why = reason.as_ref().and_then(broken_text);
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            let message = format!("the server closed the connection at {}{why}", stage(phase));
            Failure::new(FailureCode::Connect, phase, message)
                .hint("try again; if it persists, the server may refuse this machine's address")
                .later()
        }
        Broken::Timeout(waited) => {
            let message = match phase {
                Phase::Body => {
                    format!("the server did not take the next part of the message {waited}")
                }
                _ => format!("the server did not answer at {} {waited}", stage(phase)),
            };
            let setting = match phase {
                Phase::Greeting => "greeting",
                Phase::Body => "data",
                Phase::FinalReply => "finalReply",
                _ => "command",
            };
            let hint = match phase {
                Phase::Greeting => {
                    "try again; check that host and port belong to an SMTP server, or"
                }
                _ => "try again; if the server is known to be slow,",
            };
            Failure::new(FailureCode::Timeout, phase, message)
                .hint(format!("{hint} raise the account's timeouts.{setting}"))
                .later()
        }
        Broken::Malformed(malformed) => {
            /// The most characters of a malformed reply that are shown.
            const SHOWN: usize = 80;
            let shown = match &malformed {
                Malformed::Line(line) => {
                    let start: String = clean(line).chars().take(SHOWN).collect();
                    format!(": {start:?}")
                }
                _ => String::new(),
            };
            let message = format!("{malformed}, at {}{shown}", stage(phase));
            Failure::new(FailureCode::Protocol, phase, message)
                .hint("check host and port; if the port speaks TLS from the start, set security = \"tls\"")
                .later()
        }
    }
}

/// Returns the name of a phase for error messages.
pub(crate) fn stage(phase: Phase) -> &'static str {
    match phase {
        Phase::Connect => "connecting",
        Phase::Greeting => "its greeting",
        Phase::Ehlo => "EHLO",
        Phase::Starttls => "STARTTLS",
        Phase::Auth => "login",
        Phase::MailFrom => "the sender (MAIL FROM)",
        Phase::RcptTo => "the recipients (RCPT TO)",
        Phase::Data => "DATA",
        Phase::Body => "the message",
        Phase::FinalReply => "the message's end",
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_those_of_the_replys_class() {
        for (code, text, found) in [
            (550, "5.1.1 no such user", Some("5.1.1")),
            (250, "2.0.0 Ok: queued as 7", Some("2.0.0")),
            (452, "4.5.3", Some("4.5.3")),
            (550, "4.1.1 x", None),
            (550, "5.1 x", None),
            (550, "5.1.1.1 x", None),
            (550, "5.1000.1 x", None),
            (550, "no such user", None),
            (250, "", None),
        ] {
            let code = ReplyCode::new(code).expect("a reply code");
            let (enhanced, rest) = split_code(code, text);
            assert_eq!(enhanced.map(|code| code.to_string()).as_deref(), found, "{text}");
            assert_eq!(rest, text.strip_prefix(found.unwrap_or_default()).unwrap_or(text));
        }
    }
}
