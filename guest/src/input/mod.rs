//! From an action's input to a mail that is right: parse, don't validate.
//!
//! Each module turns JSON into one type that can hold nothing wrong, and notes what is wrong where it
//! stands. [`Mail::read`] is the way in; what it returns needs no further checks.

pub mod address;
pub mod address_list;
pub mod attachment;
pub mod base64_text;
pub mod body;
pub mod calendar;
pub mod data_uri;
pub mod date;
pub mod domain;
pub mod encoded_name;
pub mod fields;
pub mod file_name;
pub mod findings;
pub mod header;
mod header_forms;
pub mod header_value;
pub mod json;
pub mod keywords;
pub mod lint;
pub mod list_unsubscribe;
pub mod mailboxes;
pub mod media_type;
pub mod message_id;
pub mod notification;
pub mod path;
pub mod pictures;
pub mod recipients;
pub mod settings;
pub mod text;
pub mod thread;
pub mod unfilled;
pub mod web_address;

pub use findings::{Code, Findings, Issue};

use crate::bindings::connectors::smtp::account::Profile;

use address::{Address, Mailbox};
use attachment::Attachment;
use body::{Body, ContentType};
use calendar::Calendar;
use fields::{Field, Fields};
use header::CustomHeader;
use json::Value;
use keywords::Keywords;
use list_unsubscribe::ListUnsubscribe;
use message_id::MessageId;
use notification::Notification;
use path::Path;
use recipients::Recipients;

/// A mail that somebody asked for: every value checked, nothing looked up yet.
#[derive(Debug)]
pub struct Mail<'a> {
    /// Who it is from.
    pub from: Mailbox,
    /// Who gets it.
    pub recipients: Recipients,
    /// Where answers go; nobody: to the sender.
    pub reply_to: Vec<Mailbox>,
    /// One line.
    pub subject: String,
    /// What it says.
    pub body: Body,
    /// An invitation.
    pub calendar: Option<Calendar>,
    /// Files.
    pub attachments: Vec<Attachment<'a>>,
    /// Headers of the person's own.
    pub headers: Vec<CustomHeader>,
    /// How it is marked in a list of mails.
    pub priority: Priority,
    /// The mails that it answers.
    pub in_reply_to: Vec<MessageId>,
    /// The mails of its thread, those that it answers last.
    pub references: Vec<MessageId>,
    /// Its own id, where the input gives one.
    pub message_id: Option<MessageId>,
    /// Its date in seconds since 1970, where the input gives one.
    pub date: Option<i64>,
    /// The way out of a list.
    pub list_unsubscribe: Option<ListUnsubscribe>,
    /// Where reports of failed delivery go, where not to the sender.
    pub return_path: Option<ReturnPath>,
    /// Reports from the recipients' servers.
    pub notification: Option<Notification>,
    /// Who is told that it was read.
    pub read_receipt_to: Vec<Mailbox>,
    /// What happens when the server refuses some recipients.
    pub on_partial_failure: OnPartialFailure,
    /// The run's id, where the input gives one.
    pub idempotency_key: Option<String>,
    /// Whether it is only assembled.
    pub dry_run: bool,
}

/// Where reports of failed delivery go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnPath {
    /// To this address.
    Address(Address),
    /// Nowhere: the null sender `<>`, for mails that are reports or answers by a program (RFC 5321 section 4.5.5).
    Nowhere,
}

/// How a mail is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Important.
    High,
    /// Not marked.
    #[default]
    Normal,
    /// Unimportant.
    Low,
}

/// What happens when the server refuses some of the recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPartialFailure {
    /// The others get the mail.
    #[default]
    Send,
    /// Nobody does.
    Fail,
}

/// The words of the field `priority`, with what other programs and X-Priority call the same.
const PRIORITIES: &[(&str, Priority)] = &[
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
    ("1", Priority::High),
    ("2", Priority::High),
    ("3", Priority::Normal),
    ("4", Priority::Low),
    ("5", Priority::Low),
    ("1 (highest)", Priority::High),
    ("2 (high)", Priority::High),
    ("3 (normal)", Priority::Normal),
    ("4 (low)", Priority::Low),
    ("5 (lowest)", Priority::Low),
    ("highest", Priority::High),
    ("urgent", Priority::High),
    ("important", Priority::High),
    ("medium", Priority::Normal),
    ("non-urgent", Priority::Low),
    ("lowest", Priority::Low),
];

const ON_PARTIAL_FAILURE: &[(&str, OnPartialFailure)] =
    &[("send", OnPartialFailure::Send), ("fail", OnPartialFailure::Fail)];

