//! Reading a JSON value, piece by piece as serde_json finds them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Object, Value, digits};
use crate::input::findings::{Code, Findings, Path};

/// Values may be nested so deep: an array of objects in an object needs 4, and a JSON text of 10,000
/// brackets must not be worth more than an issue.
const MAX_DEPTH: usize = 32;

/// Reads a text that holds one JSON value, with so many elements of each array. None: an issue says why not.
pub(super) fn read<'de>(
    text: &'de str,
    most_elements: usize,
    findings: &mut Findings,
) -> Option<Value<'de>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match digits::keep(text) {
        Cow::Borrowed(text) => read_value(text, most_elements, findings),
        // The text goes away with this scope, so what was read from it must not borrow from it.
        Cow::Owned(text) => read_value(&text, most_elements, findings).map(Value::into_owned),
    }
}

fn read_value<'de>(
    text: &'de str,
    most_elements: usize,
    findings: &mut Findings,
) -> Option<Value<'de>> {
    let reading = Reading {
        most_elements,
        trail: RefCell::default(),
        members: RefCell::default(),
        findings: RefCell::new(findings),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Element { reading: &reading, depth: 0 }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Some(value),
        Err(error) => {
            let too_deep = error.is_data();
            let code = if too_deep { Code::TooDeep } else { Code::InvalidJson };
            let trail = reading.trail.take();
            let findings = reading.findings.into_inner();
            at(&trail, &Path::ROOT, &mut |path| {
                findings.issue(path, code, explain(&error, text, too_deep));
            });
            None
        }
    }
}

fn explain(error: &serde_json::Error, input: &str, too_deep: bool) -> String {
    if too_deep {
        return format!("values may be nested {MAX_DEPTH} deep at most");
    }
    if input.trim_ascii().is_empty() {
        return "there is nothing here, where JSON is needed".to_owned();
    }
    if error.is_eof() {
        let (line, column) = (error.line(), error.column());
        return format!("not JSON: it ends too early, at line {line} column {column}");
    }
    // serde_json's text ends with the place, which reads better in front.
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("not JSON, at line {} column {}: {reason}", error.line(), error.column())
}

/// What the reader shares on its way down.
struct Reading<'de, 'f> {
    /// So many elements of an array are kept; more are an issue.
    most_elements: usize,
    /// The steps to the value that is being read: left as they are by an error, so that it has a place.
    trail: RefCell<Vec<Step<'de>>>,
    /// The members of the objects that are being read, the innermost last: an object takes its own when it ends,
    /// in as much memory as they need. A list of a hundred thousand small objects takes half of what it would.
    members: RefCell<Object<'de>>,
    findings: RefCell<&'f mut Findings>,
}

enum Step<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

/// Calls `report` with the path that a trail stands for.
fn at(trail: &[Step<'_>], path: &Path<'_>, report: &mut dyn FnMut(&Path<'_>)) {
    match trail {
        [] => report(path),
        [Step::Key(key), rest @ ..] => at(rest, &path.key(key), report),
        [Step::Index(index), rest @ ..] => at(rest, &path.index(*index), report),
    }
}

impl<'de> Reading<'de, '_> {
    fn enter(&self, step: Step<'de>) {
        self.trail.borrow_mut().push(step);
    }

    fn leave(&self) {
        self.trail.borrow_mut().pop();
    }

    /// Reads what follows the first `number` elements of an array that may have `kept`, keeping none of it.
    fn skip_rest<A: SeqAccess<'de>>(
        &self,
        kept: usize,
        mut number: usize,
        mut source: A,
    ) -> Result<(), A::Error> {
        loop {
            self.enter(Step::Index(number));
            let skipped = source.next_element::<IgnoredAny>()?;
            self.leave();
            if skipped.is_none() {
                break;
            }
            number += 1;
        }
        if number > kept {
            at(&self.trail.borrow(), &Path::ROOT, &mut |path| {
                let message = format!("this array has {number} elements; it may have {kept}");
                self.findings.borrow_mut().issue(path, Code::TooMany, message);
            });
        }
        Ok(())
    }

    /// Whether the value that is being read stands under `data`, where Node writes the bytes of a Buffer.
    fn is_data(&self) -> bool {
        matches!(self.trail.borrow().last(), Some(Step::Key(key)) if key == "data")
    }

    /// Reads the rest of an array of bytes, which may be as long as a file is. It becomes a text in base64: an array
    /// would take forty times as much memory.
    fn read_bytes<A: SeqAccess<'de>>(
        &self,
        mut bytes: Vec<u8>,
        mut source: A,
    ) -> Result<Value<'de>, A::Error> {
        loop {
            self.enter(Step::Index(bytes.len()));
            // What is no byte is reported as what it is: an array that is too long.
            let Some(next) = source.next_element::<f64>()? else { break };
            self.leave();
            if next.fract() != 0.0 || !(0.0..=255.0).contains(&next) {
                self.skip_rest(self.most_elements, bytes.len() + 1, source)?;
                return Ok(Value::Array(Vec::new()));
            }
            bytes.push(next as u8);
        }
        self.leave();
        Ok(Value::String(Cow::Owned(STANDARD.encode(&bytes))))
    }

    /// Reports each key that stands more than once among `members`.
    fn check_keys(&self, members: &Object<'_>) {
        if members.len() <= FEW_MEMBERS && all_differ(members) {
            return;
        }
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|&a, &b| members[a].0.cmp(&members[b].0));
        for pair in order.windows(2) {
            let (key, again) = (&members[pair[0]].0, &members[pair[1]].0);
            if key == again {
                at(&self.trail.borrow(), &Path::ROOT, &mut |path| {
                    let message = "this key stands more than once in its object; keep one of them";
                    self.findings.borrow_mut().issue(&path.key(key), Code::DuplicateKey, message);
                });
            }
        }
    }
}

