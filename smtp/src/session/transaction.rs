//! The envelope of a message: the sender, the recipients, and DATA.

use std::time::Duration;

use lettre::transport::smtp::commands::Data;
use tokio::time::Instant;

use super::commands::{Commands, check_extensions};
use crate::Envelope;
use crate::address::ForwardPath;
use crate::client::connection::Broken;
use crate::client::transcript::Entry;
use crate::client::verdict;
use crate::failure::{Failure, FailureCode, Phase, Refusal};
use crate::pool::Lease;
use crate::replies::reply::RawReply;
use crate::reply::Reply;

/// A transaction whose content the server is ready to receive.
pub(crate) struct Transaction {
    pub(crate) lease: Lease,
    pub(crate) accepted: Vec<ForwardPath>,
    pub(crate) refused: Vec<Refusal>,
    /// Recipients that do not fit into this transaction, with the server's replies.
    pub(crate) postponed: Vec<Refusal>,
}

/// The failure of a transaction before its content.
pub(crate) struct BeginError {
    pub(crate) failure: Failure,
    /// The reason why the transaction may start again on another connection, if it may. The message is not delivered
    /// yet.
    pub(crate) again: Option<Again>,
}

/// The reason why a transaction may start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The connection was already closed when the transaction started.
    Stale,
    /// The server, or a device on the way, lost pipelined commands. The value is the time spent waiting for replies.
    LostPipelined(Duration),
}

struct Refused {
    failure: Failure,
    disposition: Disposition,
}

/// The next step for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disposition {
    /// The connection is closed, or the server is out of step.
    Close,
    /// The server accepts commands, in the middle of an envelope.
    Reset,
    /// The connection is unusable, but the transaction may work on another one.
    Again(Again),
}

/// The fraction of the command timeout for replies to the first pipelined group: 1/4, or 15 seconds of 60.
///
/// This is enough for servers that do lookups before they reply to RCPT, and it leaves three quarters of the time for
/// the same commands one by one. A server that is only slow is not affected: each command then has the full timeout.
const STALL: u32 = 4;

/// The shortest wait for these replies. A busy server may take several hundred milliseconds to reply.
const LEAST_STALL: Duration = Duration::from_secs(1);

impl Transaction {
    /// Sends the envelope and DATA.
    pub(crate) async fn begin(lease: Lease, envelope: &Envelope) -> Result<Self, BeginError> {
        if let Err(failure) = check_extensions(&lease, envelope) {
            lease.settle().await;
            return Err(BeginError { failure, again: None });
        }
        let commands = Commands::of(&lease, envelope);
        let mut transaction =
            Self { lease, accepted: Vec::new(), refused: Vec::new(), postponed: Vec::new() };
        let outcome = if transaction.lease.extensions.pipelining {
            transaction.pipelined(&commands, envelope).await
        } else {
            transaction.one_by_one(&commands, envelope).await
        };
        match outcome {
            Ok(()) => Ok(transaction),
            Err(Refused { failure, disposition }) => {
                let again = match disposition {
                    Disposition::Again(why) => Some(why),
                    Disposition::Close => None,
                    Disposition::Reset => {
                        transaction.lease.reset().await;
                        None
                    }
                };
                Err(BeginError { failure, again })
            }
        }
    }

    /// Sends MAIL, each RCPT and DATA in one write, then reads the replies one by one (RFC 2920).
    async fn pipelined(&mut self, commands: &Commands, envelope: &Envelope) -> Result<(), Refused> {
        // If all recipients must get the message, DATA waits until all are accepted. After DATA, only closing the
        // connection could stop the delivery to the accepted ones.
        let waits = !envelope.allow_partial && envelope.recipients.len() > 1;
        let lines = || commands.lines().take(commands.len() - usize::from(waits));
        for line in lines() {
            self.lease.note(|| Entry::Command(line.trim_end().to_owned()));
        }
        let since = Instant::now();
        let deadline = self.lease.clock().stage(self.patience());
        let all: String = lines().collect();
        let sent = self.lease.send(all.as_bytes(), deadline).await;
        sent.map_err(|broken| match broken {
            // The server does not read a large group before the client reads its replies.
            Broken::Timeout(_) => self.lost_at_once(Phase::MailFrom, broken, since),
            // The connection broke before the server received the whole group.
            _ => self.lost(Phase::MailFrom, broken),
        })?;
        let mail = self.next_reply(Phase::MailFrom, since).await?;
        // The first refusal is the reason, even if the server disconnects before it sends the other replies.
        let mut verdict = self.sender(&mail);
        if matches!(verdict, Err(Refused { disposition: Disposition::Again(_), .. })) {
            return verdict;
        }
        for recipient in &envelope.recipients {
            let reply = match self.next_reply(Phase::RcptTo, since).await {
                Ok(reply) => reply,
                Err(lost) => return Err(why(verdict, lost)),
            };
            // After a refused MAIL, these replies only say that MAIL is missing.
            if verdict.is_ok() {
                self.check_order(&reply, since)?;
                self.recipient(recipient, &reply, envelope)?;
            }
        }
        verdict = verdict.and_then(|()| self.recipients(envelope));
        if waits {
            self.lease.has_pipelined = true;
            verdict?;
            let data = self.say(&Data.to_string(), Phase::Data).await?;
            return self.go_ahead(&data);
        }
        let data = match self.next_reply(Phase::Data, since).await {
            Ok(reply) => reply,
            Err(lost) => return Err(why(verdict, lost)),
        };
        self.lease.has_pipelined = true;
        // After 354, the server takes all further bytes as the message. To send no message, the client must close the
        // connection.
        verdict.map_err(|refused| match data.code.get() {
            354 => Refused { disposition: Disposition::Close, ..refused },
            _ => refused,
        })?;
        self.go_ahead(&data)
    }

