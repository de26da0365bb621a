//! Headers that a person adds: which may be added, and what may stand in them.

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

/// A header of the person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomHeader {
    /// `[A-Za-z0-9._-]{1,60}`, and not the name of a header that the connector writes.
    pub name: String,
    /// Without line breaks and control characters.
    pub value: HeaderValue,
}

/// Servers begin to refuse messages with more.
const MAX_HEADERS: usize = 100;
const MAX_NAME: usize = 60;
/// Octets. Servers begin to refuse longer ones.
const MAX_VALUE: usize = 8 * 1024;

/// Headers that the connector writes, or that a server on the way does: a second one would be read by
/// some instead of the first. With the field that sets each, where there is one.
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
/// Beginnings of names that are reserved as a whole.
const RESERVED_PREFIXES: &[&str] = &["content-", "resent-", "arc-"];
/// Headers of which a message has one (RFC 2369 section 3.5, RFC 8058).
const SINGLE_PREFIX: &str = "list-";

/// What the field `headers` holds.
#[derive(Debug, Default)]
pub struct Headers {
    /// The headers of the person's own.
    pub custom: Vec<CustomHeader>,
    /// Fields that are given as headers, as other mailers want them.
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

/// The values of one field that is given as a header, and where.
#[derive(Debug)]
pub struct Given<T>(Option<(String, Vec<T>)>);

impl<T> Default for Given<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Given<T> {
    /// Keeps what a header says. A second header of the same name is an issue.
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

    /// Sets a field, with a warning; `is_given`: it has a value of its own, and two are an issue.
    pub fn set(self, slot: &mut Vec<T>, field: Field, is_given: bool, findings: &mut Findings) {
        let Some((path, values)) = self.0 else { return };
        if is_given {
            let message = format!("the field {} is given too; keep one of them", field.name());
            findings.issues.push(crate::input::findings::Issue {
                path,
                code: Code::DuplicateField,
                message,
            });
            return;
        }
        let message = format!("this header sets the field {}; give it there", field.name());
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
                        format!("the connector writes this header: use the field {}", field.name())
                    }
                    None => "the connector, or a server on the way, writes this header".to_owned(),
                };
                return findings.issue(place, Code::ReservedHeader, message);
            }
            None => {}
        }
        if !is_name(name) {
            let message = format!(
                "a header's name is 1 to {MAX_NAME} letters, digits, hyphens, dots and underscores"
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

/// Headers that a field of its own writes must not be given as headers too.
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
        let message = format!("the field {} writes this header already", field.name());
        findings.issue(&Path::ROOT.key("headers").key(&header.name), Code::ReservedHeader, message);
    }
}

impl HeaderFields {
    /// Reads a header that is a field's. False: the field is not set by a header.
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
            format!("a header may be {MAX_VALUE} octets long, this one has {}", text.len());
        findings.issue(path, Code::TooLong, message);
    } else if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        let message = format!("{control:?} cannot stand in a header; take it out");
        findings.issue(path, Code::InvalidCharacter, message);
    } else {
        let value = HeaderValue::read(name, &text.replace('\t', " "), path, findings);
        headers.extend(value.map(|value| CustomHeader { name: name.to_owned(), value }));
    }
}

/// Ways out of a list that are given apart stand in one header (RFC 2369 section 3).
fn merge_lists(headers: &mut Vec<CustomHeader>) {
    headers.dedup_by(|next, first| {
        let is_list = holds_urls(&first.name) && first.name.eq_ignore_ascii_case(&next.name);
        if is_list {
            first.value.append(&mut next.value);
        }
        is_list
    });
}

