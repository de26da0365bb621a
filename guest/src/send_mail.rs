//! The action *Send mail*: reads an input, assembles the message and sends it.

use std::collections::HashMap;

use crate::bindings::connectors::smtp::account::Profile;
use crate::bindings::connectors::smtp::transport::{self, Envelope};
use crate::bindings::connectors::smtp::types::{Failure, Refusal};
use crate::failure::too_large;
use crate::input::fields::Field;
use crate::input::fields::notification::{Notification, Report};
use crate::input::fields::recipients::Recipients;
use crate::input::values::message_id::MessageId;
use crate::input::{Code, Issue, Mail, OnPartialFailure, ReturnPath, lint};
use crate::message::Message;
use crate::message::file::File;
use crate::message::message_ids::MessageIds;
use crate::message::transfer::{Sink, TransferError, Transferred};
use crate::outcome::{Assembled, Preview};
use crate::platform::{Outgoing, Platform};

/// The reason why a mail was not sent.
#[derive(Debug)]
pub enum Unsent {
    /// The input is invalid. Holds all issues.
    Invalid(Vec<Issue>),
    /// The input is valid, but a later step failed.
    Failed(Failure),
}

/// Sends a mail, or only assembles it if the run or the input asks for a dry run. Returns the result as JSON.
///
/// The connection is opened last: after the input is valid, every attachment is open, and the size, if known, is within
/// the limit.
pub fn send_mail<P: Platform>(
    platform: &P,
    input: &str,
    keywords: Option<&str>,
) -> Result<String, Unsent> {
    let profile = platform.profile();
    let (mail, findings) = Mail::read(input, keywords, &profile);
    let Some(mut mail) = mail else { return Err(Unsent::Invalid(findings.issues)) };
    let run = platform.run();
    let dry_run = run.dry_run || mail.dry_run;
    let id = mail.idempotency_key.as_ref().unwrap_or(&run.id);
    let mut ids = MessageIds::new(&profile.name, id);
    let message_id = mail.message_id.take().unwrap_or_else(|| make_id(&ids, &mail, &profile));
    let date = mail.date.unwrap_or_else(|| i64::try_from(run.started_at).unwrap_or(i64::MAX));
    let work = Work { platform, mail, profile, message_id, warnings: findings.warnings };
    let message_id = work.message_id.as_str().to_owned();
    work.run(date, &mut ids, dry_run)
        .map_err(|failure| Unsent::Failed(Failure { message_id: Some(message_id), ..failure }))
}

fn make_id(ids: &MessageIds, mail: &Mail<'_>, profile: &Profile) -> MessageId {
    let own = mail.from.address.domain().as_str();
    let text = |domain: &str| format!("{}@{domain}", ids.message_id());
    let given =
        profile.domain.as_deref().and_then(|domain| MessageId::parse_strictly(&text(domain)));
    given
        .or_else(|| MessageId::parse_strictly(&text(own)))
        .expect("hexadecimal digits, an @ and a valid domain form a message id")
}

/// A mail that is being assembled and sent.
struct Work<'p, 'a, P> {
    platform: &'p P,
    mail: Mail<'a>,
    profile: Profile,
    message_id: MessageId,
    warnings: Vec<Issue>,
}

impl<P: Platform> Work<'_, '_, P> {
    fn run(mut self, date: i64, ids: &mut MessageIds, dry_run: bool) -> Result<String, Failure> {
        let limit = self.profile.max_message_bytes;
        let mut files = Vec::new();
        for (index, attachment) in
            std::mem::take(&mut self.mail.attachments).into_iter().enumerate()
        {
            files.extend(File::open(
                attachment,
                index + 1,
                limit,
                self.platform,
                &mut self.warnings,
            )?);
        }
        let message = Message::assemble(&self.mail, files, &self.message_id, date, ids);
        let size = message.size();
        if size.is_some_and(|size| size > limit) {
            return Err(too_large(size, limit));
        }
        self.warn_of_size(size.unwrap_or_default());
        let envelope = self.envelope(&message, size);
        if dry_run { self.preview(message, envelope) } else { self.send(message, envelope) }
    }

    /// Warns about a large message, unless the input's own data already caused this warning.
    fn warn_of_size(&mut self, size: u64) {
        let known = self.warnings.iter().any(|warning| warning.code == Code::LargeMessage);
        if size > lint::LARGE_MESSAGE && !known {
            let path = Field::Attachments.name().to_owned();
            let message = lint::large_message(size);
            self.warnings.push(Issue { path, code: Code::LargeMessage, message });
        }
    }

