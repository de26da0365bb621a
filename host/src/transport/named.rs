//! Whom an input names as a recipient: what the host knows of that without the component.
//!
//! The component reads the input's addresses strictly; the host only has to keep it from sending to others.
//! So it looks for addresses in the text of the fields `to`, `cc` and `bcc`, whatever their shape, and
//! follows a keyword to its value. It runs no template: that is what the sandbox is for.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::accounts::a_labels;

/// The recipients that an input names.
#[derive(Debug, Default)]
pub(crate) struct NamedRecipients {
    addresses: BTreeSet<(String, String)>,
    /// Words of the input and its keywords, where a recipient is computed from them.
    words: Option<BTreeSet<String>>,
}

/// Names of the fields that hold recipients, folded: `to`, `cc`, `bcc`, and what others call them.
const FIELDS: &[&str] = &[
    "to",
    "receiver",
    "receivers",
    "recipient",
    "recipients",
    "toemail",
    "toaddress",
    "sendto",
    "cc",
    "ccemail",
    "ccaddress",
    "bcc",
    "bccemail",
    "bccaddress",
];
/// Keys of an address in an object, folded.
const ADDRESS_KEYS: &[&str] = &["email", "address", "mail", "value", "emailaddress"];
/// Deeper than any value that a component takes.
const MAX_DEPTH: usize = 16;

impl NamedRecipients {
    /// Finds them. What is no JSON names nobody.
    pub(crate) fn of(input: &str, keywords: Option<&str>) -> Self {
        let mut named = Self::default();
        let Some(fields) = recipient_fields(input) else { return named };
        let mut templated = false;
        for field in &fields {
            each_text(field, MAX_DEPTH, &mut |text| templated |= text.contains("{{"));
        }
        // Keywords may be many, and most recipients are written out.
        let keywords = keywords.filter(|_| templated);
        let keywords = keywords.and_then(|text| serde_json::from_str(bare(text)).ok());
        for field in &fields {
            named.read(field, keywords.as_ref(), MAX_DEPTH);
        }
        if let (Some(words), Some(keywords)) = (&mut named.words, &keywords) {
            each_text(keywords, MAX_DEPTH, &mut |text| add_words(text, words));
            for field in &fields {
                each_text(field, MAX_DEPTH, &mut |text| add_words(text, words));
            }
        }
        named
    }

    /// Whether an address of an envelope is one of them.
    ///
    /// Domains are the same in any case, and as A-labels; local parts are the same as they are written.
    /// Where a recipient is computed, by anything more than a name, every word of the address must be one
    /// of the input's or its keywords'.
    pub(crate) fn contain(&self, address: &str) -> bool {
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        let Some(domain) = a_labels(domain) else { return false };
        if self.addresses.contains(&(local.to_owned(), domain.clone())) {
            return true;
        }
        self.words.as_ref().is_some_and(|known| {
            let mut own = BTreeSet::new();
            add_words(local, &mut own);
            add_words(&domain, &mut own);
            !own.is_empty() && own.is_subset(known)
        })
    }

    fn read(&mut self, value: &Value, keywords: Option<&Value>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::String(text) => self.read_text(text, keywords, depth),
            Value::Array(items) => items.iter().for_each(|one| self.read(one, keywords, depth)),
            Value::Object(members) => {
                let addresses =
                    members.iter().filter(|(key, _)| ADDRESS_KEYS.contains(&fold(key).as_str()));
                addresses.for_each(|(_, value)| self.read(value, keywords, depth));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn read_text(&mut self, text: &str, keywords: Option<&Value>, depth: usize) {
        if let Some(keywords) = keywords
            && text.contains("{{")
        {
            return self.read_template(text, keywords, depth);
        }
        // A text that holds JSON is read as what it holds.
        if text.trim_start().starts_with(['[', '{'])
            && let Ok(inner) = serde_json::from_str::<Value>(text)
        {
            return self.read(&inner, None, depth);
        }
        self.addresses.extend(addresses_in(text));
    }

    fn read_template(&mut self, text: &str, keywords: &Value, depth: usize) {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((expression, after)) = after.split_once("}}") else { break };
            let Some(value) = look_up(keywords, expression.trim()) else {
                self.words.get_or_insert_default();
                return;
            };
            filled.push_str(before);
            match value {
                Value::String(text) => filled.push_str(text),
                Value::Array(_) | Value::Object(_) => self.read(value, None, depth),
                Value::Number(number) => filled.push_str(&number.to_string()),
                Value::Null | Value::Bool(_) => {}
            }
            rest = after;
        }
        filled.push_str(rest);
        self.read_text(&filled, None, depth);
    }
}

/// The values of an input's recipient fields; the others are not even kept, since one may be a file.
fn recipient_fields(input: &str) -> Option<Vec<Value>> {
    struct Fields;
    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some(key) = members.next_key::<String>()? {
                if FIELDS.contains(&fold(&key).as_str()) {
                    found.push(members.next_value()?);
                } else {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(bare(input)).deserialize_map(Fields).ok()
}

/// A JSON text without the byte order mark before it.
fn bare(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A name without case, `_`, `-` and blanks.
fn fold(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '\t'));
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// What a keyword such as `a.b[0].c` stands for. None: it is more than a name, or stands for nothing.
fn look_up<'k>(keywords: &'k Value, expression: &str) -> Option<&'k Value> {
    let mut value = keywords;
    for step in expression.split('.') {
        let (name, indices) = step.split_at(step.find('[').unwrap_or(step.len()));
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        value = value.get(name)?;
        for index in indices.split_terminator(']') {
            let index = index.strip_prefix('[')?;
            value = match index.parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.get(index.trim_matches(['"', '\'']))?,
            };
        }
        if !indices.is_empty() && !indices.ends_with(']') {
            return None;
        }
    }
    Some(value)
}

