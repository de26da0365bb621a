//! Whole numbers of more than 64 bits, such as card and container numbers of 20 digits.

use std::borrow::Cow;

use memchr::memchr2;

/// Puts whole numbers of more than 64 bits in quotes, so that they keep all their digits.
///
/// Read as a number, `89014103211118510720` would become `89014103211118510000`. All other text is unchanged, including
/// mistakes.
pub(super) fn keep(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1),
            b'-' | b'0'..=b'9' => {
                let end = number_end(text, at);
                let number = &text[at..end];
                if is_beyond_64_bits(number) {
                    kept.push_str(&text[copied..at]);
                    kept.extend(["\"", number, "\""]);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    kept.push_str(&text[copied..]);
    Cow::Owned(kept)
}

/// Returns the index after the quote that ends a string.
fn string_end(text: &str, mut at: usize) -> usize {
    while let Some(found) = text.as_bytes().get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if text.as_bytes()[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}

fn number_end(text: &str, start: usize) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let length = text.as_bytes()[start..].iter().take_while(|byte| is_part(byte)).count();
    start + length
}

fn is_beyond_64_bits(number: &str) -> bool {
    /// The most digits of a number that always fits in 64 bits.
    const FEW: usize = 18;
    let digits = number.strip_prefix('-').unwrap_or(number);
    // A number that starts with 0 is not JSON. The parser reports it.
    digits.len() > FEW
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse::<u64>().is_err()
        && number.parse::<i64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_their_digits() {
        for (text, kept) in [
            ("[89014103211118510720]", r#"["89014103211118510720"]"#),
            (
                r#"{"a": -99999999999999999999, "b": 1}"#,
                r#"{"a": "-99999999999999999999", "b": 1}"#,
            ),
            ("89014103211118510720", r#""89014103211118510720""#),
        ] {
            assert_eq!(keep(text), kept);
        }
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "0.12345678901234567890123",
            "1e400",
            "12345678901234567890.5",
            "00000000000000000000000",
            r#"{"a": "x \" 89014103211118510720 \\"}"#,
            "\"89014103211118510720",
            "\"\\",
        ] {
            assert!(matches!(keep(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