    fn preview(
        self,
        message: Message<'_, P::Content>,
        envelope: Envelope,
    ) -> Result<String, Failure> {
        let preview = Preview::with_room_for(message.size().unwrap_or_default());
        let mut sink = Bounded { inner: preview, left: self.profile.max_message_bytes };
        let done = message.write_to(&mut sink).map_err(|error| self.failure(error))?;
        Ok(sink.inner.into_json(&self.assembled(envelope, done).dry_run()))
    }

    fn send(self, message: Message<'_, P::Content>, envelope: Envelope) -> Result<String, Failure> {
        let named = |failure| name_fields(failure, &self.mail.recipients);
        let outgoing = self.platform.begin(&envelope).map_err(named)?;
        let mut sink = Bounded { inner: outgoing, left: self.profile.max_message_bytes };
        let done = message.write_to(&mut sink).map_err(|error| named(self.failure(error)))?;
        let mut receipt = sink.inner.finish().map_err(named)?;
        name_refusals(&mut receipt.refused, &self.mail.recipients);
        Ok(self.assembled(envelope, done).sent(receipt).to_json())
    }

    fn assembled(self, envelope: Envelope, written: Transferred) -> Assembled {
        Assembled {
            message_id: self.message_id.as_str().to_owned(),
            envelope,
            size: written.size,
            files: written.files,
            warnings: self.warnings,
        }
    }

    fn envelope(&self, message: &Message<'_, P::Content>, size: Option<u64>) -> Envelope {
        let mail = &self.mail;
        let sender = match &mail.return_path {
            Some(ReturnPath::Address(address)) => address.to_string(),
            // The null sender.
            Some(ReturnPath::Nowhere) => String::new(),
            None => mail.from.address.to_string(),
        };
        Envelope {
            sender,
            recipients: mail
                .recipients
                .all()
                .map(|(_, mailbox)| mailbox.address.to_string())
                .collect(),
            allow_partial: mail.on_partial_failure == OnPartialFailure::Send,
            utf8_headers: message.has_utf8_headers,
            size,
            notification: mail.notification.as_ref().map(notification),
        }
    }

    fn failure(&self, error: TransferError<SinkError>) -> Failure {
        match error {
            TransferError::File(unavailable) => unavailable.into(),
            TransferError::Sink(SinkError::TooLarge) => {
                too_large(None, self.profile.max_message_bytes)
            }
            TransferError::Sink(SinkError::Failed(failure)) => failure,
        }
    }
}

fn notification(notification: &Notification) -> transport::Notification {
    use transport::Notify;
    let wanted = notification.notify;
    let flags = [
        (wanted.success, Notify::SUCCESS),
        (wanted.failure, Notify::FAILURE),
        (wanted.delay, Notify::DELAY),
    ];
    let set = flags.into_iter().filter(|(wanted, _)| *wanted).map(|(_, flag)| flag);
    transport::Notification {
        notify: set.fold(Notify::empty(), |all, flag| all | flag),
        report: notification.report.map(|report| match report {
            Report::Full => transport::Report::Full,
            Report::Headers => transport::Report::Headers,
        }),
        envelope_id: notification.envelope_id.clone(),
    }
}

/// Adds to each refused recipient the input field that named it.
fn name_fields(mut failure: Failure, recipients: &Recipients) -> Failure {
    name_refusals(&mut failure.refusals, recipients);
    failure
}

fn name_refusals(refusals: &mut [Refusal], recipients: &Recipients) {
    if refusals.is_empty() {
        return;
    }
    let fields: HashMap<String, Field> =
        recipients.all().map(|(field, mailbox)| (mailbox.address.to_string(), field)).collect();
    for refusal in refusals {
        refusal.field = fields.get(&refusal.recipient).map(|field| field.name().to_owned());
    }
}

/// A sink that enforces the size limit of a message, since a source may not tell its size in advance.
struct Bounded<S> {
    inner: S,
    left: u64,
}

#[derive(Debug)]
enum SinkError {
    TooLarge,
    Failed(Failure),
}

impl<S> Bounded<S> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(SinkError::TooLarge)?;
        Ok(())
    }
}

impl Sink for Bounded<Preview> {
    type Error = SinkError;

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.take(bytes)?;
        self.inner.push(bytes);
        Ok(())
    }
}

impl<O: Outgoing> Sink for Bounded<O> {
    type Error = SinkError;

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.take(bytes)?;
        self.inner.write(bytes).map_err(SinkError::Failed)
    }
}

#[cfg(test)]
mod tests;
