//! Addresses in all forms that platforms send: text, an array of texts, an array of objects.

use super::{fold, nearest};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{MOST_ELEMENTS, Object, Value, embedded, warn_of_json};
use crate::input::values::address::{Address, DisplayName, InvalidAddress, Mailbox};
use crate::input::values::address_list::{parse_list, parse_one};

/// The keys of the address in an object, folded, the most likely first.
pub const ADDRESS_KEYS: &[&str] = &["email", "address", "mail", "value", GRAPH_KEY];
/// The keys of the name in an object, folded.
pub(in crate::input) const NAME_KEYS: &[&str] = &["name", "displayname", "label", "fullname"];
/// The key of an object with both in Microsoft Graph, and of the address in other programs.
const GRAPH_KEY: &str = "emailaddress";

/// Other keys of database rows, which are ignored without a warning.
const IGNORED_KEYS: &[&str] = &["id", "createdat", "updatedat"];

/// Reads a field that takes any number of addresses.
pub fn read_list(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Vec<Mailbox> {
    let mut list = List { mailboxes: Vec::new(), elements: 0, unknown: Vec::new() };
    list.read(value, path, Nesting::Outside, findings);
    if list.is_full() {
        let message = format!("there are more than {MOST_ELEMENTS} addresses");
        findings.issue(path, Code::TooMany, message);
    }
    list.mailboxes
}

/// Reads a field that takes one address. Returns `None` if it is empty or there is an issue.
pub fn read_one(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Mailbox> {
    match value {
        _ if value.is_absent() => None,
        Value::String(text) => match embedded(text) {
            Some(inner) => {
                warn_of_json(path, findings);
                read_one(&inner, path, findings)
            }
            None => match parse_one(text) {
                Ok(mailbox) => Some(mailbox),
                Err(reason) => {
                    findings.issue(path, Code::InvalidAddress, explain(text, reason));
                    None
                }
            },
        },
        Value::Array(items) => match items.as_slice() {
            [one] => read_one(one, &path.index(0), findings),
            _ => {
                findings.issue(path, Code::TooMany, InvalidAddress::Several.to_string());
                None
            }
        },
        Value::Object(members) => read_object(members, path, &mut Vec::new(), findings),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            wrong_type(value, path, findings);
            None
        }
    }
}

/// The number of arrays around an element. An array inside an array is flattened, because database rows have this form.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Outside,
    InArray,
    InNestedArray,
}

/// The list that has been read so far.
struct List {
    mailboxes: Vec<Mailbox>,
    /// The number of addresses so far, valid and invalid.
    elements: usize,
    /// The unknown keys that already have a warning.
    unknown: Vec<String>,
}

impl List {
    /// Reports whether the list is longer than an array may be, in one text or in nested arrays. The rest is not read.
    fn is_full(&self) -> bool {
        self.elements > MOST_ELEMENTS
    }

    fn read(
        &mut self,
        value: &Value<'_>,
        path: &Path<'_>,
        nesting: Nesting,
        findings: &mut Findings,
    ) {
        match value {
            Value::Null => {}
            Value::String(text) => match embedded(text) {
                Some(inner) => {
                    warn_of_json(path, findings);
                    self.read(&inner, path, nesting, findings);
                }
                None => self.read_text(text, path, findings),
            },
            Value::Array(items) => {
                let inside = match nesting {
                    Nesting::Outside => Nesting::InArray,
                    Nesting::InArray => Nesting::InNestedArray,
                    Nesting::InNestedArray => {
                        let message = "addresses can be nested at most two arrays deep";
                        findings.issue(path, Code::TooDeep, message);
                        return;
                    }
                };
                for (index, item) in items.iter().enumerate() {
                    if self.is_full() {
                        return;
                    }
                    self.read(item, &path.index(index), inside, findings);
                }
            }
            Value::Object(members) => {
                self.elements += 1;
                self.mailboxes.extend(read_object(members, path, &mut self.unknown, findings));
            }
            Value::Bool(_) | Value::Number(_) => {
                self.elements += 1;
                wrong_type(value, path, findings);
            }
        }
    }

    fn read_text(&mut self, text: &str, path: &Path<'_>, findings: &mut Findings) {
        for element in parse_list(text) {
            self.elements += 1;
            if self.is_full() {
                return;
            }
            match element.mailbox {
                Ok(mailbox) => self.mailboxes.push(mailbox),
                Err(reason) => {
                    findings.issue(path, Code::InvalidAddress, explain(element.text, reason));
                }
            }
        }
    }
}

