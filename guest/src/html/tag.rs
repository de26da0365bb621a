//! Tags and their attributes.

use super::entities::decode_entities;

/// The tags of an HTML text, each with the text after it, comments left out.
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
                let text = &rest[..rest.find('<').unwrap_or(rest.len())];
                return Some((tag, text));
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
            name: body[..name_end].to_ascii_lowercase(),
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

/// A tag with its attributes.
pub(super) struct Tag<'h> {
    pub(super) name: String,
    pub(super) closes: bool,
    attributes: &'h str,
    /// Bytes that it takes, brackets included.
    pub(super) length: usize,
}

impl Tag<'_> {
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
