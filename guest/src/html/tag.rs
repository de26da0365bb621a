//! Tags and their attributes.

use std::borrow::Cow;

use super::entities::decode_entities;

/// The tags of an HTML text, each with all that follows it, comments left out.
pub(super) fn tags(html: &str) -> impl Iterator<Item = (Tag<'_>, &str)> {
    let mut reader = TagReader::new(html);
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')?..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = &comment[comment.find("-->")? + 3..];
            } else if let Some(tag) = reader.read(rest) {
                rest = &rest[tag.length..];
                return Some((tag, rest));
            } else {
                rest = &rest[1..];
            }
        }
    })
}

/// Reads the tags of one HTML text, in time in proportion to its length: what was looked for in vain once
/// is not looked for again.
pub(super) struct TagReader {
    /// So many bytes from the end of the text there is no `>`, so that no tag starts in there.
    tail: usize,
    /// Whether quotes have been closed so far. One that is not would swallow the rest.
    quotes_close: bool,
}

impl TagReader {
    pub(super) fn new(html: &str) -> Self {
        Self { tail: html.len() - html.rfind('>').unwrap_or(0), quotes_close: true }
    }

    /// Reads the tag that `rest`, the text from a `<` on, starts with. None: the `<` is only a character.
    pub(super) fn read<'h>(&mut self, rest: &'h str) -> Option<Tag<'h>> {
        if rest.len() <= self.tail {
            return None;
        }
        let inside = &rest[1..];
        let closes = inside.starts_with('/');
        let start = usize::from(closes);
        let first = inside[start..].chars().next()?;
        if !first.is_ascii_alphabetic() && first != '!' && first != '?' {
            return None;
        }
        let mut end = None;
        if self.quotes_close {
            end = unquoted_end(inside);
            self.quotes_close = end.is_some();
        }
        let end = end.or_else(|| inside.find('>'))?;
        let body = inside.get(start..end)?;
        let name_end = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        Some(Tag {
            name: lowercase(&body[..name_end]),
            closes,
            attributes: &body[name_end..],
            length: end + 2,
        })
    }
}

/// Where the first `>` outside quotes stands.
fn unquoted_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    inside.bytes().position(|byte| {
        match (quote, byte) {
            (None, b'>') => return true,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        false
    })
}

/// A name in small letters, as most are written.
fn lowercase(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// A tag with its attributes.
pub(super) struct Tag<'h> {
    pub(super) name: Cow<'h, str>,
    pub(super) closes: bool,
    attributes: &'h str,
    /// Bytes that it takes, brackets included.
    pub(super) length: usize,
}

impl<'h> Tag<'h> {
    /// The value of an attribute.
    pub(super) fn attribute(&self, wanted: &str) -> Option<Cow<'h, str>> {
        let found = self.attributes().find(|attribute| attribute.is_named(wanted))?;
        Some(found.value())
    }

    /// The attributes, in the order of the text. Of two with one name both are there, and the first counts.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute<'h>> + use<'h> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end =
                rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('=') {
                Some(value) => attribute_value(value.trim_start()),
                None => ("", after),
            };
            rest = after;
            Some(Attribute { name, value })
        })
    }
}

/// An attribute as it is written.
pub(super) struct Attribute<'h> {
    name: &'h str,
    value: &'h str,
}

impl<'h> Attribute<'h> {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its value, entities resolved, without blanks around it.
    pub(super) fn value(&self) -> Cow<'h, str> {
        match decode_entities(self.value) {
            Cow::Borrowed(value) => Cow::Borrowed(value.trim()),
            Cow::Owned(value) => Cow::Owned(value.trim().to_owned()),
        }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    text.split_at(end)
}
