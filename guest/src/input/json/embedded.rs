//! JSON inside a string of an input. Platforms that bind every value as text send it.

use super::Value;
use crate::input::findings::{Code, Findings, Path};

/// Parses the JSON array or object in a string. Returns `None` if the string does not contain one.
pub fn embedded(text: &str) -> Option<Value<'_>> {
    if !text.trim_ascii_start().starts_with(['[', '{']) {
        return None;
    }
    let mut ignored = Findings::default();
    Value::read(text, &mut ignored).filter(|_| ignored.is_valid())
}

/// Adds a warning that a string was read as JSON.
pub fn warn_of_json(path: &Path<'_>, findings: &mut Findings) {
    let message = "this text contains JSON and was read as JSON; bind the value itself instead";
    findings.warn(path, Code::JsonInString, message);
}
