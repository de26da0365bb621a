//! An envelope: from whom, to whom, and whether the server is ready for the message.

use lettre::transport::smtp::commands::Data;

use super::connection::Broken;
use super::envelope::{Commands, check_extensions};
use super::pool::Lease;
use super::reply::RawReply;
use super::transcript::Entry;
use super::verdict;
use crate::failure::{Failure, FailureCode, Phase, Refusal, Reply};
use crate::transport::Envelope;

/// A message that the server is ready to take.
pub(super) struct Transaction {
    pub(super) lease: Lease,
    pub(super) accepted: Vec<String>,
    pub(super) refused: Vec<Refusal>,
    /// Recipients that are too many for this transaction, and what the server said of them.
    pub(super) postponed: Vec<Refusal>,
}

/// Why a transaction did not get as far as its content.
pub(super) struct Unbegun {
    pub(super) failure: Failure,
    /// Whether the connection was at its end before the server heard a word.
    pub(super) is_stale: bool,
}

struct Refused {
    failure: Failure,
    then: Then,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is at its end, or the server is out of step.
    Close,
    /// The server listens for commands, in the middle of an envelope.
    Reset,
    /// It was at its end before.
    Stale,
}

impl Transaction {
    /// Sends the envelope, and DATA.
    pub(super) async fn begin(lease: Lease, envelope: &Envelope) -> Result<Self, Unbegun> {
        let commands = check_extensions(&lease, envelope);
        let commands = match commands.and_then(|()| Commands::of(&lease, envelope)) {
            Ok(commands) => commands,
            Err(failure) => {
                lease.settle().await;
                return Err(Unbegun { failure, is_stale: false });
            }
        };
        let mut transaction =
            Self { lease, accepted: Vec::new(), refused: Vec::new(), postponed: Vec::new() };
        let outcome = if transaction.lease.extensions.pipelining {
            transaction.pipelined(&commands, envelope).await
        } else {
            transaction.one_by_one(&commands, envelope).await
        };
        match outcome {
            Ok(()) => Ok(transaction),
            Err(Refused { failure, then }) => {
                if then == Then::Reset {
                    transaction.lease.reset().await;
                }
                Err(Unbegun { failure, is_stale: then == Then::Stale })
            }
        }
    }

