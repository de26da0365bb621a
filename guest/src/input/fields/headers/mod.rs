//! Custom headers: the names and values that are allowed.

mod forms;
pub mod value;

use self::forms::{each_header, unfolded};
use self::value::{HeaderValue, holds_urls};
use crate::input::fields::Field;
use crate::input::fields::mailboxes::read_list;
use crate::input::fields::priority::Priority;
use crate::input::fields::text::read_scalar;
use crate::input::fields::thread::read_ids;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;
use crate::input::values::address::Mailbox;
use crate::input::values::message_id::MessageId;

/// A custom header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomHeader {
    /// The name: `[A-Za-z0-9._-]{1,60}`, but not the name of a header that the connector writes.
    pub name: String,
    /// The value, without line breaks and control characters.
    pub value: HeaderValue,
}

/// The most custom headers. Some servers refuse messages with more.
const MAX_HEADERS: usize = 100;
const MAX_NAME: usize = 60;
/// The longest value in bytes. Some servers refuse longer ones.
const MAX_VALUE: usize = 8 * 1024;

/// Headers that the connector or a mail server writes, each with the field that sets it, if any.
///
/// A user cannot add a second one, because some programs would read it instead of the first.
const RESERVED: &[(&str, Option<Field>)] = &[
    ("from", Some(Field::From)),
    ("sender", Some(Field::From)),
    ("reply-to", Some(Field::ReplyTo)),
    ("to", Some(Field::To)),
    ("cc", Some(Field::Cc)),
    ("bcc", Some(Field::Bcc)),
    ("subject", Some(Field::Subject)),
    ("date", Some(Field::Date)),
    ("message-id", Some(Field::MessageId)),
    ("in-reply-to", Some(Field::InReplyTo)),
    ("references", Some(Field::References)),
    ("content-type", Some(Field::ContentType)),
    ("mime-version", None),
    ("return-path", Some(Field::ReturnPath)),
    ("received", None),
    ("received-spf", None),
    ("delivered-to", None),
    ("envelope-to", None),
    ("x-original-to", None),
    ("authentication-results", None),
    ("dkim-signature", None),
    ("domainkey-signature", None),
    ("disposition-notification-to", Some(Field::ReadReceiptTo)),
];
/// The prefixes of reserved names.
const RESERVED_PREFIXES: &[&str] = &["content-", "resent-", "arc-"];
/// The prefix of headers that a message has only once (RFC 2369 section 3.5, RFC 8058).
const SINGLE_PREFIX: &str = "list-";

/// The content of the field `headers`.
#[derive(Debug, Default)]
pub struct Headers {
    /// The custom headers.
    pub custom: Vec<CustomHeader>,
    /// The fields that are given as headers, as in other mailers.
    pub fields: HeaderFields,
}

/// The values of fields that `headers` may set.
#[derive(Debug, Default)]
pub struct HeaderFields {
    pub reply_to: Given<Mailbox>,
    pub read_receipt_to: Given<Mailbox>,
    pub in_reply_to: Given<MessageId>,
    pub references: Given<MessageId>,
}

/// The values of one field that is given as a header, with the header's path.
#[derive(Debug)]
pub struct Given<T>(Option<(String, Vec<T>)>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Given<T> {
    /// Keeps the values of a header. A second header with the same name is an issue.
    fn put(&mut self, path: &Path<'_>, values: Vec<T>, findings: &mut Findings) {
        if values.is_empty() {
            return;
        }
        if self.0.is_some() {
            let message = "this header is given twice; keep one of them";
            findings.issue(path, Code::DuplicateField, message);
        }
        self.0 = Some((path.to_string(), values));
    }

    /// Sets a field, with a warning. If `is_given`, the field already has a value, which is an issue.
    pub fn set(self, slot: &mut Vec<T>, field: Field, is_given: bool, findings: &mut Findings) {
        let Some((path, values)) = self.0 else { return };
        if is_given {
            let message = format!("the field {} is also given; keep one of them", field.name());
            findings.issues.push(crate::input::findings::Issue {
                path,
                code: Code::DuplicateField,
                message,
            });
            return;
        }
        let message = format!("this header sets the field {}; use the field instead", field.name());
        findings.warn(&path, Code::ReservedHeader, message);
        *slot = values;
    }
}

/// Reads the field `headers`: an object of texts, or of arrays of texts; a list of names and values; or lines.
pub fn read_headers(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Headers {
    let mut headers = Headers::default();
    each_header(value, path, findings, &mut |name, value, place, findings| {
        match reserved(name) {
            Some(Some(field)) if headers.fields.take(field, value, place, findings) => return,
            Some(field) => {
                let message = match field {
                    Some(field) => {
                        format!("the connector writes this header; use the field {}", field.name())
                    }
                    None => {
                        "the connector or a mail server writes this header; remove it".to_owned()
                    }
                };
                return findings.issue(place, Code::ReservedHeader, message);
            }
            None => {}
        }
        if !is_name(name) {
            let message = format!(
                "a header name has 1 to {MAX_NAME} letters, digits, hyphens, dots and underscores"
            );
            return findings.issue(place, Code::InvalidHeader, message);
        }
        let custom = &mut headers.custom;
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    read_header(custom, name, item, &place.index(index), findings);
                }
            }
            one => read_header(custom, name, one, place, findings),
        }
    });
    if headers.custom.len() <= MAX_HEADERS {
        merge_lists(&mut headers.custom);
    }
    check_number(&headers.custom, path, findings);
    headers
}

