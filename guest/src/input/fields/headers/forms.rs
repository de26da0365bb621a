//! The forms in which platforms send headers.

use std::borrow::Cow;

use crate::input::fields::fold;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Object, Value, embedded, warn_of_json};

/// The callback for one header: its name, its value and its path.
type Each<'e> = dyn FnMut(&str, &Value<'_>, &Path<'_>, &mut Findings) + 'e;

/// The keys of the name in an object, folded.
const NAME_KEYS: &[&str] = &["name", "key", "header", "headername", "field"];

/// Calls `each` for every header in an object, a list of names and values, or lines of text.
pub(super) fn each_header(
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
    each: &mut Each<'_>,
) {
    match value {
        _ if value.is_absent() => {}
        Value::Object(members) => each_member(members, path, findings, each),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                each_item(item, &path.index(index), findings, each);
            }
        }
        Value::String(text) => match embedded(text) {
            Some(inner) => {
                warn_of_json(path, findings);
                each_header(&inner, path, findings, each);
            }
            None => each_line(text, path, findings, each),
        },
        other => wrong_type(other, path, findings),
    }
}

fn each_member(
    members: &Object<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
    each: &mut Each<'_>,
) {
    for (name, value) in members {
        each(name, value, &path.key(name), findings);
    }
}

/// Reads `{"name": "X-A", "value": "1"}`, `["X-A", "1"]`, `{"X-A": "1"}` or `"X-A: 1"`.
fn each_item(item: &Value<'_>, path: &Path<'_>, findings: &mut Findings, each: &mut Each<'_>) {
    match item {
        _ if item.is_absent() => {}
        Value::String(text) => each_line(text, path, findings, each),
        Value::Object(members) => {
            let member = |wanted: &[&str]| {
                let found = members.iter().find(|(key, _)| wanted.contains(&fold(key).as_ref()));
                found.map(|(_, value)| value)
            };
            match (member(NAME_KEYS), member(&["value"])) {
                (Some(name), Some(value)) => each_pair(name, value, path, findings, each),
                _ => each_member(members, path, findings, each),
            }
        }
        Value::Array(pair) => match pair.as_slice() {
            [name, value] => each_pair(name, value, path, findings, each),
            _ => wrong_type(item, path, findings),
        },
        other => wrong_type(other, path, findings),
    }
}

fn each_pair(
    name: &Value<'_>,
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
    each: &mut Each<'_>,
) {
    match name {
        Value::String(name) => each(name.trim_ascii(), value, path, findings),
        // An empty row of a form.
        _ if name.is_absent() && value.is_absent() => {}
        other => wrong_type(other, path, findings),
    }
}

/// Reads the lines of a message header, which may be folded (RFC 5322 section 2.2.3).
fn each_line(text: &str, path: &Path<'_>, findings: &mut Findings, each: &mut Each<'_>) {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                let last = last.to_mut();
                last.push(' ');
                last.push_str(line.trim_ascii());
            }
            _ if line.trim_ascii().is_empty() => {}
            _ => lines.push(Cow::Borrowed(line.trim_ascii())),
        }
    }
    for line in lines {
        match line.split_once(':') {
            Some((name, value)) => {
                let value = Value::String(Cow::Borrowed(value.trim_ascii()));
                each(name.trim_ascii(), &value, path, findings);
            }
            None => {
                let message = "not a header; write it as Name: value";
                findings.issue(path, Code::InvalidHeader, message);
            }
        }
    }
}

/// Removes the folds from the value of a structured header. Returns `None` with an issue if it contains a line break or
/// another control character.
pub(super) fn unfolded(
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<Value<'static>> {
    match value {
        Value::String(text) => {
            let text = text.trim_ascii().replace("\r\n", "\n");
            let text = text.replace("\n ", " ").replace("\n\t", " ").replace('\t', " ");
            if let Some(control) = text.chars().find(|c| c.is_control()) {
                let message = format!("{control:?} is not allowed in a header; remove it");
                findings.issue(path, Code::InvalidCharacter, message);
                return None;
            }
            Some(Value::String(text.into()))
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(index, item)| unfolded(item, &path.index(index), findings));
            // All items are checked first, so that all issues are found.
            let items: Vec<_> = items.collect();
            items.into_iter().collect::<Option<_>>().map(Value::Array)
        }
        other => Some(other.clone().into_owned()),
    }
}

fn wrong_type(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) {
    let message = format!(
        "headers must be an object of names and values, a list of {{name, value}}, or lines, not {}",
        value.kind()
    );
    findings.issue(path, Code::WrongType, message);
}
