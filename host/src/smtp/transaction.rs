//! One message to a server: envelope, content, and what the server makes of it.

use lettre::transport::smtp::commands::Data;
use memchr::memchr_iter;

use super::connection::{Broken, Connection};
use super::envelope::{Commands, check_extensions};
use super::queue_id::queue_id;
use super::reply::RawReply;
use super::transcript::Entry;
use super::verdict;
use crate::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
use crate::transport::{Envelope, Receipt};

/// A message that the server is ready to take.
pub(super) struct Transaction {
    connection: Connection,
    accepted: Vec<String>,
    refused: Vec<Refusal>,
    /// Dot-stuffed, and not sent yet.
    pending: Vec<u8>,
    /// Whether the last octet was a line's end, so that a dot next would stand alone.
    at_line_start: bool,
    size: u64,
}

/// Bytes that are collected before they are sent: a small message goes out with its end in one write.
const BLOCK: usize = 64 * 1024;

impl Transaction {
    /// Sends the envelope, and DATA.
    pub(super) async fn begin(connection: Connection, envelope: Envelope) -> Result<Self, Failure> {
        check_extensions(&connection, &envelope)?;
        let commands = Commands::of(&connection, &envelope)?;
        let mut transaction = Self {
            connection,
            accepted: Vec::new(),
            refused: Vec::new(),
            pending: Vec::new(),
            at_line_start: true,
            size: 0,
        };
        let outcome = if transaction.connection.extensions.pipelining {
            transaction.pipelined(&commands, &envelope).await
        } else {
            transaction.one_by_one(&commands, &envelope).await
        };
        match outcome {
            Ok(()) => Ok(transaction),
            Err(Refused { failure, may_quit }) => {
                if may_quit {
                    transaction.connection.quit().await;
                }
                Err(failure)
            }
        }
    }

    /// MAIL, each RCPT and DATA in one write, replies matched one by one (RFC 2920).
    async fn pipelined(&mut self, commands: &Commands, envelope: &Envelope) -> Result<(), Refused> {
        for line in commands.lines() {
            self.connection.note(|| Entry::Command(line.trim_end().to_owned()));
        }
        let deadline = self.connection.clock().stage(self.connection.account.timeouts.command);
        let all: String = commands.lines().collect();
        let sent = self.connection.send(all.as_bytes(), deadline).await;
        sent.map_err(|broken| self.lost(Phase::MailFrom, broken))?;
        let mail = self.next_reply(Phase::MailFrom).await?;
        // What the server said first is why, even if it hangs up before it has answered the rest.
        let mut verdict = self.sender(&mail);
        for recipient in &envelope.recipients {
            let reply = match self.next_reply(Phase::RcptTo).await {
                Ok(reply) => reply,
                Err(lost) => return Err(verdict.err().unwrap_or(lost)),
            };
            // After a refused MAIL these only say that there was none.
            if verdict.is_ok() {
                self.recipient(recipient, &reply)?;
            }
        }
        verdict = verdict.and_then(|()| self.recipients(envelope));
        let data = match self.next_reply(Phase::Data).await {
            Ok(reply) => reply,
            Err(lost) => return Err(verdict.err().unwrap_or(lost)),
        };
        // After 354 whatever is sent next is a message. Where none is to be sent, only closing the
        // connection says so.
        let may_quit = data.code != 354;
        verdict.map_err(|refused| Refused { may_quit: refused.may_quit && may_quit, ..refused })?;
        self.go_ahead(&data)
    }

    async fn one_by_one(
        &mut self,
        commands: &Commands,
        envelope: &Envelope,
    ) -> Result<(), Refused> {
        let mail = self.say(&commands.mail, Phase::MailFrom).await?;
        self.sender(&mail)?;
        for (recipient, line) in envelope.recipients.iter().zip(&commands.recipients) {
            let reply = self.say(line, Phase::RcptTo).await?;
            self.recipient(recipient, &reply)?;
        }
        self.recipients(envelope)?;
        let data = self.say(&Data.to_string(), Phase::Data).await?;
        self.go_ahead(&data)
    }

    async fn say(&mut self, line: &str, phase: Phase) -> Result<RawReply, Refused> {
        let reply = self.connection.command(line).await;
        reply.map_err(|broken| self.lost(phase, broken))
    }

    async fn next_reply(&mut self, phase: Phase) -> Result<RawReply, Refused> {
        let reply = self.connection.command_reply().await;
        reply.map_err(|broken| self.lost(phase, broken))
    }

    fn lost(&self, phase: Phase, broken: Broken) -> Refused {
        Refused { failure: self.connection.broken(phase, broken), may_quit: false }
    }

    fn sender(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.is_positive() {
            true => Ok(()),
            false => Err(self.refuse(Phase::MailFrom, reply)),
        }
    }

    /// Sorts a recipient by its reply. What is neither yes nor no ends the conversation, and so does a
    /// server that says that it closes (421).
    fn recipient(&mut self, recipient: &str, reply: &RawReply) -> Result<(), Refused> {
        if reply.is_positive() {
            self.accepted.push(recipient.to_owned());
        } else if (reply.is_transient() || reply.is_permanent()) && reply.code != 421 {
            self.refused.push(verdict::of_recipient(&self.connection, recipient, reply));
        } else {
            return Err(self.refuse(Phase::RcptTo, reply));
        }
        Ok(())
    }

