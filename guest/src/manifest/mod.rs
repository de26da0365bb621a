//! The manifest. A platform uses it to show the forms and to check an input before a call.
//!
//! The schemas are in the JSON files beside this one. This module adds patterns for the accepted spellings of names.
//! They are generated from the table of fields, so that they always match the names that the parser accepts.

use crate::input::Code;
use crate::input::fields::Field;
use crate::input::fields::{attachment, calendar, list_unsubscribe, notification};

/// The name of the only action.
pub const ACTION: &str = "send-mail";

const ACCOUNT: &str = include_str!("account.schema.json");
const INPUT: &str = include_str!("input.schema.json");
const OUTPUT: &str = include_str!("output.schema.json");
const FORMS: &str = include_str!("forms.json");
const EXAMPLES: &str = include_str!("examples.json");

/// Returns the manifest as JSON.
pub fn json() -> String {
    format!(
        r#"{{"name":"smtp-connector","title":"SMTP","version":"{version}","description":"Sends mail over any SMTP server.","forms":{FORMS},"account":{{"title":"Connected account","schema":{ACCOUNT}}},"actions":[{{"name":"{ACTION}","title":"Send mail","description":"Sends one mail to any number of recipients.","input":{input},"output":{output},"examples":{EXAMPLES},"codes":{codes}}}]}}"#,
        version = env!("CARGO_PKG_VERSION"),
        input = input_schema(),
        output = output_schema(),
        codes = codes(),
    )
}

