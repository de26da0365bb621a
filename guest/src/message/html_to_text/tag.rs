//! Tags and their attributes.

use super::entities::decode_entities;

/// A tag with its attributes.
pub(super) struct Tag<'h> {
    pub(super) name: String,
    pub(super) closes: bool,
    attributes: &'h str,
    /// Bytes that it takes, brackets included.
    pub(super) length: usize,
}

impl<'h> Tag<'h> {
    /// Reads the tag that a text starts with. None: the `<` is only a character.
    pub(super) fn parse(text: &'h str) -> Option<Self> {
        let inside = &text[1..];
        let closes = inside.starts_with('/');
        let start = usize::from(closes);
        let first = inside[start..].chars().next()?;
        if !first.is_ascii_alphabetic() && first != '!' && first != '?' {
            return None;
        }
        let mut quote = None;
        let end = inside.char_indices().find_map(|(index, c)| {
            match (quote, c) {
                (None, '>') => return Some(index),
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
            None
        });
        // A quote that is not closed would swallow the rest.
        let end = end.or_else(|| inside.find('>'))?;
        let body = &inside[start..end];
        let name_end = body.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(body.len());
        Some(Self {
            name: body[..name_end].to_ascii_lowercase(),
            closes,
            attributes: &body[name_end..],
            length: end + 2,
        })
    }

    /// The value of an attribute, entities resolved.
    pub(super) fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            let end =
                rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() && after.is_empty() {
                return None;
            }
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('=') {
                Some(value) => attribute_value(value.trim_start()),
                None => ("", after),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(decode_entities(value).trim().to_owned());
            }
            rest = after;
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