/// Longer keys are documents, not keys.
const MAX_IDEMPOTENCY_KEY: usize = 512;

impl<'a> Mail<'a> {
    /// Reads an input and the keywords to it. None: there are issues; they are all there.
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
                    // Known before the body is read, so that keywords in it can be escaped.
                    let is_html = Body::is_html(&fields, content_type);
                    keywords.resolve(&mut fields, is_html, &mut findings);
                }
                // What the placeholders stand for is not known: anything said of them would mislead.
                None if given => return None,
                None => unfilled::check(&mut fields, &mut findings),
            }
            Self::of_fields(&mut fields, profile, &mut findings)
        });
        let mail = mail.filter(|_| findings.is_valid());
        findings.close();
        (mail, findings)
    }

    /// Everything that is wrong with an input, or odd, as far as it can be told without its uploads and URLs.
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
        let from = read_from(fields, profile, findings);
        let recipients = Recipients::read(fields, profile.max_recipients, findings);
        let mut reply_to = read_reply_to(fields, profile, findings);
        let subject = with(fields, Field::Subject, |value, path| {
            let text = text::read_text(&value, ", ", path, findings).unwrap_or_default();
            text::subject(&text, path, findings)
        });
        let mut body = Body::read(fields, findings);
        let attach_data_urls = with(fields, Field::AttachDataUrls, |value, path| {
            text::read_switch(&value, path, findings).unwrap_or_default()
        });
        let attachments = with(fields, Field::Attachments, |value, path| {
            let mut attachments = attachment::read_attachments(value, path, findings);
            if let Some(html) = body.html_mut().filter(|_| attach_data_urls) {
                pictures::attach(html, &mut attachments, &places.html());
            }
            check_attachments(&attachments, profile.max_attachments, path, findings);
            attachments
        });
        let headers = with(fields, Field::Headers, |value, path| {
            header::read_headers(&value, path, findings)
        });
        let priority = with(fields, Field::Priority, |value, path| {
            text::read_choice(&value, PRIORITIES, path, findings).unwrap_or_default()
        });
        let ([mut in_reply_to, mut references], thread_names) = read_thread(fields, findings);
        let message_id = read_message_id(fields, findings);
        let date = read_date(fields, findings);
        let list_unsubscribe = with(fields, Field::ListUnsubscribe, |value, path| {
            list_unsubscribe::read(value, path, findings)
        });
        let calendar =
            with(fields, Field::Calendar, |value, path| calendar::read(value, path, findings));
        let return_path = with(fields, Field::ReturnPath, |value, path| {
            if matches!(&value, Value::String(text) if text.trim_ascii() == "<>") {
                return Some(ReturnPath::Nowhere);
            }
            let mailbox = mailboxes::read_one(&value, path, findings);
            mailbox.map(|mailbox| ReturnPath::Address(mailbox.address))
        });
        let notification =
            with(fields, Field::Dsn, |value, path| notification::read(value, path, findings));
        let mut read_receipt_to = with(fields, Field::ReadReceiptTo, |value, path| {
            mailboxes::read_list(&value, path, findings)
        });
        let on_partial_failure = with(fields, Field::OnPartialFailure, |value, path| {
            text::read_choice(&value, ON_PARTIAL_FAILURE, path, findings).unwrap_or_default()
        });
        let idempotency_key = read_idempotency_key(fields, findings);
        let dry_run = with(fields, Field::DryRun, |value, path| {
            text::read_switch(&value, path, findings).unwrap_or_default()
        });
        let given = headers.fields;
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
        let headers = headers.custom;
        check_doubles(&headers, list_unsubscribe.is_some(), priority, findings);
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
        // Platforms give every file a content id. Readers hide a file that stands beside the HTML and is not named in it.
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

/// Takes a field and reads it, at the path that the input gave it.
fn with<'a, T>(
    fields: &mut Fields<'a>,
    field: Field,
    read: impl FnOnce(Value<'a>, &Path<'_>) -> T,
) -> T {
    let (name, value) = fields.take(field);
    read(value, &Path::ROOT.key(&name))
}