    /// Returns the time limit for each reply to a pipelined group.
    fn patience(&self) -> Duration {
        let command = self.lease.server.timeouts.command;
        match self.lease.has_pipelined {
            true => command,
            false => command.min(LEAST_STALL.max(command / STALL)),
        }
    }

    /// Reads the next reply to a pipelined group that was sent at `since`.
    async fn next_reply(&mut self, phase: Phase, since: Instant) -> Result<RawReply, Refused> {
        let deadline = self.lease.clock().stage(self.patience());
        let reply = self.lease.reply(deadline).await;
        let reply = reply.map_err(|broken| self.lost_at_once(phase, broken, since))?;
        match speaks_of_pipelining(&reply) {
            true => Err(self.out_of_order(phase, &reply, since)),
            false => Ok(reply),
        }
    }

    /// Returns the refusal for a connection on which a pipelined group got no reply.
    fn lost_at_once(&self, phase: Phase, broken: Broken, since: Instant) -> Refused {
        let is_malformed = matches!(broken, Broken::Malformed(_));
        let refused = self.lost(phase, broken);
        match refused.disposition {
            Disposition::Close if !is_malformed => self.or_one_by_one(refused, since),
            _ => refused,
        }
    }

    /// Refuses a reply to RCPT that belongs to another command: this RCPT or an earlier command was lost.
    fn check_order(&self, reply: &RawReply, since: Instant) -> Result<(), Refused> {
        match reply.code.get() {
            354 | 503 => Err(self.out_of_order(Phase::RcptTo, reply, since)),
            _ => Ok(()),
        }
    }

    fn out_of_order(&self, phase: Phase, reply: &RawReply, since: Instant) -> Refused {
        // The remaining replies are unread.
        let refused = Refused { disposition: Disposition::Close, ..self.refuse(phase, reply) };
        self.or_one_by_one(refused, since)
    }

