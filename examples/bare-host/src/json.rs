//! Converts values of the contract to JSON.

use serde_json::{Map, Value, json};
use wasmtime::component::Val;

/// Parses JSON text that the component returned.
pub(crate) fn parse(text: &str) -> wasmtime::Result<Value> {
    Ok(serde_json::from_str(text)?)
}

/// Converts a value to JSON: `message-id` becomes `messageId`, and absent values are left out.
pub(crate) fn from_val(value: Val) -> Value {
    match value {
        Val::Bool(value) => json!(value),
        Val::U16(value) => json!(value),
        Val::String(text) | Val::Enum(text) => json!(text),
        Val::List(values) => values.into_iter().map(from_val).collect(),
        Val::Option(Some(value)) => from_val(*value),
        Val::Variant(case, value) => json!({ case: value.map(|value| from_val(*value)) }),
        Val::Record(fields) => {
            let named =
                fields.into_iter().map(|(name, value)| (camel_case(&name), from_val(value)));
            Value::Object(named.filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>())
        }
        // The exports return no other types.
        _ => Value::Null,
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..])
}
