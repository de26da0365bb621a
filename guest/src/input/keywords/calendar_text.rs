//! Placeholders in an iCalendar object (RFC 5545). A value cannot add a line or a parameter.

use super::filled::{Filled, Piece, next_character};
use super::problem::{Problem, excerpt};
use crate::input::findings::Code;

/// Properties whose values are not of the type TEXT, so that `\`, `;` and `,` are not escaped.
const NOT_TEXT: &[&str] = &[
    "ATTACH",
    "ATTENDEE",
    "COMPLETED",
    "CONFERENCE",
    "CREATED",
    "DTEND",
    "DTSTAMP",
    "DTSTART",
    "DUE",
    "DURATION",
    "EXDATE",
    "EXRULE",
    "FREEBUSY",
    "GEO",
    "IMAGE",
    "LAST-MODIFIED",
    "ORGANIZER",
    "PERCENT-COMPLETE",
    "PRIORITY",
    "RDATE",
    "RECURRENCE-ID",
    "REFRESH-INTERVAL",
    "REPEAT",
    "RRULE",
    "SEQUENCE",
    "SOURCE",
    "TRIGGER",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "TZURL",
    "URL",
];

/// A content line that is being read (RFC 5545 section 3.1).
#[derive(Default)]
struct Line {
    /// The text up to the first `;` or `:`.
    name: String,
    place: Place,
    /// The last character before the placeholder.
    last: Option<char>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Name,
    Parameter,
    Quoted,
    Value,
}

/// Escapes each value for its place, and joins the pieces.
pub(super) fn fill(pieces: &[Piece<'_>]) -> Result<Filled, Problem> {
    let mut text = String::new();
    let mut line = Line::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => {
                let mut rest = literal.chars().peekable();
                while let Some(c) = rest.next() {
                    let next = rest.peek().copied().or_else(|| next_character(pieces, index));
                    line.read(c, next);
                }
                text.push_str(literal);
            }
            Piece::Value(value) => {
                text.push_str(&line.fill(value, next_character(pieces, index))?);
                line.last = Some('x');
            }
        }
    }
    Ok(Filled { text, changed: Vec::new() })
}

impl Line {
    fn read(&mut self, c: char, next: Option<char>) {
        let before = self.last.replace(c);
        match (c, self.place) {
            // A folded line continues on the next line.
            ('\n', _) if matches!(next, Some(' ' | '\t')) => {}
            ('\r', _) if next == Some('\n') => {}
            (' ' | '\t', _) if before == Some('\n') => {}
            ('\r' | '\n', _) => *self = Self::default(),
            (':', Place::Name | Place::Parameter) => self.place = Place::Value,
            (';', Place::Name) => self.place = Place::Parameter,
            ('"', Place::Parameter) => self.place = Place::Quoted,
            ('"', Place::Quoted) => self.place = Place::Parameter,
            (c, Place::Name) => self.name.push(c.to_ascii_uppercase()),
            _ => {}
        }
    }

    fn fill(&self, value: &str, next: Option<char>) -> Result<String, Problem> {
        match self.place {
            Place::Name => Ok(value.chars().filter(|c| is_name(*c)).collect()),
            Place::Quoted => Ok(parameter(value)),
            Place::Parameter => {
                let value = parameter(value);
                let stands_alone = matches!(self.last, Some('=' | ','))
                    && matches!(next, Some(';' | ':' | ',') | None);
                match value.contains([':', ';', ',']) {
                    true if stands_alone => Ok(format!("\"{value}\"")),
                    true => Ok(value.replace([':', ';', ','], " ")),
                    false => Ok(value),
                }
            }
            Place::Value if NOT_TEXT.contains(&self.name.as_str()) => {
                let value = value.trim();
                match value.chars().find(|c| c.is_control()) {
                    None => Ok(value.to_owned()),
                    Some(c) => Err(Problem {
                        code: Code::InvalidCharacter,
                        message: format!(
                            "{c:?} is not allowed in the calendar's {} property: {:?}",
                            self.name,
                            excerpt(value)
                        ),
                    }),
                }
            }
            Place::Value => Ok(escape(value)),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// Replaces the characters that a parameter's value cannot contain: control characters and `"` (RFC 5545 section 3.2).
fn parameter(value: &str) -> String {
    let plain = |c: char| match c {
        '"' => '\'',
        _ if c.is_control() => ' ',
        _ => c,
    };
    value.trim().chars().map(plain).collect()
}

/// Escapes a value of the type TEXT (RFC 5545 section 3.3.11).
pub(super) fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => text.push_str("\\n"),
            '\\' | ';' | ',' => text.extend(['\\', c]),
            '\t' => text.push(c),
            _ if c.is_control() => {}
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(before: &str, value: &str, after: &str) -> Result<String, Code> {
        let pieces =
            [Piece::Literal(before), Piece::Value(value.to_owned()), Piece::Literal(after)];
        fill(&pieces).map(|filled| filled.text).map_err(|problem| problem.code)
    }

    #[test]
    fn a_value_cannot_add_a_line_or_a_parameter() {
        for (before, value, after, text) in [
            (
                "SUMMARY:",
                "Lunch, at noon; bring\\food",
                "\r\n",
                "SUMMARY:Lunch\\, at noon\\; bring\\\\food\r\n",
            ),
            (
                "A:b\r\nLOCATION:",
                "Main St 1\r\nATTENDEE:mailto:m@x.test\rX\nY\0",
                "",
                "A:b\r\nLOCATION:Main St 1\\nATTENDEE:mailto:m@x.test\\nX\\nY",
            ),
            ("DESCRIPTION;LANGUAGE=de:a: ", "b:c", "", "DESCRIPTION;LANGUAGE=de:a: b:c"),
            // A folded line continues.
            ("DESCRIPTION:a\r\n b ", "c;d", "", "DESCRIPTION:a\r\n b c\\;d"),
            (
                "ATTENDEE;CN=",
                "Doe, \"Jo\"",
                ":mailto:a@x.test",
                "ATTENDEE;CN=\"Doe, 'Jo'\":mailto:a@x.test",
            ),
            (
                "ATTENDEE;CN=\"",
                "Doe, \"Jo\"\n",
                "\":mailto:a@x.test",
                "ATTENDEE;CN=\"Doe, 'Jo'\":mailto:a@x.test",
            ),
            (
                "ATTENDEE;CN=Dr ",
                "x;X=y:mailto:m@x.test",
                ":mailto:a@x.test",
                "ATTENDEE;CN=Dr x X=y mailto m@x.test:mailto:a@x.test",
            ),
            ("ATTENDEE;CN=a:mailto:", " a@x.test\n", "", "ATTENDEE;CN=a:mailto:a@x.test"),
            ("RRULE:", "FREQ=WEEKLY;BYDAY=MO,TU", "\n", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU\n"),
            ("url:", "https://x.test/?a=1,2;3", "", "url:https://x.test/?a=1,2;3"),
            ("", "X-A:b\n", ":c", "X-Ab:c"),
        ] {
            assert_eq!(filled(before, value, after).as_deref(), Ok(text));
        }
        for before in ["DTSTART:", "ORGANIZER:mailto:", "A:b\nDTSTART;TZID=x:"] {
            assert_eq!(
                filled(before, "x\nATTENDEE:mailto:m@x.test", ""),
                Err(Code::InvalidCharacter)
            );
        }
    }
}