/// A number that is a byte.
fn byte(value: &Value<'_>) -> Option<u8> {
    match value {
        Value::Number(number) => u8::try_from(number.as_u64()?).ok(),
        _ => None,
    }
}

/// So many keys are compared each with each, without an order of their own: 28 comparisons at most.
const FEW_MEMBERS: usize = 8;

fn all_differ(members: &Object<'_>) -> bool {
    members
        .iter()
        .enumerate()
        .all(|(index, (key, _))| members[..index].iter().all(|(earlier, _)| earlier != key))
}

/// One value, `depth` levels down.
#[derive(Clone, Copy)]
struct Element<'r, 'de, 'f> {
    reading: &'r Reading<'de, 'f>,
    depth: usize,
}

impl Element<'_, '_, '_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, 'de, '_> {
    type Value = Value<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Value<'de>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, 'de, '_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Box::new(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(Box::new(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value<'de>, E> {
        // serde_json itself refuses 1e999 and has no NaN.
        let number = serde_json::Number::from_f64(value).ok_or_else(|| E::custom("no number"))?;
        Ok(Value::Number(Box::new(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value<'de>, A::Error> {
        let element = self.inside()?;
        let mut items = Vec::new();
        while items.len() < self.reading.most_elements {
            self.reading.enter(Step::Index(items.len()));
            let item = source.next_element_seed(element)?;
            self.reading.leave();
            let Some(item) = item else { return Ok(Value::Array(items)) };
            items.push(item);
        }
        if self.reading.is_data()
            && let Some(bytes) = items.iter().map(byte).collect::<Option<Vec<u8>>>()
        {
            return self.reading.read_bytes(bytes, source);
        }
        self.reading.skip_rest(items.len(), items.len(), source)?;
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value<'de>, A::Error> {
        let element = self.inside()?;
        let outer = self.reading.members.borrow().len();
        while let Some(Key(key)) = source.next_key()? {
            self.reading.enter(Step::Key(key.clone()));
            let value = source.next_value_seed(element)?;
            self.reading.members.borrow_mut().push((key, value));
            self.reading.leave();
        }
        let members = self.reading.members.borrow_mut().split_off(outer);
        self.reading.check_keys(&members);
        Ok(Value::Object(members))
    }
}

/// A key: borrowed where the text has no escapes in it, which `Cow`'s own implementation never does.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::MOST_ELEMENTS;
    use super::*;

    fn issues(text: &str) -> Vec<(String, Code)> {
        let mut findings = Findings::default();
        Value::read(text, &mut findings);
        findings.issues.into_iter().map(|issue| (issue.path, issue.code)).collect()
    }

    #[test]
    fn borrows_strings_without_escapes() {
        let value = Value::read(r#"["aGk=", "a\/b"]"#, &mut Findings::default()).unwrap();
        let Value::Array(items) = value else { panic!("not an array") };
        assert!(matches!(&items[0], Value::String(Cow::Borrowed("aGk="))));
        assert!(matches!(&items[1], Value::String(Cow::Owned(text)) if text == "a/b"));
    }

    #[test]
    fn reports_a_key_that_stands_twice_and_reads_on() {
        let found = issues(r#"{"to": [{"email": 1, "email": 2}], "cc": {"a": 1, "b": 1, "a": 1}}"#);
        let places: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(places, ["to[0].email", "cc.a"]);
        assert!(found.iter().all(|(_, code)| *code == Code::DuplicateKey));
    }

    #[test]
    fn says_where_values_are_nested_too_deep() {
        let deep = format!(r#"{{"to": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let found = issues(&deep);
        assert_eq!(found.len(), 1);
        assert!(found[0].0.starts_with("to[0][0]"), "{}", found[0].0);
        assert_eq!(found[0].1, Code::TooDeep);
        let fits = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(issues(&fits), []);
    }

    #[test]
    fn an_array_of_an_input_has_an_end_and_one_of_keywords_has_none() {
        let array = |number: usize, last: &str| {
            format!(r#"{{"cc": {{"a": [{}{last}]}}}}"#, "7,".repeat(number - 1))
        };
        let (fits, too_many) = (array(MOST_ELEMENTS, "7"), array(MOST_ELEMENTS + 2, "7"));
        let mut findings = Findings::default();
        assert!(Value::read_input(&fits, &mut findings).is_some());
        assert!(findings.is_valid());
        assert!(Value::read_input(&too_many, &mut findings).is_some());
        assert_eq!(findings.issues[0].path, "cc.a");
        assert_eq!(findings.issues[0].code, Code::TooMany);
        assert!(findings.issues[0].message.contains("10002 elements"), "{findings:?}");
        assert!(Value::read_object(&too_many, &mut Findings::default()).is_some());
        // What is not kept is read: it may be no JSON.
        let mut findings = Findings::default();
        assert!(Value::read_input(&array(MOST_ELEMENTS + 2, "nul"), &mut findings).is_none());
        assert_eq!(findings.issues[0].path, "cc.a[10001]");
        assert_eq!(findings.issues[0].code, Code::InvalidJson);
    }

    #[test]
    fn the_bytes_of_a_buffer_may_be_as_many_as_those_of_a_file() {
        let buffer = |number: usize, last: &str| {
            format!(r#"{{"a": {{"type": "Buffer", "data": [{}{last}]}}}}"#, "7,".repeat(number))
        };
        let data = |json: &str| {
            let mut findings = Findings::default();
            let members = Value::read_input(json, &mut findings).unwrap();
            let Some((_, Value::Object(inner))) = members.into_iter().next() else { panic!() };
            (inner.into_iter().nth(1).unwrap().1.into_owned(), findings)
        };
        let (value, findings) = data(&buffer(3 * MOST_ELEMENTS - 1, "7"));
        assert!(findings.is_valid());
        assert_eq!(value, Value::String("BwcH".repeat(MOST_ELEMENTS).into()));
        let (value, _) = data(&buffer(MOST_ELEMENTS - 2, "7"));
        assert!(matches!(value, Value::Array(items) if items.len() == MOST_ELEMENTS - 1));
        for last in ["256", "1.5", "-1"] {
            let (_, findings) = data(&buffer(MOST_ELEMENTS + 10, last));
            assert_eq!(findings.issues[0].code, Code::TooMany, "{last}");
        }
    }

    #[test]
    fn says_where_the_text_goes_wrong() {
        for (text, path) in [
            ("", "$"),
            ("{\"a\": 1,}", "$"),
            ("{\"a\": NaN}", "a"),
            ("{} {}", "$"),
            (r#"{"attachments": [{"filename": "a\ud800b"}]}"#, "attachments[0].filename"),
        ] {
            assert_eq!(issues(text), [(path.to_owned(), Code::InvalidJson)], "{text}");
        }
    }

    #[test]
    fn a_whole_number_of_twenty_digits_is_read_as_text() {
        let value = Value::read("[89014103211118510720, 7]", &mut Findings::default()).unwrap();
        let Value::Array(items) = value else { panic!("not an array") };
        assert_eq!(items[0], Value::String("89014103211118510720".into()));
        assert_eq!(items[1], Value::Number(Box::new(7.into())));
    }

    #[test]
    fn skips_a_byte_order_mark() {
        assert_eq!(issues("\u{feff}{}"), []);
    }
}
