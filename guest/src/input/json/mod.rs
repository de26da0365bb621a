//! JSON as an input has it: bounded in depth, each key once, strings borrowed where they can be.
//!
//! serde_json does the reading. What is added here is what its own `Value` loses: a key that stands
//! twice, the place where the text goes wrong, and a base64 attachment of many megabytes that need not
//! be copied out of the text.

mod digits;
mod embedded;
mod reading;

use std::borrow::Cow;

pub use embedded::{embedded, warn_of_json};

use crate::input::findings::{Code, Findings, Path};

/// A JSON value that borrows from the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// In a box: a number takes twice what a text takes here, and every value would be as large.
    Number(Box<serde_json::Number>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// The members of an object, in the order of the text.
pub type Object<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// No field of an input has a use for a longer list. What follows in an array is held to be JSON, and not kept, so that
/// a list of a hundred thousand objects costs little more than looking at its text.
pub const MOST_ELEMENTS: usize = 10_000;

impl<'a> Value<'a> {
    /// Reads an input: an object, with arrays of 10,000 elements at most.
    pub fn read_input(text: &'a str, findings: &mut Findings) -> Option<Object<'a>> {
        reading::read(text, MOST_ELEMENTS, findings)?.into_object(findings)
    }

    /// Reads a text that holds one JSON object. None: an issue says why not.
    ///
    /// A byte order mark before the text is skipped (RFC 8259 section 8.1 allows readers to).
    pub fn read_object(text: &'a str, findings: &mut Findings) -> Option<Object<'a>> {
        Self::read(text, findings)?.into_object(findings)
    }

    /// Reads a text that holds one JSON value.
    pub fn read(text: &'a str, findings: &mut Findings) -> Option<Self> {
        reading::read(text, usize::MAX, findings)
    }

    fn into_object(self, findings: &mut Findings) -> Option<Object<'a>> {
        match self {
            Value::Object(members) => Some(members),
            other => {
                let message = format!("a JSON object is needed here, not {}", other.kind());
                findings.issue(&Path::ROOT, Code::WrongType, message);
                None
            }
        }
    }

    /// What a person calls a value like this.
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

    /// Whether the value says nothing: missing, `null`, blanks, `[]`, `[""]`, `[null]`.
    pub fn is_absent(&self) -> bool {
        match self {
            Value::Null => true,
            Value::String(text) => text.trim_ascii().is_empty(),
            Value::Array(items) => items.iter().all(Value::is_absent),
            _ => false,
        }
    }

    /// The same value, borrowing nothing.
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

/// A number as a person would write it: `1` for `1.0`, no exponent.
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
