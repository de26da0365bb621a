//! Message and content ids.

use std::borrow::Cow;

use encodify::rfc2047::{decode_text, utf8_charset};

/// A message id with its angle brackets (RFC 5322 section 3.6.4): `<a.b@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

/// A content id without its angle brackets (RFC 2392). An HTML body refers to it with `cid:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContentId(String);

/// The longest id in octets. A header line has at most 998 octets (RFC 5322 section 2.1.1) with its name and brackets.
const MAX_LENGTH: usize = 900;

/// The message ids in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct IdList {
    /// The ids that fit in a header.
    pub ids: Vec<MessageId>,
    /// The text between them, and ids that do not fit in a header.
    pub left_out: Vec<String>,
}

/// The reason why a text does not contain message ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidIds {
    /// A line break that is not a fold, or another control character.
    Character(char),
    /// Text that is not an id.
    NoId,
}

impl MessageId {
    /// Parses the id for a message that the connector writes, with or without its brackets. It must follow RFC 5322
    /// strictly: one `@`, and no character that needs quotes.
    pub fn parse_strictly(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let inside = match text.strip_prefix('<') {
            Some(rest) => rest.strip_suffix('>')?,
            None => text,
        };
        let strange = |byte: u8| !is_id_octet(byte) || b"()\\,;:\"[]".contains(&byte);
        let (left, right) = inside.split_once('@')?;
        let fits = inside.len() <= MAX_LENGTH && !left.is_empty() && !right.is_empty();
        let plain = !right.contains('@') && !inside.bytes().any(strange);
        (fits && plain).then(|| Self(format!("<{inside}>")))
    }

    /// Parses the ids of other programs, as in a References header.
    ///
    /// Common errors are accepted: ids without `@`, with spaces, with double brackets or none, folded, or without
    /// spaces between them. Words and comments between ids in brackets are left out, as RFC 5322 section 4.5.4
    /// requires.
    pub fn parse_list(text: &str) -> Result<IdList, InvalidIds> {
        // Some programs encode every header as free text.
        let decoded = match text.trim_start().starts_with("=?") {
            true => decode_text(text.as_bytes(), utf8_charset),
            false => Cow::Borrowed(text),
        };
        let text = decoded.as_ref();
        let mut list = IdList::default();
        let in_brackets = text.contains('<');
        let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let is_separator = |c: char| match c {
            ',' | ';' | '\u{feff}' => true,
            _ if is_blank(c) => true,
            _ => !c.is_ascii() && !c.is_control() && c.is_whitespace(),
        };
        let mut words = 0_usize;
        let mut strays = 0_usize;
        let mut rest = text.trim_start_matches(is_separator);
        while !rest.is_empty() {
            if let Some(opened) = rest.strip_prefix('<') {
                let opened = opened.trim_start_matches(|c| c == '<' || is_blank(c));
                let end = match opened.find(['<', '>']) {
                    Some(end) if opened[end..].starts_with('>') => end,
                    // For example, a database cut the chain short.
                    None if !list.ids.is_empty() => {
                        list.left_out.push(unfold(opened)?);
                        break;
                    }
                    _ => return Err(InvalidIds::NoId),
                };
                list.push(unfold(&opened[..end])?);
                rest = opened[end..].trim_start_matches('>');
            } else {
                let end = rest.find(|c| is_separator(c) || c == '<').unwrap_or(rest.len());
                let word = &rest[..end];
                if let Some(control) = word.chars().find(|c| c.is_control()) {
                    return Err(InvalidIds::Character(control));
                }
                words += 1;
                // Some programs send percent-encoded brackets.
                let word = match (word.get(..3), word.get(word.len().saturating_sub(3)..)) {
                    (Some("%3C" | "%3c"), Some("%3E" | "%3e")) if word.len() > 6 => {
                        &word[3..word.len() - 3]
                    }
                    _ => word,
                };
                if word.contains('@') && !word.contains(['>', '(', ')', '"']) {
                    list.push(word.to_owned());
                } else {
                    strays += 1;
                    list.left_out.push(word.to_owned());
                }
                rest = &rest[end..];
            }
            rest = rest.trim_start_matches(is_separator);
        }
        match strays {
            0 => Ok(list),
            // For example, a ticket number.
            1 if !in_brackets && words == 1 && !text.contains('>') => {
                let word = list.left_out.pop().unwrap_or_default();
                list.push(word);
                Ok(list)
            }
            // With line breaks, the stray text could be another header.
            _ if !in_brackets || list.ids.is_empty() || text.contains(['\r', '\n']) => {
                Err(InvalidIds::NoId)
            }
            _ => Ok(list),
        }
    }

    /// Returns the id with its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdList {
    fn push(&mut self, inside: String) {
        let fits = (1..=MAX_LENGTH).contains(&inside.len());
        if fits && inside.bytes().all(|byte| byte == b' ' || is_id_octet(byte)) {
            self.ids.push(MessageId(format!("<{inside}>")));
        } else {
            self.left_out.push(inside);
        }
    }
}

impl ContentId {
    /// Parses a content id, with or without its brackets and `cid:`.
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

