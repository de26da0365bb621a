//! Conversions between JSON and the engine's values.

use std::borrow::Cow;

use minijinja::value::{Value as Keyword, ValueKind};

use super::string;
use crate::input::json::{Object, Value};

/// Converts an object to the engine's map.
pub(super) fn keyword_map(members: Object<'_>) -> Keyword {
    Keyword::from_pairs(members.into_iter().map(|(key, value)| (key.into_owned(), keyword(value))))
}

/// 2^53. Every whole number up to this limit is exact as a floating-point number.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

fn keyword(value: Value<'_>) -> Keyword {
    match value {
        Value::Null => Keyword::from(()),
        Value::Bool(value) => Keyword::from(value),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(unsigned), ..) => Keyword::from(unsigned),
            (None, Some(signed), _) => Keyword::from(signed),
            (None, None, float) => match float.unwrap_or_default() {
                // `4.0` is a whole number, which people write as 4.
                float if float.fract() == 0.0 && float.abs() <= MAX_EXACT => {
                    Keyword::from(float as i64)
                }
                float => Keyword::from(float),
            },
        },
        Value::String(text) => Keyword::from(text.into_owned()),
        Value::Array(items) => Keyword::from(items.into_iter().map(keyword).collect::<Vec<_>>()),
        Value::Object(members) => keyword_map(members),
    }
}

/// Returns a keyword's value as text. `null` becomes an empty text.
pub(super) fn written(value: &Keyword) -> String {
    match value.kind() {
        ValueKind::None => String::new(),
        // `true` and `false` as in JSON, not `True` and `False` as in Python.
        ValueKind::Bool => value.is_true().to_string(),
        _ => value.to_string(),
    }
}

/// Converts a keyword's value to JSON.
pub(super) fn json_value(value: &Keyword) -> Value<'static> {
    let items = |value: &Keyword| value.try_iter().into_iter().flatten().collect::<Vec<_>>();
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match serde_json::from_str(&value.to_string()) {
            Ok(number) => Value::Number(Box::new(number)),
            Err(_) => string(value.to_string()),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            Value::Array(items(value).iter().map(json_value).collect())
        }
        ValueKind::Map => Value::Object(
            items(value)
                .into_iter()
                .map(|key| {
                    let inner = value.get_item(&key).unwrap_or_default();
                    (Cow::Owned(key.to_string()), json_value(&inner))
                })
                .collect(),
        ),
        _ => string(value.to_string()),
    }
}

/// Returns the member of an object.
pub(super) fn member(value: &Keyword, name: &str) -> Option<Keyword> {
    let found = (value.kind() == ValueKind::Map).then(|| value.get_attr(name).ok())??;
    (!found.is_undefined()).then_some(found)
}

/// Returns the element at `0` in an array, or the member `"a b"` of an object.
pub(super) fn element(value: &Keyword, index: &str) -> Option<Keyword> {
    let unquoted = |quote: char| index.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(name) = unquoted('"').or_else(|| unquoted('\'')) {
        return member(value, name);
    }
    let found = value.get_item_by_index(index.parse().ok()?).ok()?;
    (!found.is_undefined()).then_some(found)
}