/// Reads `{"email": "jo@example.com", "name": "Jo"}`, which may have other keys.
fn read_object(
    members: &Object<'_>,
    path: &Path<'_>,
    unknown: &mut Vec<String>,
    findings: &mut Findings,
) -> Option<Mailbox> {
    if let Some((key, Value::Object(inner))) = member(members, GRAPH_KEY) {
        return read_object(inner, &path.key(key), unknown, findings);
    }
    warn_of_unknown(members, path, unknown, findings);
    let found = ADDRESS_KEYS.iter().find_map(|key| member(members, key));
    let Some((key, value)) = found else {
        let message = "this object has no address; give it as \"email\"";
        findings.issue(path, Code::MissingValue, message);
        return None;
    };
    let place = path.key(key);
    let Value::String(text) = value else {
        match value {
            Value::Null => findings.issue(&place, Code::MissingValue, "the address is missing"),
            _ => wrong_type(value, &place, findings),
        }
        return None;
    };
    let address = match Address::parse(trimmed(text, &place, findings)) {
        Ok(address) => Some(address),
        Err(reason) => {
            findings.issue(&place, Code::InvalidAddress, explain(text, reason));
            None
        }
    };
    let name = NAME_KEYS.iter().find_map(|key| member(members, key));
    let name = name.and_then(|(key, value)| read_name(value, &path.key(key), findings));
    Some(Mailbox { name, address: address? })
}

/// Warns about unknown keys, such as a CRM's `phone`. Each key gets one warning in a list, and only the first few do.
fn warn_of_unknown(
    members: &Object<'_>,
    path: &Path<'_>,
    warned: &mut Vec<String>,
    findings: &mut Findings,
) {
    /// The most warnings in a list. Database rows can have dozens of keys.
    const MOST: usize = 10;
    let known = || ADDRESS_KEYS.iter().chain(NAME_KEYS).map(|&key| (key, key));
    for (key, _) in members {
        if warned.len() == MOST {
            return;
        }
        let folded = fold(key);
        let is_known =
            known().any(|(known, _)| known == folded) || IGNORED_KEYS.contains(&folded.as_ref());
        if is_known || warned.iter().any(|one| *one == folded) {
            continue;
        }
        let offer = match nearest(&folded, known()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "the keys of an address are email and name".to_owned(),
        };
        findings.warn(&path.key(key), Code::UnknownField, format!("this key is ignored; {offer}"));
        warned.push(folded.into_owned());
    }
}

/// Reads the display name of an address. A number is accepted as a name.
pub fn read_name(
    value: &Value<'_>,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<DisplayName> {
    match value {
        Value::Null => None,
        Value::String(text) => {
            DisplayName::parse(trimmed(text, path, findings)).unwrap_or_else(|reason| {
                findings.issue(path, Code::InvalidCharacter, format!("not a valid name: {reason}"));
                None
            })
        }
        Value::Number(number) => {
            DisplayName::parse(&crate::input::json::number_text(number)).ok()?
        }
        other => {
            let message = format!("a name must be text, not {}", other.kind());
            findings.issue(path, Code::WrongType, message);
            None
        }
    }
}

/// Removes white space at the ends of a text, which database columns and lines of files leave there.
fn trimmed<'t>(text: &'t str, path: &Path<'_>, findings: &mut Findings) -> &'t str {
    let inside = text.trim_ascii();
    if inside.len() < text.len() && !inside.is_empty() {
        let message = "spaces and line breaks at the start or end were removed";
        findings.warn(path, Code::Sanitised, message);
    }
    inside
}

fn member<'m, 'a>(members: &'m Object<'a>, folded: &str) -> Option<(&'m str, &'m Value<'a>)> {
    let found = members.iter().find(|(key, _)| fold(key) == folded);
    found.map(|(key, value)| (key.as_ref(), value))
}

fn wrong_type(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) {
    let message = format!(
        "an address must be text, or an object with \"email\" and optionally \"name\", not {}",
        value.kind()
    );
    findings.issue(path, Code::WrongType, message);
}

