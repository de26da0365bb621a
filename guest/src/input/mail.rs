//! The email to send, read from an input field by field.

use super::fields::attachment::{self, Attachment};
use super::fields::body::{Body, ContentType};
use super::fields::calendar::{self, Calendar};
use super::fields::headers::{self, CustomHeader};
use super::fields::list_unsubscribe::{self, ListUnsubscribe};
use super::fields::notification::{self, Notification};
use super::fields::partial_failure::OnPartialFailure;
use super::fields::priority::Priority;
use super::fields::recipients::Recipients;
use super::fields::return_path::ReturnPath;
use super::fields::{Field, Fields, identity, mailboxes, pictures, sender, text, thread};
use super::findings::{Findings, Path};
use super::json::Value;
use super::keywords::Keywords;
use super::lint;
use super::unfilled;
use super::values::address::Mailbox;
use super::values::message_id::MessageId;
use crate::bindings::connectors::smtp::account::Profile;

/// The email to send. Every value is checked. Uploads and URLs are not fetched yet.
#[derive(Debug)]
pub struct Mail<'a> {
    /// The sender.
    pub from: Mailbox,
    /// The recipients.
    pub recipients: Recipients,
    /// The addresses that replies go to. If empty, replies go to the sender.
    pub reply_to: Vec<Mailbox>,
    /// The subject, on one line.
    pub subject: String,
    /// The text, the HTML, or both.
    pub body: Body,
    /// An invitation.
    pub calendar: Option<Calendar>,
    /// The attached files.
    pub attachments: Vec<Attachment<'a>>,
    /// The user's custom headers.
    pub headers: Vec<CustomHeader>,
    /// The importance that mail programs show.
    pub priority: Priority,
    /// The emails that this one answers.
    pub in_reply_to: Vec<MessageId>,
    /// The emails of its thread. Those that it answers come last.
    pub references: Vec<MessageId>,
    /// Its message id, if the input gives one.
    pub message_id: Option<MessageId>,
    /// Its date in seconds since 1970, if the input gives one.
    pub date: Option<i64>,
    /// The ways to unsubscribe from a mailing list.
    pub list_unsubscribe: Option<ListUnsubscribe>,
    /// The address for bounces, if it is not the sender's.
    pub return_path: Option<ReturnPath>,
    /// The delivery reports to request from the recipients' servers.
    pub notification: Option<Notification>,
    /// The addresses that read receipts go to.
    pub read_receipt_to: Vec<Mailbox>,
    /// The action to take when the server refuses some recipients.
    pub on_partial_failure: OnPartialFailure,
    /// The run's id, if the input gives one.
    pub idempotency_key: Option<String>,
    /// Whether to assemble the message without sending it.
    pub dry_run: bool,
}

impl<'a> Mail<'a> {
    /// Reads an input and its keywords. Returns `None` if there are issues. The findings then hold all of them.
    pub fn read(
        input: &'a str,
        keywords: Option<&str>,
        profile: &Profile,
    ) -> (Option<Self>, Findings) {
        let mut findings = Findings::default();
        let given = keywords.is_some();
        let keywords = Keywords::read(keywords, &mut findings);
        let mail = Value::read_input(input, &mut findings).and_then(|members| {
            let mut fields = Fields::sort(members, &mut findings);
            match keywords {
                Some(keywords) => {
                    let content_type = ContentType::read(
                        fields.peek(Field::ContentType),
                        &Path::ROOT,
                        &mut Findings::default(),
                    );
                    // Determined before the body is read, so that keywords in it can be escaped.
                    let is_html = Body::is_html(&fields, content_type);
                    keywords.resolve(&mut fields, is_html, &mut findings);
                }
                // The placeholders' values are unknown, so any further finding would mislead.
                None if given => return None,
                None => unfilled::check(&mut fields, &mut findings),
            }
            Self::of_fields(&mut fields, profile, &mut findings)
        });
        let mail = mail.filter(|_| findings.is_valid());
        findings.close();
        (mail, findings)
    }

    /// Returns every issue and warning that can be found without fetching the input's uploads and URLs.
    pub fn validate(input: &str, keywords: Option<&str>, profile: &Profile) -> Findings {
        let (mail, mut findings) = Mail::read(input, keywords, profile);
        if let Some(mail) = mail {
            lint::check_fits(&mail, profile, &mut findings);
        }
        findings
    }

