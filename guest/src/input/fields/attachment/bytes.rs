//! Bytes in the JSON forms of different programs: Node's Buffer, an array of numbers, and others.

use std::borrow::Cow;

use crate::input::json::Value;

/// The bytes in a JSON value.
pub(super) enum Bytes<'a> {
    /// The bytes.
    Plain(Vec<u8>),
    /// The bytes in base64, and their media type if it is given.
    Base64(Cow<'a, str>, Option<Cow<'a, str>>),
}

/// The error for a value that is not a byte.
pub(super) struct NotByte;

/// Reads bytes from `{"type": "Buffer", "data": [104, 105]}` (Node), `[104, 105]`, `{"0": 104, "1": 105}` (a JavaScript
/// array of bytes), `{"$content-type": ..., "$content": ...}` (Power Automate) or `{"$binary": {"base64": ...}}`
/// (MongoDB). Any other value is returned as the error.
pub(super) fn read(value: Value<'_>) -> Result<Result<Bytes<'_>, NotByte>, Value<'_>> {
    match value {
        Value::Array(items) if items.iter().all(|item| matches!(item, Value::Number(_))) => {
            Ok(plain(items.iter()))
        }
        Value::Object(members) if is_buffer(&members) => {
            let data = members.into_iter().find(|(key, _)| key == "data").map(|(_, value)| value);
            match data {
                Some(Value::Array(items)) => Ok(plain(items.iter())),
                Some(Value::String(text)) => Ok(Ok(Bytes::Base64(text, None))),
                _ => Ok(Err(NotByte)),
            }
        }
        Value::Object(members) if is_counted(&members) => {
            Ok(plain(members.iter().map(|(_, value)| value)))
        }
        Value::Object(mut members) => {
            let mut text = |wanted: &str| {
                let found =
                    members.iter_mut().find(|(key, _)| key == wanted).map(|(_, value)| value);
                match found.map(|value| std::mem::replace(value, Value::Null)) {
                    Some(Value::String(text)) => Some(text),
                    Some(Value::Object(inner)) => {
                        inner.into_iter().find_map(|(key, value)| match value {
                            Value::String(text) if key == "base64" => Some(text),
                            _ => None,
                        })
                    }
                    _ => None,
                }
            };
            match text("$content").or_else(|| text("$binary")) {
                Some(base64) => Ok(Ok(Bytes::Base64(base64, text("$content-type")))),
                None => Err(Value::Object(members)),
            }
        }
        other => Err(other),
    }
}

fn is_buffer(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    members.iter().any(|(key, value)| {
        key == "type" && matches!(value, Value::String(text) if text.as_ref() == "Buffer")
    })
}

/// Reports whether the keys are 0, 1, 2 and so on.
fn is_counted(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    let is_index = |(index, (key, _)): (usize, &(Cow<'_, str>, _))| key.parse() == Ok(index);
    !members.is_empty() && members.iter().enumerate().all(is_index)
}

fn plain<'v, 'a: 'v>(items: impl Iterator<Item = &'v Value<'a>>) -> Result<Bytes<'a>, NotByte> {
    let byte = |item: &Value<'_>| match item {
        Value::Number(number) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
        _ => None,
    };
    items.map(byte).collect::<Option<_>>().map(Bytes::Plain).ok_or(NotByte)
}