fn explain(text: &str, reason: InvalidAddress) -> String {
    /// The most characters of a text that are shown.
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?} is not a valid address: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> (Vec<String>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(text, &mut findings).unwrap();
        let mailboxes = read_list(&value, &Path::ROOT.key("to"), &mut findings);
        let texts = mailboxes.into_iter().map(|mailbox| {
            let name = mailbox.name.map_or(String::new(), |name| format!("{} ", name.as_str()));
            format!("{name}{}", mailbox.address)
        });
        (texts.collect(), findings)
    }

    #[test]
    fn every_shape_in_one_array() {
        let (found, findings) = list(
            r#"["a@x.test", {"email": "b@x.test", "name": "Bea"}, {"address": "c@x.test"},
                ["d@x.test", {"emailAddress": {"address": "e@x.test", "name": "E"}}], null, "",
                {"mail": "f@x.test", "displayName": "Eff"}, {"Value": "g@x.test", "label": "Gee"},
                {"id": 7, "created": "2026-01-01", "EMAIL": "h@x.test"}]"#,
        );
        assert!(findings.is_valid(), "{findings:?}");
        assert_eq!(
            found,
            [
                "a@x.test",
                "Bea b@x.test",
                "c@x.test",
                "d@x.test",
                "E e@x.test",
                "Eff f@x.test",
                "Gee g@x.test",
                "h@x.test"
            ]
        );
    }

    #[test]
    fn blanks_and_line_breaks_at_the_ends_go_with_a_warning() {
        let (found, findings) = list(r#"{"name": " Bob Brown\n", "email": "b@x.test\r\n"}"#);
        assert_eq!(found, ["Bob Brown b@x.test"]);
        let places: Vec<_> =
            findings.warnings.iter().map(|warning| (warning.path.as_str(), warning.code)).collect();
        assert_eq!(places, [("to.email", Code::Sanitised), ("to.name", Code::Sanitised)]);
        assert!(findings.is_valid());
    }

    #[test]
    fn extra_keys_of_a_crms_person_are_one_warning() {
        let (found, findings) = list(
            r#"[{"emailAddress": "a@x.test", "phone": "555", "nmae": "A"}, {"email": "b@x.test", "phone": "556"}]"#,
        );
        assert_eq!(found, ["a@x.test", "b@x.test"]);
        assert!(findings.is_valid());
        let places: Vec<_> =
            findings.warnings.iter().map(|warning| (warning.path.as_str(), warning.code)).collect();
        assert_eq!(
            places,
            [("to[0].phone", Code::UnknownField), ("to[0].nmae", Code::UnknownField)]
        );
        assert!(findings.warnings[1].message.contains("did you mean \"name\""), "{findings:?}");
    }

    #[test]
    fn an_empty_value_names_no_mailbox() {
        for text in ["null", "\"\"", "\"  \"", "[]", "[\"\"]", "[null]", "[[]]"] {
            let (found, findings) = list(text);
            assert!(found.is_empty() && findings.is_valid(), "{text}");
        }
    }

    #[test]
    fn json_in_a_string_is_read_with_a_warning() {
        let (found, findings) = list(r#""[\"a@x.test\", {\"email\": \"b@x.test\"}]""#);
        assert_eq!(found, ["a@x.test", "b@x.test"]);
        assert_eq!(findings.warnings[0].code, Code::JsonInString);
    }

    #[test]
    fn an_issue_stands_where_the_value_stands() {
        for (text, path, code) in [
            ("42", "to", Code::WrongType),
            ("[\"a@x.test\", true]", "to[1]", Code::WrongType),
            ("[[\"a@x.test\", \"b\"]]", "to[0][1]", Code::InvalidAddress),
            ("[[[\"a@x.test\"]]]", "to[0][0]", Code::TooDeep),
            ("{\"name\": \"Bob\"}", "to", Code::MissingValue),
            ("[{\"Email\": null}]", "to[0].Email", Code::MissingValue),
            ("[{\"email\": 5}]", "to[0].email", Code::WrongType),
            ("[{\"email\": \"\"}]", "to[0].email", Code::InvalidAddress),
            ("{\"email\": \"a@x.test;b@x.test\"}", "to.email", Code::InvalidAddress),
            ("{\"email\": \"a@x\\n.test\"}", "to.email", Code::InvalidAddress),
            (
                "{\"email\": \"a@x.test\", \"name\": \"A\\r\\nBcc: b@x.test\"}",
                "to.name",
                Code::InvalidCharacter,
            ),
            ("\"[1\"", "to", Code::InvalidAddress),
        ] {
            let (_, findings) = list(text);
            let found = findings.issues.first().expect(text);
            assert_eq!((found.path.as_str(), found.code), (path, code), "{text}");
        }
    }

    #[test]
    fn one_address_may_come_alone_in_an_array() {
        let read = |text: &str| {
            let mut findings = Findings::default();
            let value = Value::read(text, &mut findings).unwrap();
            (read_one(&value, &Path::ROOT.key("from"), &mut findings), findings)
        };
        assert!(read(r#"[{"email": "a@x.test"}]"#).0.is_some());
        assert_eq!(read(r#"["a@x.test", "b@x.test"]"#).1.issues[0].code, Code::TooMany);
        assert!(read("[null]").1.is_valid());
        assert_eq!(read("true").1.issues[0].code, Code::WrongType);
    }

    #[test]
    fn a_long_text_is_shown_in_part() {
        let (_, findings) = list(&format!("{:?}", "x".repeat(1_000_000)));
        assert!(findings.issues[0].message.len() < 300);
    }
}
