//! JSON in a text of an input: platforms that bind everything as text send it.

use super::Value;
use crate::input::findings::{Code, Findings, Path};

/// The JSON array or object that a text holds: platforms that bind everything as text send these.
pub fn embedded(text: &str) -> Option<Value<'_>> {
    if !text.trim_ascii_start().starts_with(['[', '{']) {
        return None;
    }
    let mut ignored = Findings::default();
    Value::read(text, &mut ignored).filter(|_| ignored.is_valid())
}

/// Notes that a text was read as the JSON in it.
pub fn warn_of_json(path: &Path<'_>, findings: &mut Findings) {
    let message = "this text holds JSON and was read as such; bind the value itself";
    findings.warn(path, Code::JsonInString, message);
}
