//! The search for short secrets: as whole words, not inside words.

use std::ops::Range;

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use zeroize::Zeroizing;

use super::is_unseen;
use crate::secret::Secret;

/// A short secret, which a whole word may encode.
#[derive(Clone)]
pub(crate) struct ShortSecret(Zeroizing<String>);

impl ShortSecret {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Zeroizing::new(secret.expose().to_owned()))
    }

    /// Returns the words of a text that encode the secret, or a login that ends with it (RFC 4616).
    pub(crate) fn encodings(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        encoding_words(text).filter(|word| self.is_encoded_in(&text[word.clone()]))
    }

    fn is_encoded_in(&self, word: &str) -> bool {
        let base64 = word.trim_end_matches('=').replace('-', "+").replace('_', "/");
        let decoded = [LENIENT.decode(base64).ok(), from_hexadecimal(word)];
        decoded.into_iter().flatten().map(Zeroizing::new).any(|bytes| {
            let before = bytes.strip_suffix(self.0.as_bytes());
            before.is_some_and(|before| before.is_empty() || before.ends_with(&[0]))
        })
    }
}

/// Reports whether a range of a text is made of whole words. A dot, a dash or an underscore joins the characters on
/// both sides, as in queue ids. Other punctuation ends a word, even if the secret begins or ends with it.
pub(crate) fn stands_apart(text: &str, place: &Range<usize>) -> bool {
    // Some Unicode letters are invisible.
    let is_of_word = |c: char| c.is_alphanumeric() && !is_unseen(c);
    let joins = |next: &mut dyn Iterator<Item = char>| match next.next() {
        Some('.' | '-' | '_') => next.next().is_some_and(is_of_word),
        Some(c) => is_of_word(c),
        None => false,
    };
    let is_open = |edge: Option<char>| edge.is_some_and(|c| is_of_word(c) || ".-_".contains(c));
    let secret = &text[place.clone()];
    let joins_before =
        is_open(secret.chars().next()) && joins(&mut text[..place.start].chars().rev());
    let joins_after = is_open(secret.chars().last()) && joins(&mut text[place.end..].chars());
    !joins_before && !joins_after
}

/// A base64 decoder for echoes: accepts truncated text and leftover bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn from_hexadecimal(word: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        word.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Returns the words of a text that could be base64 or hexadecimal.
fn encoding_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_digit = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_digit)?;
        rest = start + text[start..].find(|c| !is_digit(c)).unwrap_or(text.len() - start);
        Some(start..rest)
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

    use super::*;
    use crate::secret::redaction::{MARK, Redaction};

    fn redaction(secret: &str) -> Redaction {
        let mut redaction = Redaction::default();
        redaction.add(&Secret::new(secret));
        redaction
    }

    #[test]
    fn a_short_secret_inside_an_id_is_not_redacted() {
        for (secret, ids) in [
            ("4X", "4XyZ12 a4X 1-4X-2 x_4X 4X.9 NFg1 0134586f"),
            ("119", "ffacd0b85a97d-381ed975a54si7856017f8f.119 1190"),
            ("12345", "12345678901234 a-12345.b"),
            ("e", "Ok: queued as hello"),
        ] {
            assert_eq!(redaction(secret).clean(ids), ids, "{secret}");
        }
        assert_eq!(redaction("#4X!").clean("x#4X!y"), "x[secret]y");
        for text in ["was 4X.", "(4X)", "pass=4X&x", "user:4X", "\"4X\"", "4X", "as 4X-"] {
            let clean = redaction("4X").clean(text);
            assert_eq!(clean, text.replace("4X", MARK));
        }
    }

    #[test]
    fn an_encoded_login_with_a_short_secret_is_found() {
        for secret in ["a", "4X", "p\u{e4}", "1234", "\u{e4}\u{e4}"] {
            for user in ["", "u", "us", "user", "alice@example.com"] {
                let message = format!("\0{user}\0{secret}");
                let hexadecimal: String =
                    message.bytes().map(|byte| format!("{byte:02x}")).collect();
                for encoded in [
                    STANDARD.encode(&message),
                    URL_SAFE.encode(&message),
                    STANDARD_NO_PAD.encode(&message),
                    STANDARD.encode(secret),
                    hexadecimal,
                ] {
                    let clean = redaction(secret).clean(&format!("you said <{encoded}>"));
                    assert_eq!(clean, format!("you said <{MARK}>"), "{encoded}");
                }
            }
        }
    }
}