    /// MAIL, each RCPT and DATA in one write, replies matched one by one (RFC 2920).
    async fn pipelined(&mut self, commands: &Commands, envelope: &Envelope) -> Result<(), Refused> {
        // Where all or nobody is to get the message, DATA waits until all are accepted: once it is said,
        // whoever was accepted could only be spared by closing the connection.
        let waits = !envelope.allow_partial && envelope.recipients.len() > 1;
        let lines = || commands.lines().take(commands.len() - usize::from(waits));
        for line in lines() {
            self.lease.note(|| Entry::Command(line.trim_end().to_owned()));
        }
        let deadline = self.lease.clock().stage(self.lease.account.timeouts.command);
        let all: String = lines().collect();
        let sent = self.lease.send(all.as_bytes(), deadline).await;
        sent.map_err(|broken| self.lost(Phase::MailFrom, broken))?;
        let mail = self.next_reply(Phase::MailFrom).await?;
        // What the server said first is why, even if it hangs up before it has answered the rest.
        let mut verdict = self.sender(&mail);
        if matches!(verdict, Err(Refused { then: Then::Stale, .. })) {
            return verdict;
        }
        for recipient in &envelope.recipients {
            let reply = match self.next_reply(Phase::RcptTo).await {
                Ok(reply) => reply,
                Err(lost) => return Err(verdict.err().unwrap_or(lost)),
            };
            // After a refused MAIL these only say that there was none.
            if verdict.is_ok() {
                self.recipient(recipient, &reply, envelope)?;
            }
        }
        verdict = verdict.and_then(|()| self.recipients(envelope));
        if waits {
            verdict?;
            let data = self.say(&Data.to_string(), Phase::Data).await?;
            return self.go_ahead(&data);
        }
        let data = match self.next_reply(Phase::Data).await {
            Ok(reply) => reply,
            Err(lost) => return Err(verdict.err().unwrap_or(lost)),
        };
        // After 354 whatever is sent next is a message. Where none is to be sent, only closing the
        // connection says so.
        verdict.map_err(|refused| match data.code {
            354 => Refused { then: Then::Close, ..refused },
            _ => refused,
        })?;
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

    async fn next_reply(&mut self, phase: Phase) -> Result<RawReply, Refused> {
        let reply = self.lease.command_reply().await;
        reply.map_err(|broken| self.lost(phase, broken))
    }

    fn lost(&self, phase: Phase, broken: Broken) -> Refused {
        let then = match (phase, &broken) {
            // MAIL is the first that it was to hear.
            (Phase::MailFrom, Broken::Lost(_)) if self.lease.is_reused() => Then::Stale,
            _ => Then::Close,
        };
        Refused { failure: self.lease.broken(phase, broken), then }
    }

    fn sender(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.is_positive() {
            true => Ok(()),
            false => Err(self.refuse(Phase::MailFrom, reply)),
        }
    }

    /// Sorts a recipient by its reply. What is neither yes nor no ends the conversation, and so does a
    /// server that says that it closes (421).
    fn recipient(
        &mut self,
        recipient: &str,
        reply: &RawReply,
        envelope: &Envelope,
    ) -> Result<(), Refused> {
        if reply.is_positive() {
            self.accepted.push(recipient.to_owned());
        } else if (reply.is_transient() || reply.is_permanent()) && reply.code != 421 {
            let refusal = verdict::of_recipient(&self.lease, recipient, reply);
            // What is sent in two transactions can be taken back in neither.
            match envelope.allow_partial && is_one_too_many(&refusal.reply) {
                true => self.postponed.push(refusal),
                false => self.refused.push(refusal),
            }
        } else {
            return Err(self.refuse(Phase::RcptTo, reply));
        }
        Ok(())
    }

    /// Whether there is somebody to send to, on the sender's terms.
    fn recipients(&mut self, envelope: &Envelope) -> Result<(), Refused> {
        if self.accepted.is_empty() {
            // It is not their number.
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
                "nobody got the message; set onPartialFailure to \"send\" to send it to the others",
            ),
            false => failure,
        };
        Err(Refused { failure, then: Then::Reset })
    }

    fn go_ahead(&self, reply: &RawReply) -> Result<(), Refused> {
        match reply.code {
            354 => Ok(()),
            _ => Err(self.refuse(Phase::Data, reply)),
        }
    }

    fn refuse(&self, phase: Phase, reply: &RawReply) -> Refused {
        let failure = verdict::of(&self.lease, phase, reply);
        let hangs_up = reply.code == 421;
        let says_so = || hangs_up || verdict::was_idle(&self.lease, phase, reply);
        if phase == Phase::MailFrom && self.lease.is_reused() && says_so() {
            // Said while the connection was idle.
            return Refused { failure, then: Then::Stale };
        }
        if hangs_up || reply.code == 432 {
            self.lease.spare_the_server();
        }
        let then = match hangs_up || failure.code == FailureCode::Protocol {
            true => Then::Close,
            false => Then::Reset,
        };
        Refused { failure, then }
    }
}

/// Whether a recipient is one more than the server takes in one transaction (RFC 5321 section 4.5.3.1.10).
fn is_one_too_many(reply: &Reply) -> bool {
    match (reply.code, reply.enhanced.as_deref()) {
        (452, Some(enhanced)) => enhanced == "4.5.3",
        // Without it, 452 is a full disk as well.
        (452, None) => reply.text.to_ascii_lowercase().contains("too many"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_not_a_recipient_too_many() {
        for (code, enhanced, text, found) in [
            (452, Some("4.5.3"), "Too many recipients", true),
            (452, None, "Too many recipients received this hour", true),
            (452, None, "insufficient system storage", false),
            (452, Some("4.2.2"), "mailbox full: too many messages", false),
            (452, Some("4.3.1"), "insufficient system storage", false),
            (450, Some("4.5.3"), "Too many recipients", false),
        ] {
            let reply =
                Reply { code, enhanced: enhanced.map(str::to_owned), text: text.to_owned() };
            assert_eq!(is_one_too_many(&reply), found, "{text}");
        }
    }
}