    /// Reads every field, in the order of a form.
    fn of_fields(
        fields: &mut Fields<'a>,
        profile: &Profile,
        findings: &mut Findings,
    ) -> Option<Self> {
        let places = lint::Places::of(fields);
        let is_given = |field| !fields.peek(field).is_absent();
        let [has_reply_to, has_receipt, has_in_reply_to, has_references] =
            [Field::ReplyTo, Field::ReadReceiptTo, Field::InReplyTo, Field::References]
                .map(is_given);
        let from = sender::read_from(fields, profile, findings);
        let recipients = Recipients::read(fields, profile.max_recipients, findings);
        let mut reply_to = sender::read_reply_to(fields, profile, findings);
        let subject = fields.read(Field::Subject, |value, path| {
            let text = text::read_text(&value, ", ", path, findings).unwrap_or_default();
            text::subject(&text, path, findings)
        });
        let mut body = Body::read(fields, findings);
        let attach_data_urls = fields.read(Field::AttachDataUrls, |value, path| {
            text::read_switch(&value, path, findings).unwrap_or_default()
        });
        let attachments = fields.read(Field::Attachments, |value, path| {
            let mut attachments = attachment::read_attachments(value, path, findings);
            if let Some(html) = body.html_mut().filter(|_| attach_data_urls) {
                pictures::attach(html, &mut attachments, &places.html());
            }
            attachment::check_number_and_ids(&attachments, profile.max_attachments, path, findings);
            attachments
        });
        let given_headers = fields
            .read(Field::Headers, |value, path| headers::read_headers(&value, path, findings));
        let priority =
            fields.read(Field::Priority, |value, path| Priority::read(&value, path, findings));
        let ([mut in_reply_to, mut references], thread_names) = thread::read(fields, findings);
        let message_id = identity::read_message_id(fields, findings);
        let date = identity::read_date(fields, findings);
        let list_unsubscribe = fields.read(Field::ListUnsubscribe, |value, path| {
            list_unsubscribe::read(value, path, findings)
        });
        let calendar =
            fields.read(Field::Calendar, |value, path| calendar::read(value, path, findings));
        let return_path =
            fields.read(Field::ReturnPath, |value, path| ReturnPath::read(&value, path, findings));
        let notification =
            fields.read(Field::Dsn, |value, path| notification::read(value, path, findings));
        let mut read_receipt_to = fields
            .read(Field::ReadReceiptTo, |value, path| mailboxes::read_list(&value, path, findings));
        let on_partial_failure = fields.read(Field::OnPartialFailure, |value, path| {
            OnPartialFailure::read(&value, path, findings)
        });
        let idempotency_key = identity::read_idempotency_key(fields, findings);
        let dry_run = fields.read(Field::DryRun, |value, path| {
            text::read_switch(&value, path, findings).unwrap_or_default()
        });
        let given = given_headers.fields;
        given.reply_to.set(&mut reply_to, Field::ReplyTo, has_reply_to, findings);
        given.read_receipt_to.set(
            &mut read_receipt_to,
            Field::ReadReceiptTo,
            has_receipt,
            findings,
        );
        given.in_reply_to.set(&mut in_reply_to, Field::InReplyTo, has_in_reply_to, findings);
        given.references.set(&mut references, Field::References, has_references, findings);
        let [answered, references_path] = thread_names.each_ref().map(|name| Path::ROOT.key(name));
        let (in_reply_to, references) =
            thread::thread(in_reply_to, references, [&answered, &references_path], findings);
        let headers = given_headers.custom;
        headers::check_doubles(&headers, list_unsubscribe.is_some(), priority, findings);
        let mut mail = Self {
            from: from?,
            recipients,
            reply_to,
            subject,
            body,
            calendar,
            attachments,
            headers,
            priority,
            in_reply_to,
            references,
            message_id,
            date,
            list_unsubscribe,
            return_path,
            notification,
            read_receipt_to,
            on_partial_failure,
            idempotency_key,
            dry_run,
        };
        let references = lint::check(&mail, &places, profile, findings);
        // Platforms give every file a content id. Mail programs hide an inline file that the HTML does not refer to.
        for attachment in &mut mail.attachments {
            let is_named = attachment
                .content_id
                .as_ref()
                .is_some_and(|id| references.content_ids.contains(id.as_str()));
            attachment.is_shown = is_named && attachment.inline != Some(false);
        }
        Some(mail)
    }
}
