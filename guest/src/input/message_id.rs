//! Message and content ids.

use super::findings::{Code, Findings};
use super::json::Value;
use super::path::Path;
use super::text::read_text;

/// A message id with its angle brackets (RFC 5322 section 3.6.4): `<a.b@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(String);

/// A content id without its angle brackets (RFC 2392): what `cid:` in an HTML body refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentId(String);

/// A header line holds 998 octets (RFC 5322 section 2.1.1), its name and brackets included.
const MAX_LENGTH: usize = 900;

/// Reads a list of ids: one text, or an array of texts.
pub fn read_list(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Vec<MessageId> {
    if value.is_absent() {
        return Vec::new();
    }
    let text = read_text(value, " ", path, findings).unwrap_or_default();
    MessageId::parse_list(&text).unwrap_or_else(|| {
        let message = "message ids are written <something@example.com>, with blanks between them";
        findings.issue(path, Code::InvalidMessageId, message);
        Vec::new()
    })
}

impl MessageId {
    /// Parses one id, with or without its brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let inside = match text.strip_prefix('<') {
            Some(rest) => rest.strip_suffix('>')?,
            None => text,
        };
        let (left, right) = inside.rsplit_once('@')?;
        let fits = inside.len() <= MAX_LENGTH && !left.is_empty() && !right.is_empty();
        (fits && inside.bytes().all(is_id_octet)).then(|| Self(format!("<{inside}>")))
    }

    /// Makes the id of a message of our own, which must be right by the letter of RFC 5322: one `@`, and
    /// nothing in it that needs quotes.
    pub fn parse_strictly(text: &str) -> Option<Self> {
        let id = Self::parse(text)?;
        let inside = id.inside();
        let strange =
            |byte| matches!(byte, b'(' | b')' | b'\\' | b',' | b';' | b':' | b'"' | b'[' | b']');
        let ats = inside.bytes().filter(|byte| *byte == b'@').count();
        (ats == 1 && !inside.bytes().any(strange)).then_some(id)
    }

    /// Parses a list as References has it: ids, separated by blanks, commas or line breaks.
    pub fn parse_list(text: &str) -> Option<Vec<Self>> {
        text.split([' ', '\t', '\r', '\n', ','])
            .filter(|piece| !piece.is_empty())
            .map(Self::parse)
            .collect()
    }

    /// The id with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id without its brackets.
    pub fn inside(&self) -> &str {
        &self.0[1..self.0.len() - 1]
    }
}

impl ContentId {
    /// Parses a content id, with or without its brackets, with or without `cid:`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let text = text.strip_prefix("cid:").unwrap_or(text);
        let inside = match text.strip_prefix('<') {
            Some(rest) => rest.strip_suffix('>')?,
            None => text,
        };
        let fits = (1..=MAX_LENGTH).contains(&inside.len());
        (fits && inside.bytes().all(is_id_octet)).then(|| Self(inside.to_owned()))
    }

    /// The id without its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Printable ASCII without blanks and angle brackets.
fn is_id_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_added_where_they_are_missing() {
        for text in ["a.b@x.test", "<a.b@x.test>", " <a.b@x.test> ", "<a.b@x.test>\r\n"] {
            assert_eq!(MessageId::parse(text).unwrap().as_str(), "<a.b@x.test>");
        }
    }

    #[test]
    fn nothing_gets_out_of_the_brackets() {
        for text in [
            "",
            "<>",
            "a",
            "<a@x.test",
            "a@x.test>",
            "<i@x.test>\r\nBcc: <e@evil.test>",
            "a b@x.test",
            "<a@x><b@x>",
            "@x.test",
            "a@",
            "ä@x.test",
        ] {
            assert_eq!(MessageId::parse(text), None, "{text}");
        }
        assert_eq!(MessageId::parse(&format!("{}@x.test", "a".repeat(1000))), None);
        assert!(MessageId::parse("a:b@c@x.test").is_some());
        assert!(MessageId::parse_strictly("a:b@x.test").is_none());
        assert!(MessageId::parse_strictly("a@b@x.test").is_none());
    }

    #[test]
    fn lists_take_any_separator() {
        let found = MessageId::parse_list("<a@x.test> b@x.test,\r\n <c@x.test>").unwrap();
        let texts: Vec<_> = found.iter().map(MessageId::as_str).collect();
        assert_eq!(texts, ["<a@x.test>", "<b@x.test>", "<c@x.test>"]);
        assert_eq!(MessageId::parse_list("<a@x.test> b"), None);
    }

    #[test]
    fn content_ids_need_no_domain() {
        assert_eq!(ContentId::parse("<logo>").unwrap().as_str(), "logo");
        assert_eq!(ContentId::parse("cid:logo@x.test").unwrap().as_str(), "logo@x.test");
        for text in ["", "<>", "a b<>c", "c>\r\nX-Inj: <1", "<logo"] {
            assert_eq!(ContentId::parse(text), None, "{text}");
        }
    }
}