    /// Returns the id without its brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Removes the folds from the text between brackets: line breaks and the spaces after them. A program that folds an id
/// adds these spaces. Other spaces are part of the id.
fn unfold(inside: &str) -> Result<String, InvalidIds> {
    let mut unfolded = String::with_capacity(inside.len());
    let mut rest = inside.trim_matches([' ', '\t', '\r', '\n']);
    while let Some(end) = rest.find(['\r', '\n']) {
        unfolded.push_str(&rest[..end]);
        let after = rest[end..].trim_start_matches(['\r', '\n']);
        if !after.starts_with([' ', '\t']) {
            return Err(InvalidIds::Character('\n'));
        }
        rest = after.trim_start_matches([' ', '\t']);
    }
    unfolded.push_str(rest);
    match unfolded.chars().find(|&c| c.is_control() && c != '\t') {
        Some(control) => Err(InvalidIds::Character(control)),
        None => Ok(unfolded.replace('\t', " ")),
    }
}

/// Reports whether a byte is printable ASCII, but not a space or an angle bracket.
fn is_id_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<String>, InvalidIds> {
        let found = MessageId::parse_list(text)?;
        Ok(found.ids.iter().map(|id| id.as_str().to_owned()).collect())
    }

    #[test]
    fn ids_of_our_own_are_strict() {
        for text in ["a.b@x.test", "<a.b@x.test>", " <a.b@x.test>\r\n"] {
            assert_eq!(MessageId::parse_strictly(text).unwrap().as_str(), "<a.b@x.test>");
        }
        for text in [
            "",
            "<>",
            "a",
            "<a@x.test",
            "a@x.test>",
            "a b@x.test",
            "<a@x><b@x>",
            "@x.test",
            "a@",
            "ä@x.test",
            "a:b@x.test",
            "a@b@x.test",
            "<i@x.test>\r\nBcc: <e@evil.test>",
        ] {
            assert_eq!(MessageId::parse_strictly(text), None, "{text}");
        }
        assert_eq!(MessageId::parse_strictly(&format!("{}@x.test", "a".repeat(1000))), None);
    }

    #[test]
    fn ids_of_others_are_taken_as_they_exist_in_the_wild() {
        for (text, ids) in [
            (
                "<a@x.test> b@x.test,\r\n <c@x.test>",
                &["<a@x.test>", "<b@x.test>", "<c@x.test>"][..],
            ),
            ("<a@x.test><b@x.test>", &["<a@x.test>", "<b@x.test>"]),
            ("<GLPI-abc-Ticket-8259>", &["<GLPI-abc-Ticket-8259>"]),
            ("GLPI-abc-Ticket-8259", &["<GLPI-abc-Ticket-8259>"]),
            ("a:b@c@x.test", &["<a:b@c@x.test>"]),
            (
                "<@x.test> <a@> <a..b@x_y> <a[1](2)\\%@[10.0.0.1]>",
                &["<@x.test>", "<a@>", "<a..b@x_y>", "<a[1](2)\\%@[10.0.0.1]>"],
            ),
            ("<<a@x.test>>", &["<a@x.test>"]),
            ("%3Ca@x.test%3E %3cb@x.test%3e", &["<a@x.test>", "<b@x.test>"]),
            (
                "<000701c8$3df7$@a@x.test> <4af.._8b@a-b>",
                &["<000701c8$3df7$@a@x.test>", "<4af.._8b@a-b>"],
            ),
            ("<\r\n  <a@x.test>", &["<a@x.test>"]),
            (
                "=?UTF-8?Q?<a@x.test>?= =?utf-8?q?_=3Cb=40x=2Etest=3E?=",
                &["<a@x.test>", "<b@x.test>"],
            ),
            // A space is part of the id, a fold is not.
            ("< 12 34@x.test >", &["<12 34@x.test>"]),
            ("\r\n <long-\r\n\tid@x.test>\r\n", &["<long-id@x.test>"]),
            ("<a\tb@x.test>", &["<a b@x.test>"]),
            // RFC 822 allows words and comments between ids.
            ("Your message of \"Fri, 1 Jan\" <a@x.test> (Bob's)", &["<a@x.test>"]),
            ("Message-ID: <a@x.test>", &["<a@x.test>"]),
            ("<a@x.test> <cut-sh", &["<a@x.test>"]),
            ("\u{feff}<a@x.test>\u{a0}<b@x.test>", &["<a@x.test>", "<b@x.test>"]),
            (" ,\r\n", &[]),
        ] {
            assert_eq!(
                list(text).as_deref(),
                Ok(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()[..]),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_value_cannot_escape_from_the_brackets() {
        for text in [
            "<>",
            "a b",
            "a b@x.test",
            "<a@x.test",
            "<a@x.test <b@x.test>",
            "a@x.test>",
            ">",
            "<i@x.test>\r\nBcc: <e@evil.test>",
            "<i@x.test>\r\n Bcc: <e@evil.test>",
            "<i\r\nBcc: e@evil.test>",
            "<i\nBcc: e@evil.test>",
            "<i\rBcc: e@evil.test>",
            "<i\0@x.test>",
            "=?utf-8?q?=3Ci=40x=3E=0D=0ABcc=3A_=3Ce=40evil.test=3E?=",
            "=?utf-8?q?=3Ci=0D=0ABcc=3A_e=40evil.test=3E?=",
            "i\u{7f}@x.test",
        ] {
            assert!(list(text).map_or(true, |ids| ids.is_empty()), "{text:?}");
        }
        let long = MessageId::parse_list(&format!("<{}>", "a".repeat(1000))).unwrap();
        assert_eq!((long.ids.len(), long.left_out.len()), (0, 1));
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