    /// Allows another attempt without pipelining, unless pipelining already worked on this connection: then it is not
    /// the cause. No message was sent, so a recipient cannot get it twice.
    fn or_one_by_one(&self, refused: Refused, since: Instant) -> Refused {
        let may_help = !self.lease.has_pipelined && Instant::now() < self.lease.clock().end();
        match may_help {
            true => Refused {
                disposition: Disposition::Again(Again::LostPipelined(since.elapsed())),
                ..refused
            },
            false => refused,
        }
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
            self.recipient(recipient, &reply, envelope)?;
        }
        self.recipients(envelope)?;
        let data = self.say(&Data.to_string(), Phase::Data).await?;
        self.go_ahead(&data)
    }

    async fn say(&mut self, line: &str, phase: Phase) -> Result<RawReply, Refused> {
        let reply = self.lease.command(line).await;
        reply.map_err(|broken| self.lost(phase, broken))
    }

    fn lost(&self, phase: Phase, broken: Broken) -> Refused {
        let disposition = match (phase, &broken) {
            // MAIL is the first command of the transaction.
            (Phase::MailFrom, Broken::Lost(_)) if self.lease.is_reused() => {
                Disposition::Again(Again::Stale)
            }
            _ => Disposition::Close,
        };
        Refused { failure: self.lease.broken(phase, broken), disposition }
    }

    fn sender(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.is_positive() {
            true => Ok(()),
            false => Err(self.refuse(Phase::MailFrom, reply)),
        }
    }

    /// Sorts a recipient by its reply. A reply that neither accepts nor refuses it ends the session. So does 421, with
    /// which the server closes the connection.
    fn recipient(
        &mut self,
        recipient: &ForwardPath,
        reply: &RawReply,
        envelope: &Envelope,
    ) -> Result<(), Refused> {
        if reply.is_positive() {
            self.accepted.push(recipient.clone());
        } else if (reply.is_transient() || reply.is_permanent()) && reply.code != 421 {
            let refusal = verdict::of_recipient(&self.lease, recipient, reply);
            // With a second transaction, the first one could no longer be undone.
            match envelope.allow_partial && is_one_too_many(&refusal.reply) {
                true => self.postponed.push(refusal),
                false => self.refused.push(refusal),
            }
        } else {
            return Err(self.refuse(Phase::RcptTo, reply));
        }
        Ok(())
    }

    /// Checks that enough recipients were accepted: at least one, or all if `allow_partial` is off.
    fn recipients(&mut self, envelope: &Envelope) -> Result<(), Refused> {
        if self.accepted.is_empty() {
            // The number of recipients is not the cause.
            self.refused.append(&mut self.postponed);
        }
        let all_or_nothing = !envelope.allow_partial && !self.refused.is_empty();
        if !self.accepted.is_empty() && !all_or_nothing {
            return Ok(());
        }
        let refusals = std::mem::take(&mut self.refused);
        let failure = verdict::of_recipients(&self.lease, refusals);
        let failure = match all_or_nothing && !self.accepted.is_empty() {
            true => failure.hint(
                "the message was not sent to any recipient; set onPartialFailure to \"send\" to send it to the others",
            ),
            false => failure,
        };
        Err(Refused { failure, disposition: Disposition::Reset })
    }

    fn go_ahead(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.code.get() {
            354 => Ok(()),
            _ => Err(self.refuse(Phase::Data, reply)),
        }
    }

    fn refuse(&self, phase: Phase, reply: &RawReply) -> Refused {
        let failure = verdict::of(&self.lease, phase, reply);
        let hangs_up = reply.code == 421;
        let says_so = || hangs_up || verdict::was_idle(&self.lease, phase, reply);
        if phase == Phase::MailFrom && self.lease.is_reused() && says_so() {
            // The server sent this reply while the connection was idle.
            return Refused { failure, disposition: Disposition::Again(Again::Stale) };
        }
        if hangs_up || reply.code == 432 {
            self.lease.back_off();
        }
        let disposition = match hangs_up || failure.code == FailureCode::Protocol {
            true => Disposition::Close,
            false => Disposition::Reset,
        };
        Refused { failure, disposition }
    }
}

/// Returns the failure of a group whose replies ended early: the first refusal, unless a command was lost before it.
fn why(verdict: Result<(), Refused>, lost: Refused) -> Refused {
    match verdict {
        Err(refused) if refused.failure.reply.as_ref().is_none_or(|reply| reply.code != 503) => {
            refused
        }
        _ => lost,
    }
}

/// Reports whether a server refuses pipelined commands. Postfix and Exim use these words.
fn speaks_of_pipelining(reply: &RawReply) -> bool {
    let is_no = reply.is_transient() || reply.is_permanent();
    let says = |word| reply.lines.iter().any(|line| line.to_ascii_lowercase().contains(word));
    is_no && (says("pipelin") || says("synchroni"))
}

/// Reports whether a recipient exceeds the server's limit for one transaction (RFC 5321 section 4.5.3.1.10).
fn is_one_too_many(reply: &Reply) -> bool {
    match (reply.code.get(), reply.enhanced) {
        (452, Some(enhanced)) => (enhanced.subject(), enhanced.detail()) == (5, 3),
        // Without an enhanced code, 452 can also mean a full disk.
        (452, None) => reply.text.to_ascii_lowercase().contains("too many"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::ReplyCode;

    #[test]
    fn a_full_disk_does_not_count_as_too_many_recipients() {
        for (code, enhanced, text, found) in [
            (452, Some("4.5.3"), "Too many recipients", true),
            (452, None, "Too many recipients received this hour", true),
            (452, None, "insufficient system storage", false),
            (452, Some("4.2.2"), "mailbox full: too many messages", false),
            (452, Some("4.3.1"), "insufficient system storage", false),
            (450, Some("4.5.3"), "Too many recipients", false),
        ] {
            let code = ReplyCode::new(code).expect("a reply code");
            let enhanced = enhanced.map(|code| code.parse().expect("an enhanced status code"));
            let reply = Reply::new(code, text).enhanced(enhanced);
            assert_eq!(is_one_too_many(&reply), found, "{text}");
        }
    }
}