    /// Whether there is somebody to send to, on the sender's terms.
    fn recipients(&mut self, envelope: &Envelope) -> Result<(), Refused> {
        let all_or_nothing = !envelope.allow_partial && !self.refused.is_empty();
        if !self.accepted.is_empty() && !all_or_nothing {
            return Ok(());
        }
        let refusals = std::mem::take(&mut self.refused);
        // With nobody accepted there is a first one.
        let first = refusals.first().map_or(String::new(), |refusal| {
            format!("{}: {}", refusal.recipient, verdict::line(&refusal.reply))
        });
        let message = match refusals.len() {
            1 => format!("the server does not accept a recipient: {first}"),
            several => format!("the server does not accept {several} recipients, {first}"),
        };
        let retry = if refusals.iter().all(|one| one.retry == Retry::Later) {
            Retry::Later
        } else if refusals.iter().all(|one| one.retry != Retry::Never) {
            Retry::AfterConfigChange
        } else {
            Retry::Never
        };
        let hint = match all_or_nothing && !self.accepted.is_empty() {
            true => {
                "nobody got the message; set onPartialFailure to \"send\" to send it to the others"
            }
            false => "check the addresses, and what the server says of each",
        };
        let reply = refusals.first().map(|refusal| refusal.reply.clone());
        let failure = Failure::new(FailureCode::Recipients, Phase::RcptTo, message).hint(hint);
        let failure = Failure { retry, refusals, reply, ..failure };
        Err(Refused { failure, may_quit: true })
    }

    fn go_ahead(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.code {
            354 => Ok(()),
            _ => Err(self.refuse(Phase::Data, reply)),
        }
    }

    fn refuse(&self, phase: Phase, reply: &RawReply) -> Refused {
        let failure = verdict::of(&self.connection, phase, reply);
        // A server that is out of step, or has said that it closes, is not talked to any more.
        let may_quit = failure.code != FailureCode::Protocol && reply.code != 421;
        Refused { failure, may_quit }
    }

    /// Sends the next bytes of the message.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.size += chunk.len() as u64;
        self.stuff(chunk);
        if self.pending.len() >= BLOCK {
            let block = std::mem::take(&mut self.pending);
            self.send_block(&block).await?;
            self.pending = block;
            self.pending.clear();
        }
        Ok(())
    }

    /// Doubles each dot that starts a line (RFC 5321 section 4.5.2). Line ends are known to be CRLF; a
    /// dot after any CR or LF is doubled all the same, so that no reader sees an end where there is none.
    fn stuff(&mut self, chunk: &[u8]) {
        self.pending.reserve(chunk.len() + 2);
        let mut from = 0;
        for at in memchr_iter(b'.', chunk) {
            let starts = match at {
                0 => self.at_line_start,
                _ => matches!(chunk[at - 1], b'\r' | b'\n'),
            };
            if starts {
                self.pending.extend_from_slice(&chunk[from..at]);
                self.pending.push(b'.');
                from = at;
            }
        }
        self.pending.extend_from_slice(&chunk[from..]);
        if let Some(last) = chunk.last() {
            self.at_line_start = matches!(last, b'\r' | b'\n');
        }
    }

    async fn send_block(&mut self, block: &[u8]) -> Result<(), Failure> {
        let deadline = self.connection.clock().stage(self.connection.account.timeouts.data);
        match self.connection.send(block, deadline).await {
            Ok(()) => Ok(()),
            Err(broken) => Err(self.broken_off(broken).await),
        }
    }

    /// A connection that broke before the message's end was out: nobody has it. The server may have said
    /// why before it closed.
    async fn broken_off(&mut self, broken: Broken) -> Failure {
        if let Broken::Lost(_) = broken {
            let now = tokio::time::Instant::now();
            if let Ok(reply) = self.connection.reply(now).await {
                return verdict::of(&self.connection, Phase::Body, &reply);
            }
        }
        self.connection.broken(Phase::Body, broken)
    }

    /// Sends the end of the message, and awaits what the server makes of it.
    pub(super) async fn finish(mut self) -> Result<Receipt, Failure> {
        self.pending.extend_from_slice(b".\r\n");
        let block = std::mem::take(&mut self.pending);
        // A write that fails did not get all of it out, and the end is its last octets.
        self.send_block(&block).await?;
        self.connection.note(|| Entry::Content(self.size));
        let deadline = self.connection.clock().stage(self.connection.account.timeouts.final_reply);
        let reply = match self.connection.reply(deadline).await {
            Ok(reply) => reply,
            Err(broken) => return Err(self.nobody_knows(broken)),
        };
        if reply.is_positive() {
            return Ok(self.receipt(&reply).await);
        }
        let failure = verdict::of(&self.connection, Phase::FinalReply, &reply);
        if !reply.is_transient() && !reply.is_permanent() {
            return Err(unknown(failure));
        }
        if reply.code != 421 {
            self.connection.quit().await;
        }
        Err(failure)
    }

    async fn receipt(self, raw: &RawReply) -> Receipt {
        let reply = self.connection.shown(raw);
        let queue_id = queue_id(&reply.text);
        self.connection.quit().await;
        Receipt { reply, accepted: self.accepted, refused: self.refused, queue_id }
    }

    fn nobody_knows(&self, broken: Broken) -> Failure {
        unknown(self.connection.broken(Phase::FinalReply, broken))
    }
}

/// A failure after the end of the message was sent: the doubt of RFC 1047, which can only be shown.
fn unknown(failure: Failure) -> Failure {
    let message = format!("nobody can tell whether the message was sent: {failure}");
    let hint = "look for its Message-ID in the server's log or the recipient's mailbox before sending again; \
                the same idempotencyKey makes the same Message-ID";
    Failure {
        message,
        hint: Some(hint.to_owned()),
        delivered: Delivered::Unknown,
        retry: Retry::Never,
        ..failure
    }
}

/// Why a transaction ends before its content.
struct Refused {
    failure: Failure,
    /// Whether the server is still listening for commands.
    may_quit: bool,
}
