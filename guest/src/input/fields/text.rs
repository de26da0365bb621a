//! Text values, and the rules for a subject and a body.

use std::borrow::Cow;

use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Value, number_text};

/// Reads text: a string, a number, a boolean, or an array of those, joined by `joiner`.
///
/// `null` and an empty array are not text. An object is an issue, as it would become `[object Object]`.
pub fn read_text<'v>(
    value: &'v Value<'_>,
    joiner: &str,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Cow<'v, str>> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let mut parts = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                parts.extend(read_scalar(item, &path.index(index), findings));
            }
            (!parts.is_empty()).then(|| Cow::Owned(parts.join(joiner)))
        }
        _ => read_scalar(value, path, findings),
    }
}

/// Reads a string, a number or a boolean as text. Returns `None` for `null`.
pub fn read_scalar<'v>(
    value: &'v Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Cow<'v, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text.as_ref())),
        Value::Number(number) => Some(Cow::Owned(number_text(number))),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Array(_) | Value::Object(_) => {
            let message = format!("expected text, not {}", value.kind());
            findings.issue(path, Code::WrongType, message);
            None
        }
    }
}

/// Reads a switch: a boolean, or `true` or `false` as text, which forms send.
pub fn read_switch(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<bool> {
    match value {
        _ if value.is_absent() => None,
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.trim_ascii().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim_ascii().eq_ignore_ascii_case("false") => Some(false),
        _ => {
            findings.issue(path, Code::WrongType, "expected true or false");
            None
        }
    }
}

/// Reads one of the words in `choices`. Case does not matter. If several words mean the same choice, messages show the
/// first.
pub fn read_choice<T: Copy + PartialEq>(
    value: &Value<'_>,
    choices: &[(&str, T)],
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<T> {
    if value.is_absent() {
        return None;
    }
    let text = read_scalar(value, path, findings)?;
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim_ascii()));
    if found.is_none() {
        let first = |choice: &T| choices.iter().find(|(_, other)| other == choice);
        let names: Vec<_> = choices
            .iter()
            .filter(|(name, choice)| first(choice).is_some_and(|(first, _)| first == name))
            .map(|(name, _)| *name)
            .collect();
        let message = format!("expected one of {}", names.join(", "));
        findings.issue(path, Code::UnknownValue, message);
    }
    found.map(|(_, choice)| *choice)
}

/// Puts a subject on one line. Line breaks and tabs become one space, and other control characters are removed.
pub fn subject(text: &str, path: &Path<'_>, findings: &mut Findings) -> String {
    let mut line = String::with_capacity(text.len());
    let mut in_break = false;
    for c in text.chars() {
        match c {
            '\r' | '\n' | '\t' | '\u{2028}' | '\u{2029}' => {
                if !in_break {
                    line.push(' ');
                }
                in_break = true;
            }
            _ if c.is_control() => {}
            _ => {
                line.push(c);
                in_break = false;
            }
        }
    }
    if line != text {
        let message = "line breaks and control characters were removed from the subject";
        findings.warn(path, Code::Sanitised, message);
    }
    let length = line.chars().count();
    if length > MAX_SUBJECT {
        let message = format!(
            "the subject has {length} characters, and the limit is {MAX_SUBJECT}; check that it is \
             not the body"
        );
        findings.issue(path, Code::TooLong, message);
    } else if length > LONG_SUBJECT {
        let message =
            format!("the subject has {length} characters; mail programs may show only its start");
        findings.warn(path, Code::TooLong, message);
    }
    line
}

/// The longest subject in characters, as a header line has at most 998 octets (RFC 5322 section 2.1.1). Some servers
/// refuse longer subjects.
const MAX_SUBJECT: usize = 998;
/// The most characters of a subject that Outlook and Exchange keep.
const LONG_SUBJECT: usize = 255;

/// Checks a body. A NUL is an issue, because mail programs do not show the text after it.
pub fn body(text: Cow<'_, str>, path: &Path<'_>, findings: &mut Findings) -> String {
    if text.contains('\0') {
        let message = "a body cannot contain a NUL character; remove it";
        findings.issue(path, Code::InvalidCharacter, message);
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<String>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        let text = read_text(&value, ", ", &Path::ROOT.key("subject"), &mut findings);
        let text = text.map(Cow::into_owned);
        (text, findings)
    }

    #[test]
    fn numbers_booleans_and_arrays_are_text() {
        assert_eq!(read("42").0.as_deref(), Some("42"));
        assert_eq!(read("[\"a\", 1, true, null, 1.5]").0.as_deref(), Some("a, 1, true, 1.5"));
        assert_eq!(read("null").0, None);
        assert_eq!(read("[]").0, None);
        assert_eq!(read("\"\"").0.as_deref(), Some(""));
    }

    #[test]
    fn objects_are_an_issue_where_they_stand() {
        assert_eq!(read("{\"a\": 1}").1.issues[0].path, "subject");
        assert_eq!(read("[\"a\", {}]").1.issues[0].path, "subject[1]");
        assert_eq!(read("[\"a\", [\"b\"]]").1.issues[0].path, "subject[1]");
    }

    #[test]
    fn a_subject_is_one_line_without_control_characters() {
        let path = Path::ROOT.key("subject");
        for (text, line) in [
            ("x\r\nBcc: evil@evil.test", "x Bcc: evil@evil.test"),
            ("x\r\n\tBcc: e\r\n\t\n", "x Bcc: e "),
            ("a\0b\u{7}c\u{1b}[31md\u{7f}", "abc[31md"),
            ("a\u{85}b\u{2028}c", "ab c"),
        ] {
            let mut findings = Findings::default();
            assert_eq!(subject(text, &path, &mut findings), line);
            assert_eq!(findings.warnings.len(), 1, "{text:?}");
        }
        let mut findings = Findings::default();
        assert_eq!(subject("Grüße  ", &path, &mut findings), "Grüße  ");
        assert!(findings.warnings.is_empty());
    }

    #[test]
    fn a_long_subject_is_worth_a_warning_and_a_longer_one_is_an_issue() {
        let path = Path::ROOT.key("subject");
        let check = |text: String| {
            let mut findings = Findings::default();
            subject(&text, &path, &mut findings);
            (findings.warnings.len(), findings.issues.first().map(|issue| issue.code))
        };
        assert_eq!(check("ü".repeat(255)), (0, None));
        assert_eq!(check("ü".repeat(256)), (1, None));
        assert_eq!(check("ü".repeat(998)), (1, None));
        assert_eq!(check("ü".repeat(999)), (0, Some(Code::TooLong)));
    }

    #[test]
    fn switches_and_choices_take_their_words_alone() {
        let mut findings = Findings::default();
        let path = Path::ROOT.key("dryRun");
        let text = |text: &'static str| Value::String(text.into());
        assert_eq!(read_switch(&Value::Bool(true), &path, &mut findings), Some(true));
        assert_eq!(read_switch(&text(" False "), &path, &mut findings), Some(false));
        assert_eq!(read_switch(&text(""), &path, &mut findings), None);
        assert!(findings.is_valid());
        assert_eq!(read_switch(&text("perhaps"), &path, &mut findings), None);
        assert_eq!(read_choice(&text("urgent"), &[("high", 1)], &path, &mut findings), None);
        assert_eq!(read_choice(&text("High"), &[("high", 1)], &path, &mut findings), Some(1));
        assert_eq!(findings.issues.len(), 2);
    }
}