/// Every address in a text, wherever it stands.
fn addresses_in(text: &str) -> impl Iterator<Item = (String, String)> {
    let between = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\",;:\\".contains(c);
    text.split(between).filter_map(|word| {
        let (local, domain) = word.rsplit_once('@')?;
        Some((local.to_owned(), a_labels(domain)?))
    })
}

fn each_text(value: &Value, depth: usize, use_text: &mut impl FnMut(&str)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) => use_text(text),
        Value::Number(number) => use_text(&number.to_string()),
        Value::Array(items) => items.iter().for_each(|one| each_text(one, depth, use_text)),
        Value::Object(members) => {
            members.values().for_each(|one| each_text(one, depth, use_text));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Words are what stands between anything that is no letter and no digit; their case does not matter.
fn add_words(text: &str, words: &mut BTreeSet<String>) {
    let split = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.extend(split.map(str::to_lowercase));
    // A domain beyond ASCII is another word on the wire.
    words.extend(
        addresses_in(text).flat_map(|(_, domain)| {
            domain.split(['.', '-']).map(str::to_owned).collect::<Vec<_>>()
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYWORDS: &str = r#"{
        "customer": {"email": "cem@x.test", "first": "Ann", "last": "Lee", "boss": "boss@x.test"},
        "team": [{"email": "a@y.test", "manager": "m@y.test"}, "b@y.test"], "domain": "z.test", "nobody": null
    }"#;

    fn named(input: &str) -> NamedRecipients {
        NamedRecipients::of(input, None)
    }

    #[track_caller]
    fn assert_named(found: &NamedRecipients, these: &[&str], not: &[&str]) {
        for address in these {
            assert!(found.contain(address), "{address} in {found:?}");
        }
        for address in not {
            assert!(!found.contain(address), "{address} in {found:?}");
        }
    }

    #[test]
    fn addresses_are_found_in_every_shape() {
        for input in [
            r#"{"to": "a@x.test, Bob <b@x.test>; \"C\" <c@x.test>"}"#,
            r#"{"to": ["a@x.test", ["b@x.test"]], "Bcc": {"email": "c@x.test", "name": "C"}}"#,
            r#"{"Receiver": {"emailAddress": {"address": "a@x.test"}}, "cc_email": ["b@x.test,c@x.test"]}"#,
            r#"{"to": "[\"a@x.test\", {\"email\": \"b\u0040x.test\"}]", "BCC": "G: c@x.test;"}"#,
            "\u{feff}{\"to\": \"a@x.test\\nb@x.test\\tc@x.test\"}",
        ] {
            assert_named(&named(input), &["a@x.test", "b@x.test", "c@x.test"], &["d@x.test"]);
        }
    }

    #[test]
    fn only_whole_addresses_of_recipient_fields_count() {
        let found = named(
            r#"{"to": {"email": "bob@x.test", "manager": "m@x.test"}, "from": "f@x.test",
                "body": "write to t@x.test", "attachments": [{"text": "u@x.test"}]}"#,
        );
        let not = [
            "m@x.test",
            "f@x.test",
            "t@x.test",
            "u@x.test",
            "ob@x.test",
            "bob@x.tes",
            "b@x.test",
            "bob@x.test.evil.test",
            "bob@evil.test",
            "Bob@x.test",
            "",
            "@",
            "bob",
        ];
        assert_named(&found, &["bob@x.test"], &not);
        assert_named(&named("not JSON"), &[], &["bob@x.test"]);
        assert_named(&named("[]"), &[], &["bob@x.test"]);
    }

    #[test]
    fn a_domain_is_the_same_in_any_case_and_as_a_labels() {
        let found = named(r#"{"to": "bob@B\u00dccher.Example, jörg@X.test"}"#);
        assert_named(
            &found,
            &["bob@xn--bcher-kva.example", "bob@XN--bcher-kva.EXAMPLE", "jörg@x.test"],
            &["bob@bcher.example", "jorg@x.test"],
        );
    }

    #[test]
    fn a_keyword_is_followed_to_its_value_and_no_other() {
        let with = |to: &str| {
            NamedRecipients::of(&serde_json::json!({ "to": to }).to_string(), Some(KEYWORDS))
        };
        assert_named(&with("{{customer.email}}"), &["cem@x.test"], &["boss@x.test", "a@y.test"]);
        assert_named(&with("{{ team }}"), &["a@y.test", "b@y.test"], &["m@y.test", "cem@x.test"]);
        assert_named(
            &with("{{team[0].email}}, c@x.test"),
            &["a@y.test", "c@x.test"],
            &["b@y.test"],
        );
        let joined = with("{{customer.first}}.{{customer['last']}}@{{domain}}{{nobody}}");
        assert_named(&joined, &["Ann.Lee@z.test"], &["cem@x.test", "Ann@z.test"]);
        assert_named(&with("{{missing}}@x.test"), &[], &["evil@evil.test"]);
        // Without keywords, braces are ordinary text.
        let plain = named(r#"{"to": "{{a}}@x.test"}"#);
        assert_named(&plain, &["{{a}}@x.test"], &["cem@x.test"]);
    }

    #[test]
    fn a_recipient_that_is_computed_is_made_of_known_words() {
        let with = |to: &str| {
            NamedRecipients::of(&serde_json::json!({ "to": to }).to_string(), Some(KEYWORDS))
        };
        assert_named(
            &with("{{customer.first | lower}}.{{customer.last | lower}}@{{domain}}"),
            &["ann.lee@z.test"],
            &["ann.lee@evil.test", "eve@z.test"],
        );
        assert_named(&with("{{ 'sales@' ~ domain }}"), &["sales@z.test"], &["eve@z.test"]);
    }
}
