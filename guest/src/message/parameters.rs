//! Writes parameters of Content-Type and Content-Disposition, including non-ASCII and long values (RFC 2231).

use std::borrow::Cow;

use super::folding::Folding;
use crate::input::values::quoted_string::quoted;

/// The maximum length of a value that fits on one line with every name used here.
const MAX_ON_A_LINE: usize = 60;
/// The maximum length of an encoded section in octets. With name, number and charset, it fits on a line of 78
/// characters.
const MAX_SECTION: usize = 48;

/// Writes `; name=value`.
///
/// A plain ASCII value is written as a token or a quoted string, even if the line gets long: many mail clients do not
/// support RFC 2231, and few check the length of a line. Any other value is written as percent-encoded UTF-8, in
/// numbered sections if it is long.
pub fn write_parameter(folding: &mut Folding, name: &str, value: &str) {
    if can_stand_plainly(value) {
        let is_token = !value.is_empty() && value.bytes().all(is_token_octet);
        let value = if is_token { Cow::Borrowed(value) } else { Cow::Owned(quoted(value)) };
        folding.separator(';');
        folding.word(&[name, "=", &value].concat());
        return;
    }
    let sections = sections(value);
    for (index, section) in sections.iter().enumerate() {
        let charset = if index == 0 { "UTF-8''" } else { "" };
        folding.separator(';');
        folding.word(&match sections.len() {
            1 => format!("{name}*={charset}{section}"),
            _ => format!("{name}*{index}*={charset}{section}"),
        });
    }
}

/// Writes `; name="value"` with the value as encoded words. RFC 2047 section 5 forbids this form, but every mail client
/// reads it. It is written in addition to the form of RFC 2231, for mail clients that do not support that one.
pub fn write_encoded_word(folding: &mut Folding, name: &str, value: &str) {
    folding.separator(';');
    folding.quoted_words(name, value);
}

/// Reports whether a value can be written unchanged. It must be printable ASCII that cannot be mistaken for an encoded
/// word, since mail clients decode those here although RFC 2047 section 5 forbids it. A long value with a `?` in it is
/// encoded, to be safe.
pub fn can_stand_plainly(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !value.contains("=?")
        && (value.len() <= MAX_ON_A_LINE || !value.contains('?'))
}

/// Percent-encodes a value and splits it into sections. It is split between characters, since many mail clients decode
/// each section separately, and not at a space, since some drop it there.
fn sections(value: &str) -> Vec<String> {
    let codes: Vec<String> = value.chars().map(percent_encoded).collect();
    let is_blank = |index: usize| codes[index] == "%20";
    let mut sections = Vec::new();
    let mut start = 0;
    while start < codes.len() {
        let mut length = 0;
        let fits = |code: &&String| {
            length += code.len();
            length <= MAX_SECTION
        };
        let end = start + codes[start..].iter().take_while(fits).count();
        let clear = (start + 1..=end)
            .rev()
            .find(|&end| end == codes.len() || !is_blank(end - 1) && !is_blank(end));
        let end = clear.unwrap_or(end);
        sections.push(codes[start..end].concat());
        start = end;
    }
    if sections.is_empty() {
        sections.push(String::new());
    }
    sections
}

fn percent_encoded(character: char) -> String {
    let mut octets = [0; 4];
    let code = |byte: u8| match is_attribute_octet(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    character.encode_utf8(&mut octets).bytes().map(code).collect()
}

/// Reports whether every mail client accepts an octet without quotes. RFC 2045 section 5.1 allows more, but Python, for
/// example, loses a token with an apostrophe in it.
fn is_token_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._+".contains(&byte)
}

/// Reports whether an octet is an `attr-char` of RFC 5987 section 3.2.1: the attribute-char of RFC 2231 without the
/// octets that some mail clients do not handle.
fn is_attribute_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(value: &str) -> String {
        let mut folding = Folding::new("Content-Disposition");
        folding.word("attachment");
        write_parameter(&mut folding, "filename", value);
        folding.finish()
    }

    #[test]
    fn short_ascii_is_a_token_or_quoted() {
        assert_eq!(parameter("a.pdf"), "attachment; filename=a.pdf");
        assert_eq!(parameter("a b.pdf"), "attachment; filename=\"a b.pdf\"");
        assert_eq!(parameter("a\"b\\.pdf"), "attachment; filename=\"a\\\"b\\\\.pdf\"");
        assert_eq!(parameter(""), "attachment; filename=\"\"");
        assert_eq!(parameter("a*0=evil.exe"), "attachment; filename=\"a*0=evil.exe\"");
    }

    #[test]
    fn the_rest_is_percent_encoded() {
        assert_eq!(
            parameter("résumé ✓.pdf"),
            "attachment;\r\n filename*=UTF-8''r%C3%A9sum%C3%A9%20%E2%9C%93.pdf"
        );
        assert!(parameter("=?utf-8?Q?evil.exe?=").contains("filename*=UTF-8''%3D%3Futf-8"));
    }

    #[test]
    fn long_values_are_cut_into_sections_that_fit_their_lines() {
        for value in ["ü".repeat(127), "ü b".repeat(60), format!("ü{}", "a".repeat(250))] {
            let written = parameter(&value);
            assert!(written.contains("filename*0*=UTF-8''"));
            for line in written.split("\r\n") {
                assert!(line.len() <= 78, "{line:?}");
                // Characters are not split: each ü has both of its octets on the line.
                assert!(line.matches("%C3").count() == line.matches("%BC").count(), "{line:?}");
                let section = line.trim_end_matches(';').rsplit('=').next().unwrap();
                assert!(!section.starts_with("%20") && !section.ends_with("%20"), "{line:?}");
            }
        }
    }

    #[test]
    fn ascii_is_plain_however_long() {
        let name = "Minutes of the annual general meeting of the Association - final (2).pdf";
        assert_eq!(parameter(name), format!("attachment;\r\n filename=\"{name}\""));
        assert_eq!(parameter("What is new?.pdf"), "attachment; filename=\"What is new?.pdf\"");
        let asked = format!("{}?.pdf", "Which of the reports ".repeat(4));
        assert!(parameter(&asked).contains("filename*0*=UTF-8''Which"));
    }

    #[test]
    fn an_encoded_word_stands_in_quotes() {
        for name in ["résumé ✓.pdf".to_owned(), "ü".repeat(127), "日本語の件名".repeat(20)]
        {
            let mut folding = Folding::new("Content-Type");
            folding.word("application/pdf");
            write_encoded_word(&mut folding, "name", &name);
            let written = folding.finish();
            assert!(written.split("\r\n").all(|line| line.len() <= 78), "{written}");
            let header = format!("Content-Type: {written}\r\n\r\n");
            let parsed = mail_parser::MessageParser::new().parse(header.as_bytes()).unwrap();
            let kind = mail_parser::MimeHeaders::content_type(&parsed).unwrap();
            assert_eq!(kind.attribute("name"), Some(name.as_str()), "{written}");
        }
    }
}
