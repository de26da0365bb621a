//! The rules that hold for every run, whatever its component and its server do.

use smtp_connector_host::Error;

use super::case::{Case, same_address};
use super::message::{check_message, shown};
use super::outcome::check_outcome;
use super::program::{Attempt, Envelope};
use super::reader::{Content, Transaction, is_positive, transactions};
use super::server::Record;

/// The observations of a run.
pub(crate) struct Seen {
    /// `None` if the run was dropped.
    pub(crate) outcome: Option<Result<String, Error>>,
    pub(crate) records: Vec<Record>,
    /// The paths and ids that were requested.
    pub(crate) fetched: Vec<String>,
    pub(crate) opened: Vec<String>,
}

pub(crate) type Checked = Result<(), String>;

pub(crate) fn check(case: &Case, seen: &Seen) -> Checked {
    let mut own = Vec::new();
    for record in &seen.records {
        let all = transactions(record)?;
        own.extend(all.into_iter().filter(|transaction| transaction.start >= record.start));
    }
    check_sources(case, seen)?;
    if !case.sends() {
        check_silence(seen)?;
    }
    let attempts = case.program.attempts();
    for transaction in &own {
        check_envelope(case, transaction, &attempts)?;
        check_content(case, transaction, &attempts)?;
    }
    check_number(&own)?;
    match &seen.outcome {
        Some(outcome) => check_outcome(outcome, &own),
        None => Ok(()),
    }
}

fn check_sources(case: &Case, seen: &Seen) -> Checked {
    let checks_only = case.validates;
    for (asked, named) in [(&seen.fetched, &case.input.paths), (&seen.opened, &case.input.uploads)]
    {
        if let Some(other) = asked.iter().find(|one| checks_only || !named.contains(one)) {
            return Err(format!("{other} was opened, and the input names {named:?}"));
        }
    }
    Ok(())
}

/// Checks that a dry run sends no command to a server.
fn check_silence(seen: &Seen) -> Checked {
    match seen.records.iter().find(|record| record.input.len() > record.start) {
        Some(_) => Err("something was sent in a run that sends nothing".to_owned()),
        None => Ok(()),
    }
}

fn check_envelope(case: &Case, transaction: &Transaction, attempts: &[Attempt<'_>]) -> Checked {
    let sender = &transaction.sender;
    if !sender.is_empty() && !case.rules.allows_sender(sender) {
        return Err(format!("MAIL FROM:<{sender}> against the policy"));
    }
    for (recipient, _) in &transaction.recipients {
        let is_right = match case.rules.redirect() {
            Some(instead) => recipient == instead,
            None => case.allows_recipient(recipient),
        };
        if !is_right {
            return Err(format!(
                "RCPT TO:<{recipient}> that the input or the policy does not allow"
            ));
        }
    }
    let all = &transaction.recipients;
    let is_repeated = |(at, one): (usize, &(String, _))| {
        all[..at].iter().any(|other: &(String, _)| other.0 == one.0)
    };
    if all.iter().enumerate().any(is_repeated) {
        return Err(format!("a recipient twice among {all:?}"));
    }
    if transaction.recipients.len() > 1 && case.rules.redirect().is_some() {
        return Err("a redirected message has one recipient".to_owned());
    }
    match attempts.iter().any(|attempt| is_of(case, transaction, attempt)) {
        true => Ok(()),
        false => Err(format!("no beginning of a message has the envelope {transaction:?}")),
    }
}

/// Reports whether a transaction has the envelope of an attempt, or of the rest of it.
fn is_of(case: &Case, transaction: &Transaction, attempt: &Attempt<'_>) -> bool {
    let envelope = attempt.envelope;
    // The policy checks the recipients that the component named, even if none of them gets the message.
    let may_begin = envelope.recipients.iter().all(|one| case.allows_recipient(one));
    let mut wanted = envelope.recipients.iter();
    let in_order = |(recipient, _): &(String, _)| wanted.any(|one| one == recipient);
    let fits = case.rules.redirect().is_some() || transaction.recipients.iter().all(in_order);
    transaction.sender == envelope.sender && may_begin && fits
}

fn check_content(case: &Case, transaction: &Transaction, attempts: &[Attempt<'_>]) -> Checked {
    let Some(Content { message, is_complete, .. }) = &transaction.content else { return Ok(()) };
    let mut fitting = attempts.iter().filter(|attempt| is_of(case, transaction, attempt));
    if !is_complete {
        return match fitting.any(|attempt| attempt.written.starts_with(message)) {
            true => Ok(()),
            false => Err(format!("a part of a message that was not written: {}", shown(message))),
        };
    }
    let same: Vec<_> =
        fitting.filter(|attempt| attempt.is_finished && attempt.written == *message).collect();
    if same.is_empty() {
        return Err(format!("a message that was not written: {}", shown(message)));
    }
    // Two attempts may have the same message. One of them failed.
    let as_announced = |attempt: &&&Attempt<'_>| {
        let Envelope { size, utf8_headers, .. } = attempt.envelope;
        size.is_none_or(|size| size == message.len() as u64)
            && (*utf8_headers || message.is_ascii())
    };
    if !same.iter().any(|attempt| as_announced(&attempt)) {
        return Err("a message of another size than announced, or with other octets".to_owned());
    }
    if message.len() as u64 > case.message_bytes() {
        return Err("a message that is too large".to_owned());
    }
    check_message(case, message)
}

/// Checks that a run sends one message, and to each recipient once.
fn check_number(own: &[Transaction]) -> Checked {
    let complete = |transaction: &&Transaction| {
        transaction.content.as_ref().is_some_and(|content| content.is_complete)
    };
    let complete: Vec<_> = own.iter().filter(complete).collect();
    let mut served: Vec<&String> = Vec::new();
    for (index, transaction) in complete.iter().enumerate() {
        let message = |one: &Transaction| one.content.clone().unwrap_or_default().message;
        if index > 0 {
            let (first, before) = (complete[0], complete[index - 1]);
            let is_same =
                message(first) == message(transaction) && first.sender == transaction.sender;
            let was_asked_for = before.recipients.iter().any(|(_, code)| *code == Some(452));
            if !is_same || !was_asked_for {
                return Err("a second message in one run".to_owned());
            }
        }
        for (recipient, code) in &transaction.recipients {
            if is_positive(*code) && served.contains(&recipient) && index > 0 {
                return Err(format!("{recipient} gets the message twice"));
            }
        }
        served.extend(
            transaction.recipients.iter().filter(|one| is_positive(one.1)).map(|one| &one.0),
        );
    }
    Ok(())
}

/// Returns what became of the messages of a run, for the tally.
pub(crate) fn messages(seen: &Seen) -> Vec<&'static str> {
    let own = seen.records.iter().flat_map(|record| {
        let all = transactions(record).unwrap_or_default();
        all.into_iter().filter(|transaction| transaction.start >= record.start)
    });
    own.map(|transaction| match &transaction.content {
        None => "came to nothing in its envelope",
        Some(content) if !content.is_complete => "was broken off",
        Some(content) if is_positive(content.reply) => "was taken",
        Some(_) => "was refused, or not answered, at its end",
    })
    .collect()
}

impl Case {
    /// Reports whether the input names a recipient, and the policy allows it.
    fn allows_recipient(&self, recipient: &str) -> bool {
        self.rules.allows_recipient(recipient)
            && self.input.recipients.iter().any(|named| same_address(named, recipient))
    }
}
