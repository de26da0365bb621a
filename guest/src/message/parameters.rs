//! Parameters of Content-Type and Content-Disposition, beyond ASCII and beyond a line (RFC 2231).

use std::borrow::Cow;

use super::folding::{Folding, quoted};

/// Values up to this length stand on one line with any name we use.
const MAX_QUOTED: usize = 60;
/// Octets of a value, encoded, in one section: with name, number and charset it fits a line of 78.
const MAX_SECTION: usize = 48;

/// Writes `; name=value`.
///
/// A value that is plain ASCII and short is a token or a quoted string. Any other is percent-encoded
/// UTF-8, in numbered sections where it is long; and so is one that looks like an encoded word, which
/// readers decode although RFC 2047 section 5 forbids it.
pub fn write_parameter(folding: &mut Folding, name: &str, value: &str) {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if plain && value.len() <= MAX_QUOTED && !value.contains("=?") {
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

/// A value in percent encoding, cut between characters: many readers decode each section by itself.
fn sections(value: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for character in value.chars() {
        let mut octets = [0; 4];
        let code: String = character
            .encode_utf8(&mut octets)
            .bytes()
            .map(|byte| match is_attribute_octet(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect();
        let last = sections.last_mut().expect("starts with one, and only grows");
        if last.len() + code.len() > MAX_SECTION {
            sections.push(code);
        } else {
            last.push_str(&code);
        }
    }
    sections
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
        for value in ["ü".repeat(127), "a".repeat(255), "a b".repeat(85)] {
            let written = parameter(&value);
            assert!(written.contains("filename*0*=UTF-8''"));
            for line in written.split("\r\n") {
                assert!(line.len() <= 78, "{line:?}");
                // Whole characters: an even number of the codes of ü.
                assert!(line.matches('%').count() % 2 == 0 || line.contains("%20"), "{line:?}");
            }
        }
    }
}