fn read_from(
    fields: &mut Fields<'_>,
    profile: &Profile,
    findings: &mut Findings,
) -> Option<Mailbox> {
    let (name, value) = fields.take(Field::From);
    let path = Path::ROOT.key(&name);
    let shown = with(fields, Field::FromName, |value, path| {
        let text = text::read_text(&value, " ", path, findings)?;
        mailboxes::read_name(&Value::String(text), path, findings)
    });
    let mailbox = if !value.is_absent() {
        mailboxes::read_one(&value, &path, findings)
    } else if let Some(default) = &profile.default_sender {
        address_list::parse_one(default)
            .map_err(|reason| {
                let message = format!("the account's default sender is no address: {reason}");
                findings.issue(&path, Code::InvalidAddress, message);
            })
            .ok()
    } else {
        if !findings.has_issue_in(&path) {
            let message = "there is no sender: give one, or give the account a default sender";
            findings.issue(&path, Code::MissingValue, message);
        }
        None
    };
    mailbox.map(|mailbox| Mailbox { name: mailbox.name.or(shown), ..mailbox })
}

fn read_reply_to(
    fields: &mut Fields<'_>,
    profile: &Profile,
    findings: &mut Findings,
) -> Vec<Mailbox> {
    with(fields, Field::ReplyTo, |value, path| match &profile.default_reply_to {
        Some(default) if value.is_absent() => {
            mailboxes::read_list(&Value::String(default.as_str().into()), path, findings)
        }
        _ => mailboxes::read_list(&value, path, findings),
    })
}

/// The ids of the mails that are answered and of their thread, and where each are given.
fn read_thread(
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) -> ([Vec<MessageId>; 2], [String; 2]) {
    let mut read = |field| {
        let (name, value) = fields.take(field);
        let ids = thread::read_ids(&value, &Path::ROOT.key(&name), findings);
        (ids, name.into_owned())
    };
    let (answered, answered_name) = read(Field::InReplyTo);
    let (references, name) = read(Field::References);
    ([answered, references], [answered_name, name])
}

fn read_message_id(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<MessageId> {
    with(fields, Field::MessageId, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let id = MessageId::parse_strictly(&text);
        if text.ends_with(['\r', '\n']) || text.starts_with(['\r', '\n']) {
            findings.warn(path, Code::Sanitised, "the line break around the id was taken off");
        }
        if id.is_none() {
            let message = "a message id is written <something@example.com>";
            findings.issue(path, Code::InvalidMessageId, message);
        }
        id
    })
}

fn read_date(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<i64> {
    with(fields, Field::Date, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let date = date::parse(&text);
        match date {
            None => {
                let message = "a date is written 2026-01-02T03:04:05Z (RFC 3339)";
                findings.issue(path, Code::InvalidDate, message);
            }
            Some(date) if date.is_assumed_utc => {
                let message =
                    "the date has no zone, and UTC was taken; add Z, or an offset such as +01:00";
                findings.warn(path, Code::Sanitised, message);
            }
            Some(_) => {}
        }
        date.map(|date| date.seconds)
    })
}

fn read_idempotency_key(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<String> {
    with(fields, Field::IdempotencyKey, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let text = text.trim_ascii();
        if text.len() > MAX_IDEMPOTENCY_KEY {
            let message =
                format!("an idempotency key is at most {MAX_IDEMPOTENCY_KEY} octets long");
            findings.issue(path, Code::TooLong, message);
            return None;
        }
        Some(text.to_owned())
    })
}

fn check_attachments(
    attachments: &[Attachment<'_>],
    most: u32,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    let too_many = u32::try_from(attachments.len()).map_or(true, |number| number > most);
    if too_many && !findings.has_cut_list_in(path) {
        let message = format!(
            "{} attachments are given; this account sends at most {most} at once",
            attachments.len()
        );
        findings.issue(path, Code::TooMany, message);
    }
    let mut ids: Vec<_> = attachments.iter().filter_map(|one| one.content_id.as_ref()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if pair[0] == pair[1] {
            let message = format!("two attachments have the content id {:?}", pair[0].as_str());
            findings.issue(path, Code::InvalidContentId, message);
        }
    }
}

/// Headers that a field of its own writes must not be given as headers too.
fn check_doubles(
    headers: &[CustomHeader],
    list_unsubscribe: bool,
    priority: Priority,
    findings: &mut Findings,
) {
    let marked = priority != Priority::Normal;
    for header in headers {
        let field = match header.name.to_ascii_lowercase().as_str() {
            "list-unsubscribe" | "list-unsubscribe-post" if list_unsubscribe => {
                Field::ListUnsubscribe
            }
            "importance" | "priority" | "x-priority" | "x-msmail-priority" if marked => {
                Field::Priority
            }
            _ => continue,
        };
        let message = format!("the field {} writes this header already", field.name());
        findings.issue(&Path::ROOT.key("headers").key(&header.name), Code::ReservedHeader, message);
    }
}