/// Adds issues for headers that a given field also writes.
pub fn check_doubles(
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
        let message =
            format!("the field {} already writes this header; keep one of them", field.name());
        findings.issue(&Path::ROOT.key("headers").key(&header.name), Code::ReservedHeader, message);
    }
}

impl HeaderFields {
    /// Reads a header that belongs to a field. Returns false if a header cannot set the field.
    fn take(
        &mut self,
        field: Field,
        value: &Value<'_>,
        path: &Path<'_>,
        findings: &mut Findings,
    ) -> bool {
        if !matches!(
            field,
            Field::ReplyTo | Field::ReadReceiptTo | Field::InReplyTo | Field::References
        ) {
            return false;
        }
        let Some(value) = unfolded(value, path, findings) else { return true };
        match field {
            Field::ReplyTo => self.reply_to.put(path, read_list(&value, path, findings), findings),
            Field::ReadReceiptTo => {
                self.read_receipt_to.put(path, read_list(&value, path, findings), findings);
            }
            Field::InReplyTo => {
                let ids = read_ids(&value, path, findings);
                self.in_reply_to.put(path, ids, findings);
            }
            _ => {
                let ids = read_ids(&value, path, findings);
                self.references.put(path, ids, findings);
            }
        }
        true
    }
}

fn read_header(
    headers: &mut Vec<CustomHeader>,
    name: &str,
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
) {
    let Some(text) = read_scalar(value, path, findings) else { return };
    let text = text.trim_matches([' ', '\t']);
    if text.len() > MAX_VALUE {
        let message =
            format!("the header has {} bytes, and the limit is {MAX_VALUE} bytes", text.len());
        findings.issue(path, Code::TooLong, message);
    } else if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        let message = format!("{control:?} is not allowed in a header; remove it");
        findings.issue(path, Code::InvalidCharacter, message);
    } else {
        let value = HeaderValue::read(name, &text.replace('\t', " "), path, findings);
        headers.extend(value.map(|value| CustomHeader { name: name.to_owned(), value }));
    }
}

/// Merges headers with the same name whose values are lists of URLs (RFC 2369 section 3).
fn merge_lists(headers: &mut Vec<CustomHeader>) {
    headers.dedup_by(|next, first| {
        let is_list = holds_urls(&first.name) && first.name.eq_ignore_ascii_case(&next.name);
        if is_list {
            first.value.append(&mut next.value);
        }
        is_list
    });
}

/// Returns `Some` if the connector or a mail server writes a header, with the field that sets it, if any.
///
/// Some programs read `_` as a hyphen, so a name is reserved with either.
fn reserved(name: &str) -> Option<Option<Field>> {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let found = RESERVED.iter().find(|(name, _)| *name == lower).map(|(_, field)| *field);
    let is_prefixed = || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    found.or_else(|| is_prefixed().then_some(None))
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
}

fn check_number(headers: &[CustomHeader], path: &Path<'_>, findings: &mut Findings) {
    if headers.len() > MAX_HEADERS {
        let message =
            format!("there are {} headers, and the limit is {MAX_HEADERS}", headers.len());
        findings.issue(path, Code::TooMany, message);
    }
    let mut single: Vec<String> = headers
        .iter()
        .map(|header| header.name.to_ascii_lowercase())
        .filter(|name| name.starts_with(SINGLE_PREFIX))
        .collect();
    single.sort_unstable();
    for pair in single.windows(2) {
        if pair[0] == pair[1] {
            let message = "a message can have this header only once (RFC 2369)";
            findings.issue(&path.key(&pair[0]), Code::TooMany, message);
        }
    }
}

#[cfg(test)]
mod tests;
