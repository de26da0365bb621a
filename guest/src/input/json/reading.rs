//! The parser of JSON values, built on serde_json's visitors.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Object, Value, digits};
use crate::input::findings::{Code, Findings, Path};

/// The most levels of nested values. An array of objects in an object needs 4. A text of 10,000 brackets is one issue.
const MAX_DEPTH: usize = 32;

/// Parses a text that contains one JSON value, and keeps `most_elements` elements of each array. If it returns `None`,
/// an issue gives the reason.
pub(super) fn read<'de>(
    text: &'de str,
    most_elements: usize,
    findings: &mut Findings,
) -> Option<Value<'de>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match digits::keep(text) {
        Cow::Borrowed(text) => read_value(text, most_elements, findings),
        // The text is dropped at the end of this scope, so the value must not borrow from it.
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
        return format!("values may be nested at most {MAX_DEPTH} levels deep");
    }
    if input.trim_ascii().is_empty() {
        return "not JSON: the text is empty".to_owned();
    }
    if error.is_eof() {
        let (line, column) = (error.line(), error.column());
        return format!("not JSON: the text ends too early, at line {line} column {column}");
    }
    // serde_json's message ends with the position. It reads better at the start.
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("not JSON, at line {} column {}: {reason}", error.line(), error.column())
}

/// The state that all levels of the parser share.
struct Reading<'de, 'f> {
    /// The most elements of an array. More are an issue.
    most_elements: usize,
    /// The steps to the value that is being read. An error leaves them unchanged, so that its path is known.
    trail: RefCell<Vec<Step<'de>>>,
    /// The members of the objects that are being read, the innermost object last. When an object ends, its members move
    /// into a vector of the exact size. This halves the memory of a list of 100,000 small objects.
    members: RefCell<Object<'de>>,
    findings: RefCell<&'f mut Findings>,
}

enum Step<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

/// Calls `report` with the path of a trail.
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

    /// Skips the elements of an array after the first `number`. The array may have `kept` elements.
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
                let message = format!("this array has {number} elements, and the limit is {kept}");
                self.findings.borrow_mut().issue(path, Code::TooMany, message);
            });
        }
        Ok(())
    }

    /// Reports whether the value that is being read has the key `data`, under which Node writes the bytes of a Buffer.
    fn is_data(&self) -> bool {
        matches!(self.trail.borrow().last(), Some(Step::Key(key)) if key == "data")
    }

    /// Reads the rest of an array of bytes, which may be as long as a file. It becomes a base64 string, because an
    /// array would take 40 times as much memory.
    fn read_bytes<A: SeqAccess<'de>>(
        &self,
        mut bytes: Vec<u8>,
        mut source: A,
    ) -> Result<Value<'de>, A::Error> {
        loop {
            self.enter(Step::Index(bytes.len()));
            // With a number that is not a byte, this is an ordinary array, and it is reported as too long.
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

    /// Adds an issue for each duplicate key among `members`.
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
                    let message = "this key occurs more than once in its object; keep one of them";
                    self.findings.borrow_mut().issue(&path.key(key), Code::DuplicateKey, message);
                });
            }
        }
    }
}

/// Returns a number from 0 to 255 as a byte.
fn byte(value: &Value<'_>) -> Option<u8> {
    match value {
        Value::Number(number) => u8::try_from(number.as_u64()?).ok(),
        _ => None,
    }
}

/// The most keys that are compared pairwise instead of sorted. That takes at most 28 comparisons.
const FEW_MEMBERS: usize = 8;

fn all_differ(members: &Object<'_>) -> bool {
    members
        .iter()
        .enumerate()
        .all(|(index, (key, _))| members[..index].iter().all(|(earlier, _)| earlier != key))
}

/// The parser of one value, `depth` levels deep.
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

/// A key that borrows from the text if it has no escapes. `Cow`'s implementation never borrows.
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
mod tests;
