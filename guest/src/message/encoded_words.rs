//! Encoded words for non-ASCII text in headers (RFC 2047).

use encodify::rfc2047::{B, WordEncoder};

/// The length of `=?utf-8?B?` and `?=` around a word's payload.
pub const OVERHEAD: usize = "=?utf-8?B?".len() + "?=".len();

/// The maximum payload of a word that is alone on a line: 76 characters (RFC 2047 section 2) minus the space before the
/// word and the overhead.
const FULL_LINE: usize = 76 - 1 - OVERHEAD;

/// A text that is being split into encoded words.
///
/// Each base64 word except the last holds a multiple of three octets. The RFC says that each word is decoded
/// separately, but GMime, postal-mime and others join adjacent words before they decode them, and lose the text after
/// padding.
pub struct EncodedWords<'t> {
    rest: &'t str,
    quoted: WordEncoder,
    is_base64: bool,
}

impl<'t> EncodedWords<'t> {
    /// Prepares a text, in base64 or in the given Q encoding, whichever is shorter.
    pub fn new(text: &'t str, quoted: WordEncoder) -> Self {
        let is_base64 = B.payload_len(text) < quoted.payload_len(text);
        Self { rest: text, quoted, is_base64 }
    }

    /// Reports whether one word on a separate line can hold the whole text, although `room` characters cannot.
    pub fn would_fit_on_a_line(&self, room: usize) -> bool {
        let encoder = if self.is_base64 { B } else { self.quoted };
        let length = encoder.payload_len(self.rest);
        (room + 1..=FULL_LINE).contains(&length)
    }

    /// Reports whether the whole text has been consumed.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the next word with a payload of at most `room` characters, or `None` if the word should start on a new
    /// line.
    pub fn next_within(&mut self, room: usize) -> Option<String> {
        let room = room.min(FULL_LINE);
        let (letter, encoder, most) = match self.base64_prefix(room) {
            Prefix::Fits(length) => ('B', B, length),
            Prefix::NeedsMoreRoom => return None,
            Prefix::Never(length) => ('Q', self.quoted, length),
        };
        let mut payload = String::new();
        let taken = encoder.encode_payload(&self.rest[..most], room, &mut payload);
        if taken == 0 {
            return None;
        }
        self.rest = &self.rest[taken..];
        Some(format!("=?utf-8?{letter}?{payload}?="))
    }

    fn base64_prefix(&self, room: usize) -> Prefix {
        if !self.is_base64 {
            return Prefix::Never(self.rest.len());
        }
        if let Some(length) = whole_groups(self.rest, room) {
            return Prefix::Fits(length);
        }
        // The shortest prefix after which base64 fills whole groups again, or the whole text.
        let starts = self.rest.char_indices().map(|(index, _)| index);
        let even = |start: &usize| whole_groups(&self.rest[*start..], FULL_LINE).is_some();
        match starts.clone().find(even) {
            Some(0) => Prefix::NeedsMoreRoom,
            Some(length) => Prefix::Never(length),
            None => Prefix::Never(self.rest.len()),
        }
    }
}

/// The part of a text that fits into the next base64 word.
enum Prefix {
    /// This number of octets fits.
    Fits(usize),
    /// Nothing fits here, but something fits on a new line.
    NeedsMoreRoom,
    /// Nothing fits on any line. This number of octets must first go into a word in Q encoding.
    Never(usize),
}

/// Returns the length of the longest prefix that fits into `room` characters of base64. The prefix is the whole text,
/// or it fills whole groups (three octets, four characters).
fn whole_groups(text: &str, room: usize) -> Option<usize> {
    let most = room / 4 * 3;
    if text.len() <= most {
        return Some(text.len());
    }
    (1..=most / 3).rev().map(|groups| groups * 3).find(|length| text.is_char_boundary(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    use encodify::rfc2047::Q_TEXT;

    fn words(text: &str) -> Vec<String> {
        let mut words = EncodedWords::new(text, Q_TEXT);
        let mut found = Vec::new();
        while !words.is_empty() {
            found.push(words.next_within(FULL_LINE).expect("a line has room for a word"));
        }
        found
    }

    #[test]
    fn only_the_last_word_of_base64_is_padded() {
        for text in [
            "日本語の件名".repeat(20),
            format!("a{}", "日本語の件名".repeat(20)),
            "😀".repeat(50),
            format!("aé😀{}", "é😀日".repeat(30)),
            "ß日".repeat(40),
        ] {
            let words = words(&text);
            let base64: Vec<_> = words.iter().filter(|word| word.contains("?B?")).collect();
            assert!(base64.len() > 1, "{words:?}");
            let (last, before) = base64.split_last().expect("there are some");
            assert!(before.iter().all(|word| !word.ends_with("=?=")), "{words:?}");
            assert_eq!(Some(*last), words.last(), "{words:?}");
            let joined = words.join(" ");
            let read =
                encodify::rfc2047::decode_text(joined.as_bytes(), encodify::rfc2047::utf8_charset);
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_word_that_does_not_fit_waits_for_the_next_line() {
        let mut words = EncodedWords::new("😀😀😀😀😀😀😀😀😀😀😀😀", Q_TEXT);
        assert_eq!(words.next_within(12), None);
        assert!(words.next_within(FULL_LINE).is_some());
    }
}