/// Returns the input's schema with all accepted names of the fields, and of the keys of fields that are objects.
fn input_schema() -> String {
    let schema = INPUT.trim_end().strip_suffix('}').expect("the schema is an object");
    let mut schema = schema.to_owned();
    for object in OBJECTS {
        let keys = (object.keys)();
        let names = names(keys.iter().map(|names| {
            (pattern(names), format!("#/$defs/{}/properties/{}", object.name, names[0]))
        }));
        let ignored = match object.ignored {
            [] => String::new(),
            ignored => format!("{}:true,", json_text(&pattern(ignored))),
        };
        let mut names = names.replacen('{', &format!("{{{ignored}"), 1);
        if object.is_open {
            // Unknown keys are at most a warning.
            names =
                names.replace(r#""additionalProperties":false"#, r#""additionalProperties":true"#);
        }
        schema = schema.replace(&format!(r#""$names": "{}""#, object.name), &names);
    }
    let fields = names(Field::ALL.iter().map(|field| {
        let names: Vec<_> = field.names().collect();
        (pattern(&names), format!("#/properties/{}", field.name()))
    }));
    format!("{schema},{fields}}}")
}

/// An object whose keys have several accepted spellings.
struct Object {
    /// Its name in the schema's `$defs`, where `$names` marks the place for its keys.
    name: &'static str,
    keys: fn() -> Vec<Vec<&'static str>>,
    ignored: &'static [&'static str],
    /// Whether unknown keys are a warning instead of an issue.
    is_open: bool,
}

const OBJECTS: &[Object] = &[
    Object {
        name: "listUnsubscribe",
        keys: || alone(list_unsubscribe::KEYS),
        ignored: &[],
        is_open: false,
    },
    Object { name: "calendar", keys: || alone(calendar::KEYS), ignored: &[], is_open: false },
    Object {
        name: "dsn",
        keys: || with_aliases(notification::KEYS, notification::ALIASES),
        ignored: &[],
        is_open: false,
    },
    Object {
        name: "attachmentObject",
        keys: || attachment::key::names().map(<[_]>::to_vec).collect(),
        ignored: attachment::key::IGNORED,
        is_open: true,
    },
];

/// Returns each key with its only name.
fn alone(keys: &[&'static str]) -> Vec<Vec<&'static str>> {
    keys.iter().map(|key| vec![*key]).collect()
}

/// Returns each key with its name and its aliases.
fn with_aliases(
    keys: &[&'static str],
    aliases: &[(&'static str, &'static str)],
) -> Vec<Vec<&'static str>> {
    let names = |key: &&'static str| {
        let others = aliases.iter().filter(|(_, meant)| meant == key).map(|(alias, _)| *alias);
        std::iter::once(*key).chain(others).collect()
    };
    keys.iter().map(names).collect()
}

/// Returns the part of a schema that lists the names an object may have: patterns, each with a reference.
fn names(patterns: impl Iterator<Item = (String, String)>) -> String {
    let patterns: Vec<_> = patterns
        .map(|(pattern, reference)| {
            format!(r#"{}:{{"$ref":{}}}"#, json_text(&pattern), json_text(&reference))
        })
        .collect();
    format!(r#""patternProperties":{{{}}},"additionalProperties":false"#, patterns.join(","))
}

/// Returns a regular expression for every spelling of names with the same meaning.
fn pattern(names: &[impl AsRef<str>]) -> String {
    const IGNORED: &str = "[_\\- \\t]*";
    let spelled = |name: &str| {
        let letters = name.chars().map(|c| match c {
            _ if c.is_ascii_alphabetic() => {
                format!("[{}{}]{IGNORED}", c.to_ascii_lowercase(), c.to_ascii_uppercase())
            }
            '$' => format!("\\${IGNORED}"),
            _ => format!("{c}{IGNORED}"),
        });
        letters.collect::<String>()
    };
    let alternatives: Vec<_> = names.iter().map(|name| spelled(name.as_ref())).collect();
    format!("^{IGNORED}(?:{})$", alternatives.join("|"))
}

/// Returns the result's schema with all codes of warnings.
fn output_schema() -> String {
    let schema = OUTPUT.trim_end().strip_suffix('}').expect("the schema is an object");
    let code = |(code, meaning): &(Code, &str)| {
        format!(r#"{{"const":{},"description":{}}}"#, json_text(code.as_str()), json_text(meaning))
    };
    let codes: Vec<_> = Code::ALL.iter().map(code).collect();
    format!(r#"{schema},"$defs":{{"code":{{"oneOf":[{}]}}}}}}"#, codes.join(","))
}

/// Returns the codes of issues and warnings with their meanings, as JSON.
fn codes() -> String {
    let pairs: Vec<_> = Code::ALL
        .iter()
        .map(|(code, meaning)| format!("{}:{}", json_text(code.as_str()), json_text(meaning)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::fields::fold;
    use serde_json::Value;

    fn manifest() -> Value {
        serde_json::from_str(&json()).expect("the manifest is JSON")
    }

    #[test]
    fn the_schema_has_every_field_under_its_title() {
        let manifest = manifest();
        let properties = manifest["actions"][0]["input"]["properties"].as_object().unwrap();
        assert_eq!(properties.len(), Field::ALL.len());
        for field in Field::ALL {
            assert_eq!(properties[field.name()]["title"], field.title(), "{}", field.name());
        }
    }

    #[test]
    fn every_title_in_the_manifest_is_a_name_of_its_field() {
        let manifest = manifest();
        let input = &manifest["actions"][0]["input"];
        let patterns = input["patternProperties"].as_object().unwrap();
        for (name, property) in input["properties"].as_object().unwrap() {
            let title = property["title"].as_str().unwrap();
            assert_eq!(Field::from_name(title).map(Field::name), Some(name.as_str()), "{title}");
            let spelled = pattern(&[fold(title)]);
            let inside = spelled.trim_start_matches("^[_\\- \\t]*(?:").trim_end_matches(")$");
            let target = serde_json::json!({ "$ref": format!("#/properties/{name}") });
            let is_there =
                patterns.iter().any(|(pattern, to)| *to == target && pattern.contains(inside));
            assert!(is_there, "{title}");
        }
    }

    #[test]
    fn the_forms_have_every_field_once() {
        let manifest = manifest();
        let fields = |form: &str| {
            let list = manifest["forms"][form].as_array().unwrap();
            let mut names: Vec<_> =
                list.iter().map(|entry| entry["field"].as_str().unwrap().to_owned()).collect();
            names.sort_unstable();
            names
        };
        let mut known: Vec<_> = Field::ALL.iter().map(|field| field.name().to_owned()).collect();
        known.sort_unstable();
        assert_eq!(fields("send-mail"), known);
        let account = manifest["account"]["schema"]["properties"].as_object().unwrap();
        assert_eq!(fields("account"), account.keys().cloned().collect::<Vec<_>>());
    }

    #[test]
    fn the_examples_are_valid() {
        use crate::bindings::connectors::smtp::account::Profile;
        let profile = Profile {
            name: "work".into(),
            default_sender: Some("alice@example.com".into()),
            default_reply_to: None,
            domain: None,
            max_message_bytes: 1 << 20,
            max_recipients: 10,
            max_attachments: 10,
        };
        let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
        for example in examples.as_array().unwrap() {
            let keywords = example.get("keywords").map(Value::to_string);
            let input = example["input"].to_string();
            let (mail, findings) = crate::input::Mail::read(&input, keywords.as_deref(), &profile);
            assert!(mail.is_some(), "{}: {:?}", example["title"], findings.issues);
            assert!(findings.warnings.is_empty(), "{:?}", findings.warnings);
        }
    }
}