/// Whether the connector, or a server on the way, writes a header, and the field that sets it.
///
/// Some programs take `_` for a hyphen, so a name is reserved with either.
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
        let message = format!("{} headers are given, {MAX_HEADERS} may be", headers.len());
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
            let message = "a message has one such header (RFC 2369)";
            findings.issue(&path.key(&pair[0]), Code::TooMany, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Vec<(String, String)>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        let headers = read_headers(&value, &Path::ROOT.key("headers"), &mut findings).custom;
        let text = |value| match value {
            HeaderValue::Text(text) | HeaderValue::Verbatim(text) => text,
            HeaderValue::List(elements) => format!("{elements:?}"),
        };
        (headers.into_iter().map(|header| (header.name, text(header.value))).collect(), findings)
    }

    #[test]
    fn values_are_texts_or_arrays_of_texts() {
        let (found, findings) = read(r#"{"X-A": "1", "X-B": ["2", 3, null, true], "X-C": null}"#);
        assert!(findings.is_valid());
        let pairs: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["X-A=1", "X-B=2", "X-B=3", "X-B=true"]);
        for nothing in ["null", "{}", "\"\"", "[]"] {
            assert_eq!(read(nothing).0, [], "{nothing}");
        }
    }

    #[test]
    fn names_of_our_own_headers_are_reserved_in_any_case() {
        for name in [
            "Bcc",
            "bcc",
            "To",
            "Message-ID",
            "message-id",
            "Return-Path",
            "Resent-To",
            "Content-Type",
            "DKIM-Signature",
            "ARC-Seal",
            "MIME-Version",
            "Received",
        ] {
            let (_, findings) = read(&format!("{{{name:?}: \"x\"}}"));
            assert_eq!(findings.issues[0].code, Code::ReservedHeader, "{name}");
            assert_eq!(findings.issues[0].path, format!("headers.{name}"));
        }
        assert!(
            read(r#"{"List-Unsubscribe": "<https://x.test/u>", "X-Mailer": "x"}"#).1.is_valid()
        );
    }

    #[test]
    fn nothing_gets_out_of_a_header() {
        for (json, code) in [
            (r#"{"X-A: 1\r\nBcc: e@evil.test\r\nX-B": "v"}"#, Code::InvalidHeader),
            (r#"{"": "v"}"#, Code::InvalidHeader),
            (r#"{"X A": "v"}"#, Code::InvalidHeader),
            (r#"{"X-A": "v\r\nBcc: e@evil.test"}"#, Code::InvalidCharacter),
            (r#"{"X-A": ["v", "v\u0000"]}"#, Code::InvalidCharacter),
            (r#"{"X-A": {"b": 1}}"#, Code::WrongType),
            (r#"["X-A v"]"#, Code::InvalidHeader),
            (r#"[7]"#, Code::WrongType),
            (r#"[{"name": {}, "value": "v"}]"#, Code::WrongType),
            (r#"[{"name": "X-A", "value": "v\r\nBcc: e@evil.test"}]"#, Code::InvalidCharacter),
            (r#""X-A: v\r\nBcc: e@evil.test""#, Code::ReservedHeader),
            (r#"{"In-Reply-To": "<i@x.test>\r\nBcc: <e@evil.test>"}"#, Code::InvalidCharacter),
            (r#"{"Reply-To": ["a@x.test\nb@x.test"]}"#, Code::InvalidCharacter),
            (r#"{"Reply_To\r\n": "a@x.test"}"#, Code::InvalidHeader),
            (r#"{"List-Id": ["a", "b"]}"#, Code::TooMany),
        ] {
            assert_eq!(read(json).1.issues[0].code, code, "{json}");
        }
    }

    #[test]
    fn headers_come_as_a_list_or_as_lines() {
        for json in [
            r#"[{"name": "X-A", "value": "1"}, {"Key": "x_b.c", "Value": ["2", 3]}, null]"#,
            r#"[["X-A", 1], ["x_b.c", ["2", "3"]]]"#,
            r#"[{"X-A": "1"}, {"x_b.c": ["2", "3"]}]"#,
            r#"["X-A: 1", "x_b.c: 2\nx_b.c : 3"]"#,
            r#""X-A: 1\r\nx_b.c: 2\r\n\r\nx_b.c:\r\n\t3\r\n""#,
            r#""[{\"name\": \"X-A\", \"value\": 1}, {\"name\": \"x_b.c\", \"value\": [2, 3]}]""#,
        ] {
            let (found, findings) = read(json);
            assert!(findings.is_valid(), "{json}: {findings:?}");
            let pairs: Vec<_> =
                found.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(pairs, ["X-A=1", "x_b.c=2", "x_b.c=3"], "{json}");
        }
    }

    #[test]
    fn a_reserved_header_says_which_field_to_use() {
        for (name, field) in [
            ("To", "field to"),
            ("Message-ID", "field messageId"),
            ("Return_Path", "field returnPath"),
            ("Content-Type", "field contentType"),
        ] {
            let (_, findings) = read(&format!("{{{name:?}: \"x\"}}"));
            assert!(findings.issues[0].message.ends_with(field), "{findings:?}");
        }
    }

    #[test]
    fn headers_that_are_fields_are_read_as_those() {
        let mut findings = Findings::default();
        let json = r#"{"reply-to": "A <a@x.test>, b@x.test", "References": "<a@x.test>\r\n <b@x.test>",
                       "In-Reply-To": ["<c@x.test>"], "Disposition-Notification-To": "d@x.test", "X-A": "1"}"#;
        let value = Value::read(json, &mut findings).unwrap();
        let headers = read_headers(&value, &Path::ROOT.key("headers"), &mut findings);
        assert!(findings.is_valid(), "{findings:?}");
        assert_eq!(headers.custom.len(), 1);
        let mut reply_to = Vec::new();
        headers.fields.reply_to.set(&mut reply_to, Field::ReplyTo, false, &mut findings);
        assert_eq!(reply_to.len(), 2);
        assert_eq!(findings.warnings[0].path, "headers.reply-to");
        let mut references = Vec::new();
        headers.fields.references.set(&mut references, Field::References, false, &mut findings);
        assert_eq!(references.len(), 2);
        headers.fields.in_reply_to.set(&mut Vec::new(), Field::InReplyTo, true, &mut findings);
        assert_eq!(findings.issues[0].code, Code::DuplicateField);
        assert_eq!(
            read(r#"{"Reply-To": "a@x.test", "reply_to": "b@x.test"}"#).1.issues[0].code,
            Code::DuplicateField
        );
    }

    #[test]
    fn ways_out_of_a_list_stand_in_one_header() {
        let (found, findings) = read(
            r#"{"List-Unsubscribe": ["<mailto:u@x.test>", "<https://x.test/u>"], "List-Id": ""}"#,
        );
        assert!(findings.is_valid(), "{findings:?}");
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("mailto:u@x.test") && found[0].1.contains("https://x.test/u"));
    }

    #[test]
    fn headers_are_bounded_in_length_and_number() {
        let long = format!("{{\"X-A\": {:?}}}", "a".repeat(MAX_VALUE + 1));
        assert_eq!(read(&long).1.issues[0].code, Code::TooLong);
        let many: Vec<_> = (0..=MAX_HEADERS).map(|n| format!("\"X-{n}\": 1")).collect();
        assert_eq!(read(&format!("{{{}}}", many.join(","))).1.issues[0].code, Code::TooMany);
        assert!(read(&format!("{{{}}}", many[1..].join(","))).1.is_valid());
    }
}
