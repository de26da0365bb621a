//! Visits the texts of a JSON value one by one, without building the value in memory.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// The members of objects to read.
#[derive(Clone, Copy)]
pub(super) enum Keys {
    /// Every member.
    All,
    /// The members whose folded name is one of these.
    Only(&'static [&'static str]),
}

/// The deepest nesting that is read. Components do not accept values that are nested this deeply.
const MAX_DEPTH: usize = 16;

/// Calls `each` with the members of a JSON object. Does nothing for other texts.
pub(super) fn members<'t>(text: &'t str, each: impl FnMut(&str, &'t RawValue)) {
    struct Members<F>(F);
    impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Members<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
            while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
                (self.0)(&name, members.next_value()?);
            }
            Ok(())
        }
    }
    let mut json = serde_json::Deserializer::from_str(bare(text));
    // Reading stops at a syntax error. The component refuses such an input.
    let _ = json.deserialize_map(Members(each));
}

/// Calls `each` with the items of a JSON array. Does nothing for other texts.
pub(super) fn items<'t>(text: &'t str, each: impl FnMut(usize, &'t RawValue)) {
    struct Items<F>(F);
    impl<'de, F: FnMut(usize, &'de RawValue)> Visitor<'de> for Items<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
            let mut number = 0;
            while let Some(value) = items.next_element()? {
                (self.0)(number, value);
                number += 1;
            }
            Ok(())
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let _ = json.deserialize_seq(Items(each));
}

/// Calls `each` with every text and number of a value.
///
/// A text that contains a JSON array or object is read as that value.
pub(super) fn texts(value: &RawValue, keys: Keys, each: &mut dyn FnMut(&str)) {
    read(value.get(), keys, MAX_DEPTH, each);
}

/// Calls `each` with every text and number of a text that may contain JSON.
pub(super) fn texts_within(text: &str, keys: Keys, each: &mut dyn FnMut(&str)) {
    visit_text(text, keys, MAX_DEPTH, each);
}

fn read(json: &str, keys: Keys, depth: usize, each: &mut dyn FnMut(&str)) -> bool {
    let mut json = serde_json::Deserializer::from_str(json);
    let read = Texts { keys, depth, each }.deserialize(&mut json);
    read.is_ok() && json.end().is_ok()
}

fn visit_text(text: &str, keys: Keys, depth: usize, each: &mut dyn FnMut(&str)) {
    if text.trim_start().starts_with(['[', '{'])
        && !text.trim_start().starts_with("{{")
        && let Some(depth) = depth.checked_sub(1)
        && is_json(text)
    {
        read(text, keys, depth, each);
        return;
    }
    each(text);
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The visitor of one value's texts.
struct Texts<'f> {
    keys: Keys,
    depth: usize,
    each: &'f mut dyn FnMut(&str),
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        visit_text(text, self.keys, self.depth, self.each);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        (self.each)(&number.to_string());
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| A::Error::custom("it is too deep"))?;
        let Self { keys, each, .. } = self;
        while items.next_element_seed(Texts { keys, depth, each: &mut *each })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| A::Error::custom("it is too deep"))?;
        let Self { keys, each, .. } = self;
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            let is_read = match keys {
                Keys::All => true,
                Keys::Only(known) => known.contains(&fold(&name).as_str()),
            };
            match is_read {
                true => members.next_value_seed(Texts { keys, depth, each: &mut *each })?,
                false => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Returns a JSON text without its byte order mark.
pub(super) fn bare(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns a name in lower case, without `_`, `-` and blanks, cut to 64 characters. All known names are shorter.
pub(super) fn fold(name: &str) -> String {
    const LONGEST: usize = 64;
    let kept = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '\t'));
    kept.take(LONGEST).map(|c| c.to_ascii_lowercase()).collect()
}
