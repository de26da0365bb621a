//! The JSON parser for inputs. It limits the depth, reports duplicate keys, and borrows strings where possible.
//!
//! serde_json does the parsing. Its `Value` hides duplicate keys and the path of an error. It also copies every string
//! out of the text, which is expensive for a base64 attachment of many megabytes.

mod digits;
mod embedded;
mod reading;

use std::borrow::Cow;

pub use embedded::{embedded, warn_of_json};

use crate::input::findings::{Code, Findings, Path};

/// A JSON value that borrows from the text that it was parsed from.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// Boxed, because a number is twice as large as a string and would make every value as large.
    Number(Box<serde_json::Number>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// The members of an object, in their order in the text.
pub type Object<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// The most elements of an array that are kept. No field of an input needs a longer list. The rest is checked to be
/// JSON but not kept, so that a list of 100,000 objects costs little more than a scan of its text.
pub const MOST_ELEMENTS: usize = 10_000;

impl<'a> Value<'a> {
    /// Parses an input: an object whose arrays have at most 10,000 elements.
    pub fn read_input(text: &'a str, findings: &mut Findings) -> Option<Object<'a>> {
        reading::read(text, MOST_ELEMENTS, findings)?.into_object(findings)
    }

    /// Parses a text that contains one JSON object. If it returns `None`, an issue gives the reason.
    ///
    /// A byte order mark at the start is skipped, as RFC 8259 section 8.1 allows.
    pub fn read_object(text: &'a str, findings: &mut Findings) -> Option<Object<'a>> {
        Self::read(text, findings)?.into_object(findings)
    }

    /// Parses a text that contains one JSON value.
    pub fn read(text: &'a str, findings: &mut Findings) -> Option<Self> {
        reading::read(text, usize::MAX, findings)
    }

    fn into_object(self, findings: &mut Findings) -> Option<Object<'a>> {
        match self {
            Value::Object(members) => Some(members),
            other => {
                let message = format!("expected a JSON object, not {}", other.kind());
                findings.issue(&Path::ROOT, Code::WrongType, message);
                None
            }
        }
    }

    /// Returns the name of the value's type, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// Reports whether the value is empty: missing, `null`, white space, `[]`, `[""]`, `[null]`.
    pub fn is_absent(&self) -> bool {
        match self {
            Value::Null => true,
            Value::String(text) => text.trim_ascii().is_empty(),
            Value::Array(items) => items.iter().all(Value::is_absent),
            _ => false,
        }
    }

    /// Returns the same value with owned strings.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Number(number) => Value::Number(number),
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

/// Returns a number as people write it: `1` for `1.0`, without an exponent.
pub fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_people_do() {
        let text = |number: &str| number_text(&serde_json::from_str(number).unwrap());
        assert_eq!(text("42"), "42");
        assert_eq!(text("1.0"), "1");
        assert_eq!(text("1e3"), "1000");
        assert_eq!(text("-0.5"), "-0.5");
        assert_eq!(text("18446744073709551615"), "18446744073709551615");
    }

    #[test]
    fn knows_what_says_nothing() {
        for (text, absent) in [
            ("null", true),
            ("\" \\n\"", true),
            ("[]", true),
            ("[\"\", null, []]", true),
            ("0", false),
            ("false", false),
            ("{}", false),
        ] {
            let value = Value::read(text, &mut Findings::default()).unwrap();
            assert_eq!(value.is_absent(), absent, "{text}");
        }
    }
}
