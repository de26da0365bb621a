//! Parameters of Content-Type and Content-Disposition, beyond ASCII and beyond a line (RFC 2231).

use std::borrow::Cow;

use super::folding::Folding;
use crate::input::values::quoted_string::quoted;

/// Values up to this length stand on one line with any name we use.
const MAX_ON_A_LINE: usize = 60;
/// Octets of a value, encoded, in one section: with name, number and charset it fits a line of 78.
const MAX_SECTION: usize = 48;

/// Writes `; name=value`.
///
/// A value that is plain ASCII is a token or a quoted string, however long: readers without RFC 2231 are many, and
/// few count the length of a line. Any other is percent-encoded UTF-8, in numbered sections where it is long.
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

/// Writes `; name="value"` with the value as encoded words, which RFC 2047 section 5 forbids, and every reader knows.
/// Beside the form of RFC 2231, it serves readers that do not know that one.
pub fn write_encoded_word(folding: &mut Folding, name: &str, value: &str) {
    folding.separator(';');
    folding.quoted_words(name, value);
}

/// Whether a value can stand as it is: printable ASCII that no reader takes for an encoded word, which they decode
/// although RFC 2047 section 5 forbids it. A long one with the mark of those in it goes the safe way.
pub fn can_stand_plainly(value: &str) -> bool {
    value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !value.contains("=?")
        && (value.len() <= MAX_ON_A_LINE || !value.contains('?'))
}

/// A value in percent encoding, cut between characters, since many readers decode each section by itself, and not at
/// a blank, since some drop it there.
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

/// What every reader takes without quotes. RFC 2045 section 5.1 allows more, and Python, for one, loses a
/// token with an apostrophe in it.
fn is_token_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._+".contains(&byte)
}

/// RFC 5987 section 3.2.1, which is RFC 2231's attribute-char without what mailers stumble over.
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
                // Whole characters: an even number of the codes of ü.
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
