//! Findings about placeholders in an input without keywords. They are sent as ordinary text, which is rarely intended.
//!
//! A placeholder in an address is an issue. It replaces the issues about the address that the placeholder causes. In
//! other fields, a placeholder is a warning.

use super::fields::mailboxes::NAME_KEYS;
use super::fields::{Field, Fields, fold};
use super::findings::{Code, Findings, Path};
use super::json::Value;
use super::keywords::excerpt;
use super::values::address_list::parse_list;

/// The keys of an attachment, folded, whose values are checked. Its content is not checked, as it may be a template.
const ATTACHMENT_KEYS: &[&str] =
    &["url", "href", "uri", "link", "downloadurl", "path", "filename", "name"];

/// Reports each value with a placeholder. An address with one becomes `null`, so that it causes no further issues.
pub fn check(fields: &mut Fields<'_>, findings: &mut Findings) {
    for (field, name, value) in fields.values_mut() {
        let path = Path::ROOT.key(name);
        match field {
            Field::From
            | Field::To
            | Field::Cc
            | Field::Bcc
            | Field::ReplyTo
            | Field::ReadReceiptTo
            | Field::ReturnPath => check_addresses(value, &path, findings),
            Field::Attachments => check_attachments(value, &path, findings),
            _ => check_texts(value, &path, findings),
        }
    }
}

fn check_addresses(value: &mut Value<'_>, path: &Path<'_>, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            let Some(found) = placeholder(text) else { return };
            let is_name_alone = parse_list(text).all(|element| {
                !element.text.contains("{{")
                    || element
                        .mailbox
                        .is_ok_and(|mailbox| !mailbox.address.to_string().contains("{{"))
            });
            if is_name_alone {
                warn(found, path, findings);
            } else {
                let message = format!(
                    "{:?} is a placeholder, but no keywords are given to fill it in",
                    excerpt(found)
                );
                findings.issue(path, Code::MissingKeyword, message);
                *value = Value::Null;
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                check_addresses(item, &path.index(index), findings);
            }
        }
        Value::Object(members) => {
            let before = findings.issues.len();
            for (key, item) in members {
                match NAME_KEYS.contains(&fold(key).as_ref()) {
                    true => check_texts(item, &path.key(key), findings),
                    false => check_addresses(item, &path.key(key), findings),
                }
            }
            if findings.issues.len() > before {
                *value = Value::Null;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_attachments(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_attachments(item, &path.index(index), findings);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                if ATTACHMENT_KEYS.contains(&fold(key).as_ref()) {
                    check_texts(item, &path.key(key), findings);
                }
            }
        }
        // A data URI holds a file, and a file may be a template.
        Value::String(text) if text.trim_ascii_start().starts_with("data:") => {}
        value => check_texts(value, path, findings),
    }
}

fn check_texts(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            if let Some(found) = placeholder(text) {
                warn(found, path, findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_texts(item, &path.index(index), findings);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                check_texts(item, &path.key(key), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn warn(found: &str, path: &Path<'_>, findings: &mut Findings) {
    let message = format!(
        "{:?} is sent as it is, because no keywords are given to fill it in",
        excerpt(found)
    );
    findings.warn(path, Code::MissingKeyword, message);
}

/// Finds the first placeholder or template tag: `{{order.id}}`, `{% for line in lines %}`.
fn placeholder(text: &str) -> Option<&str> {
    /// The most bytes between the braces. Longer text is not a placeholder and is not searched.
    const LONGEST: usize = 200;
    let mut from = 0;
    while let Some(at) = text[from..].find('{') {
        let start = from + at;
        from = start + 1;
        let end = match text.as_bytes().get(from) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => continue,
        };
        from += 1;
        let inside = &text[from..];
        let inside = &inside[..inside.floor_char_boundary(LONGEST)];
        let Some(length) = inside.find(end) else { continue };
        let inside = &inside[..length];
        // Every expression has a name or a number: `{{=}}` is part of an unusual address, not a placeholder.
        if inside.contains(char::is_alphanumeric) && !inside.contains(['{', '}', '\n']) {
            return Some(&text[start..from + length + end.len()]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::connectors::smtp::account::Profile;
    use crate::input::Mail;

    #[test]
    fn a_placeholder_is_distinguished_from_other_braces() {
        for (text, found) in [
            ("Order {{order}}", Some("{{order}}")),
            ("{{ First Name }}, {{x}}", Some("{{ First Name }}")),
            ("{ {{{a}} {{b[0].c}}", Some("{{b[0].c}}")),
            ("{% for line in lines %}", Some("{% for line in lines %}")),
            ("a{b{c}}d {} {{}} {{ }} {{a\nb}} {{a", None),
            ("?{{=}}?{=i", None),
            ("{{größe}}", Some("{{größe}}")),
            ("", None),
        ] {
            assert_eq!(placeholder(text), found, "{text}");
        }
        let long = format!("{{{{{}}}}}", "ü".repeat(300));
        assert_eq!(placeholder(&long), None);
        // A search that is not linear would take minutes.
        for piece in ["{", "{{", "{{a", "{%"] {
            assert_eq!(placeholder(&piece.repeat(500_000)), None);
        }
    }

    fn read(json: &str, keywords: Option<&str>) -> Findings {
        let profile = Profile {
            name: String::new(),
            default_sender: Some("a@x.test".into()),
            default_reply_to: None,
            domain: None,
            max_message_bytes: 1 << 20,
            max_recipients: 10,
            max_attachments: 10,
        };
        Mail::validate(json, keywords, &profile)
    }

    #[test]
    fn braces_that_go_out_as_text_are_a_warning_where_they_stand() {
        let json = r#"{"to": "{{name}} <b@x.test>", "subject": "Order {{order}}", "Message Body": "{{x}}",
            "headers": {"X-Order": "{{order}}"}, "replyTo": {"name": "{{team}}", "email": "r@x.test"},
            "files": [{"filename": "{{order}}.txt", "text": "a template: {{x}}"}]}"#;
        let found = read(json, None);
        assert!(found.is_valid(), "{found:?}");
        let mut paths: Vec<_> = found
            .warnings
            .iter()
            .filter(|one| one.code == Code::MissingKeyword)
            .map(|one| one.path.as_str())
            .collect();
        paths.sort_unstable();
        let expected = [
            "[\"Message Body\"]",
            "files[0].filename",
            "headers.X-Order",
            "replyTo.name",
            "subject",
            "to",
        ];
        assert_eq!(paths, expected);
        let keywords = r#"{"name": "B", "order": 7, "x": "y", "team": "T"}"#;
        assert_eq!(read(json, Some(keywords)).warnings, []);
    }

    #[test]
    fn in_an_address_they_are_what_is_wrong() {
        for (json, path) in [
            (r#"{"to": "{{customer.email}}"}"#, "to"),
            (r#"{"to": "{{name}} <{{email}}>"}"#, "to"),
            (r#"{"to": ["b@x.test", "{{user}}@x.test"]}"#, "to[1]"),
            (r#"{"to": [{"name": "{{n}}", "email": "{{e}}"}]}"#, "to[0].email"),
            (r#"{"to": "b@x.test, {{others}}"}"#, "to"),
            (r#"{"to": "b@x.test", "from": "{{sender}}"}"#, "from"),
        ] {
            let found = read(json, None);
            let issues: Vec<_> =
                found.issues.iter().map(|one| (one.path.as_str(), one.code)).collect();
            assert_eq!(issues, [(path, Code::MissingKeyword)], "{json}: {found:?}");
            assert!(found.issues[0].message.contains("placeholder"), "{found:?}");
        }
    }
}
