//! Headers that a person adds: which may be added, and what may stand in them.

use super::findings::{Code, Findings};
use super::json::Value;
use super::path::Path;
use super::text::read_scalar;

/// A header of the person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomHeader {
    /// `[A-Za-z0-9-]{1,60}`, and none that the connector writes.
    pub name: String,
    /// Text without line breaks and control characters.
    pub value: String,
}

/// Servers begin to refuse messages with more.
const MAX_HEADERS: usize = 100;
const MAX_NAME: usize = 60;
/// Octets. Servers begin to refuse longer ones.
const MAX_VALUE: usize = 8 * 1024;

/// Headers that the connector writes, or that a server on the way does: a second one would be read by
/// some instead of the first.
const RESERVED: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "return-path",
    "received",
    "received-spf",
    "delivered-to",
    "envelope-to",
    "x-original-to",
    "authentication-results",
    "dkim-signature",
    "domainkey-signature",
    "disposition-notification-to",
];
/// Beginnings of names that are reserved as a whole.
const RESERVED_PREFIXES: &[&str] = &["content-", "resent-", "arc-"];
/// Headers of which a message has one (RFC 2369 section 3.5, RFC 8058).
const SINGLE_PREFIX: &str = "list-";

/// Reads the field `headers`: an object of texts, or of arrays of texts.
pub fn read_headers(
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<CustomHeader> {
    let members = match value {
        Value::Object(members) => members,
        _ if value.is_absent() => return Vec::new(),
        other => {
            let message =
                format!("headers are an object of names and values, not {}", other.kind());
            findings.issue(path, Code::WrongType, message);
            return Vec::new();
        }
    };
    let mut headers = Vec::new();
    for (name, value) in members {
        let place = path.key(name);
        if let Err((code, message)) = check_name(name) {
            findings.issue(&place, code, message);
            continue;
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    read_header(&mut headers, name, item, &place.index(index), findings);
                }
            }
            one => read_header(&mut headers, name, one, &place, findings),
        }
    }
    check_number(&headers, path, findings);
    headers
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
        headers.push(CustomHeader { name: name.to_owned(), value: text.replace('\t', " ") });
    }
}

fn check_name(name: &str) -> Result<(), (Code, String)> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(plain) {
        let message = format!("a header's name is 1 to {MAX_NAME} letters, digits and hyphens");
        return Err((Code::InvalidHeader, message));
    }
    let lower = name.to_ascii_lowercase();
    let reserved = RESERVED.contains(&lower.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if reserved {
        let message = "the connector or a server writes this header; there may be a field for it";
        return Err((Code::ReservedHeader, message.to_owned()));
    }
    Ok(())
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
        let headers = read_headers(&value, &Path::ROOT.key("headers"), &mut findings);
        (headers.into_iter().map(|header| (header.name, header.value)).collect(), findings)
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
            (r#"["X-A: v"]"#, Code::WrongType),
            (r#"{"List-Id": ["a", "b"]}"#, Code::TooMany),
        ] {
            assert_eq!(read(json).1.issues[0].code, code, "{json}");
        }
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
