//! Base64 in an input, checked at once and decoded while it is sent.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A text that is valid base64: padded, canonical (RFC 4648 section 3.5), without white space.
///
/// It borrows from the input, so that a large attachment is in memory only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64Text<'a>(Cow<'a, str>);

/// The reason why a text is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidBase64 {
    /// A character outside the alphabet.
    Character(char),
    /// Padding that is missing, too long, or not at the end.
    Padding,
    /// Unused bits in the last character that are not zero, so that two texts would decode to the same bytes.
    NotCanonical,
}

impl<'a> Base64Text<'a> {
    /// The number of characters that are checked at a time, a multiple of 4.
    const CHECKED_AT_ONCE: usize = 4 * 4096;

    /// Checks a text. White space is ignored, because mail programs and PEM files break lines.
    pub fn parse(text: Cow<'a, str>) -> Result<Self, InvalidBase64> {
        // Most texts have no white space and are read only once.
        let Err(reason) = Self::check(&text) else { return Ok(Self(text)) };
        if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            return Err(reason);
        }
        let text: String = text.split_ascii_whitespace().collect();
        Self::check(&text).map(|()| Self(Cow::Owned(text)))
    }

    fn check(text: &str) -> Result<(), InvalidBase64> {
        let mut scratch = [0; Self::CHECKED_AT_ONCE / 4 * 3];
        for (index, chunk) in text.as_bytes().chunks(Self::CHECKED_AT_ONCE).enumerate() {
            let more = (index + 1) * Self::CHECKED_AT_ONCE < text.len();
            if more && chunk.contains(&b'=') {
                return Err(InvalidBase64::Padding);
            }
            STANDARD.decode_slice(chunk, &mut scratch).map_err(|_| Self::diagnose(text))?;
        }
        Ok(())
    }

    /// Returns the number of decoded bytes.
    pub fn decoded_len(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|&byte| byte == b'=').count();
        self.0.len() / 4 * 3 - padding
    }

    /// Decodes from the byte `offset` on, and appends at most `max` bytes. Both are multiples of 3.
    pub fn decode_from(&self, offset: usize, max: usize, into: &mut Vec<u8>) {
        let start = (offset / 3 * 4).min(self.0.len());
        let end = (start + max / 3 * 4).min(self.0.len());
        STANDARD.decode_vec(&self.0[start..end], into).expect(
            "`parse` checked the text, and any whole groups of 4 characters decode on their own",
        );
    }

    fn diagnose(text: &str) -> InvalidBase64 {
        let alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
        let unpadded = text.trim_end_matches('=');
        match unpadded.chars().find(|&c| !alphabet(c)) {
            Some('=') => InvalidBase64::Padding,
            Some(character) => InvalidBase64::Character(character),
            None if !text.len().is_multiple_of(4) || text.len() - unpadded.len() > 2 => {
                InvalidBase64::Padding
            }
            None => InvalidBase64::NotCanonical,
        }
    }
}

impl fmt::Display for InvalidBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c @ ('-' | '_')) => {
                write!(f, "{c:?} belongs to base64url, not base64; replace - with + and _ with /")
            }
            Self::Character(c) => write!(f, "{c:?} is not a base64 character"),
            Self::Padding => {
                f.write_str("base64 must be padded with = to a length that is a multiple of 4")
            }
            Self::NotCanonical => {
                f.write_str("the last character of this base64 has unused bits that are not zero")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<u8>, InvalidBase64> {
        let text = Base64Text::parse(Cow::Borrowed(text))?;
        let mut bytes = Vec::new();
        text.decode_from(0, text.decoded_len().next_multiple_of(3), &mut bytes);
        assert_eq!(bytes.len(), text.decoded_len());
        Ok(bytes)
    }

    #[test]
    fn white_space_is_ignored() {
        assert_eq!(parse("").unwrap(), b"");
        assert_eq!(parse("aGk=\r\n").unwrap(), b"hi");
        assert_eq!(parse("aG\n k=\t").unwrap(), b"hi");
        // The padding is in the first piece that is checked, and the line break is after it.
        let whole_piece = format!("{}aGk=\n", "AAAA".repeat(Base64Text::CHECKED_AT_ONCE / 4 - 1));
        assert!(parse(&whole_piece).unwrap().ends_with(b"\0hi"));
        assert_eq!(parse("aG\n-_"), Err(InvalidBase64::Character('-')));
    }

    #[test]
    fn one_way_to_write_each_byte_string() {
        use InvalidBase64::*;
        for (text, reason) in [
            ("aGl=", NotCanonical),
            ("aGk", Padding),
            ("aGk==", Padding),
            ("aGk=aGk=", Padding),
            ("====", Padding),
            ("a", Padding),
            ("aG-_", Character('-')),
            ("aG%3D", Character('%')),
            ("héé=", Character('é')),
        ] {
            assert_eq!(parse(text), Err(reason), "{text}");
        }
        let padding_within = format!("{}aGk={}", "AAAA".repeat(4095), "AAAA".repeat(10));
        assert_eq!(parse(&padding_within), Err(Padding));
    }

    #[test]
    fn decodes_piece_by_piece() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n * 7 % 251) as u8).collect();
        let text = Base64Text::parse(STANDARD.encode(&bytes).into()).unwrap();
        let mut decoded = Vec::new();
        while decoded.len() < text.decoded_len() {
            text.decode_from(decoded.len(), 57 * 100, &mut decoded);
        }
        assert!(decoded == bytes);
    }
}
