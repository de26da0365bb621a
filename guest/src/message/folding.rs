//! Writes header values on lines of at most 78 characters (RFC 5322 section 2.1.1), with non-ASCII text as encoded
//! words (RFC 2047).

use encodify::rfc2047::{Q_PHRASE, Q_TEXT};

use super::encoded_words::{EncodedWords, OVERHEAD};
use crate::input::values::quoted_string::quoted;

/// A writer of a header's value, which folds long lines.
pub struct Folding {
    value: String,
    /// The number of characters on the current line, including the header's name.
    column: usize,
    /// Whether the value is still empty. Folding here would leave an empty first line.
    at_start: bool,
}

/// The preferred maximum length of a line.
const LINE: usize = 78;
/// The maximum length of a line with an encoded word (RFC 2047 section 2).
const ENCODED_LINE: usize = 76;
/// The maximum length of a word that is written without encoding, since a header line may have at most 998 octets.
const MAX_PLAIN_WORD: usize = 900;
/// The maximum length of a quoted name. Longer names are written as encoded words, since a quoted string cannot be
/// folded well.
const MAX_QUOTED: usize = 60;

impl Folding {
    /// Starts the value of a header.
    pub fn new(header: &str) -> Self {
        Self { value: String::with_capacity(LINE), column: header.len() + 2, at_start: true }
    }

    /// Returns the value, with the line breaks of folding.
    pub fn finish(self) -> String {
        self.value
    }

    /// Writes a word without spaces, after a space or on a new line.
    pub fn word(&mut self, word: &str) {
        if !self.at_start {
            // Leave room for a separator after the word.
            self.blank(word.len() + 1, LINE);
        }
        self.push(word);
    }

    /// Writes a separator right after the last word.
    pub fn separator(&mut self, separator: char) {
        self.value.push(separator);
        self.column += 1;
    }

    /// Writes free text. Mail clients read back exactly this text, including its spaces.
    pub fn text(&mut self, text: &str) {
        if !can_stand_plainly(text) {
            self.encoded_words(EncodedWords::new(text, Q_TEXT));
            return;
        }
        self.verbatim(text);
    }

    /// Writes printable ASCII unchanged, including its spaces. No word in it may fill a whole line.
    pub fn verbatim(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let blanks = rest.len() - rest.trim_start_matches(' ').len();
            let end = rest[blanks..].find(' ').map_or(rest.len(), |end| blanks + end);
            let (piece, after) = rest.split_at(end);
            if !self.at_start && self.column + piece.len() > LINE {
                self.fold();
            }
            self.push(piece);
            rest = after;
        }
    }

    /// Writes a name as a phrase (RFC 5322 section 3.2.5): plain, quoted, or as encoded words.
    pub fn phrase(&mut self, name: &str) {
        let ascii = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !ascii || name.contains("=?") || name.len() > MAX_QUOTED {
            let words = EncodedWords::new(name, Q_PHRASE);
            // Every mail client shows a name in one encoded word without gaps.
            if words.would_fit_on_a_line(self.room_for_payload()) {
                self.fold();
            }
            self.encoded_words(words);
            return;
        }
        let is_atom =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let plain = name.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_atom));
        // Do not fold inside a quoted name: GMime shows the line break.
        if plain { self.word(name) } else { self.word(&quoted(name)) }
    }

    /// Writes `name="value"` on a new line, the value as encoded words.
    pub fn quoted_words(&mut self, name: &str, value: &str) {
        self.fold();
        self.push(&[" ", name, "=\""].concat());
        let mut words = EncodedWords::new(value, Q_PHRASE);
        let mut is_first = true;
        while !words.is_empty() {
            // Leave room for the quote and a separator after it.
            match words.next_within(self.room_for_payload().saturating_sub(2)) {
                Some(word) if is_first => self.push(&word),
                Some(word) => {
                    self.push(" ");
                    self.push(&word);
                }
                None => self.fold(),
            }
            is_first = false;
        }
        self.push("\"");
    }

    fn encoded_words(&mut self, mut words: EncodedWords<'_>) {
        while !words.is_empty() {
            match words.next_within(self.room_for_payload()) {
                Some(word) if self.at_start => self.push(&word),
                Some(word) => {
                    self.push(" ");
                    self.push(&word);
                }
                None => self.fold(),
            }
        }
    }

    /// Returns the maximum payload of an encoded word on this line.
    fn room_for_payload(&self) -> usize {
        let blank = usize::from(!self.at_start);
        ENCODED_LINE.saturating_sub(self.column + blank + OVERHEAD)
    }

    /// Writes a space, or folds the line if `next` characters do not fit after it.
    fn blank(&mut self, next: usize, limit: usize) {
        if self.column + 1 + next > limit {
            self.fold();
            self.push(" ");
        } else {
            self.value.push(' ');
            self.column += 1;
        }
    }

    fn fold(&mut self) {
        self.value.push_str("\r\n");
        self.column = 0;
        self.at_start = false;
    }

    fn push(&mut self, text: &str) {
        self.value.push_str(text);
        self.column += text.len();
        self.at_start = false;
    }
}

/// Reports whether text can be written unchanged. It must be printable ASCII that cannot be mistaken for encoded words.
/// It must not start or end with a space, which would be lost, and no word may fill a whole line.
pub fn can_stand_plainly(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !text.contains("=?")
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && text.split(' ').all(|word| word.len() <= MAX_PLAIN_WORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut folding = Folding::new("Subject");
        folding.text(text);
        folding.finish()
    }

    fn phrase(name: &str) -> String {
        let mut folding = Folding::new("From");
        folding.phrase(name);
        folding.finish()
    }

    /// Checks that every line is within its limit and not blank.
    fn check_lines(header: &str, value: &str) {
        for (index, line) in value.split("\r\n").enumerate() {
            let length = line.len() + if index == 0 { header.len() + 2 } else { 0 };
            let limit = if line.contains("=?") { ENCODED_LINE } else { LINE };
            assert!(length <= limit, "{length}: {line:?}");
            assert!(index == 0 || !line.trim().is_empty(), "{value:?}");
            assert!(index == 0 || line.starts_with(' '), "{value:?}");
        }
    }

    /// Decodes a value as a mail client does.
    fn read_back(value: &str) -> String {
        encodify::rfc2047::decode_text(value.as_bytes(), encodify::rfc2047::utf8_charset)
            .into_owned()
    }

    #[test]
    fn plain_text_is_left_alone() {
        assert_eq!(text("Hello, World"), "Hello, World");
        assert_eq!(text("a  b"), "a  b");
        assert_eq!(text(""), "");
    }

    #[test]
    fn long_text_is_folded_at_blanks_and_keeps_them() {
        let long = "word and ".repeat(40) + "end  with  two   blanks";
        let value = text(&long);
        check_lines("Subject", &value);
        assert_eq!(value.replace("\r\n", ""), long);
    }

    #[test]
    fn other_text_becomes_encoded_words_that_read_back() {
        for original in [
            "Grüße aus Köln".to_owned(),
            "😀".repeat(100),
            "Ärger mit Übergrößen ".repeat(20),
            "trailing blank ".to_owned(),
            " leading blank".to_owned(),
            "=?utf-8?Q?x=0D=0ABcc:_evil@evil.test?=".to_owned(),
            "a".repeat(5_000),
            "日本語の件名".repeat(30),
        ] {
            let value = text(&original);
            check_lines("Subject", &value);
            assert_eq!(read_back(&value), original);
            assert!(value.is_ascii());
            assert!(!value.contains("Bcc: "));
        }
    }

    #[test]
    fn a_long_header_name_leaves_room_on_the_next_line() {
        let name = "X-".to_owned() + &"a".repeat(58);
        let mut folding = Folding::new(&name);
        folding.text(&"ü".repeat(100));
        let value = folding.finish();
        check_lines(&name, &value);
        assert_eq!(read_back(&value), "ü".repeat(100));
    }

    #[test]
    fn names_are_plain_quoted_or_encoded() {
        assert_eq!(phrase("Bob"), "Bob");
        assert_eq!(phrase("Bob B Brown"), "Bob B Brown");
        assert_eq!(phrase("Doe, Jo"), "\"Doe, Jo\"");
        assert_eq!(phrase("J. R."), "\"J. R.\"");
        assert_eq!(phrase("a\\"), "\"a\\\\\"");
        assert_eq!(phrase("x\" <ceo@bank.example>, \"y"), "\"x\\\" <ceo@bank.example>, \\\"y\"");
        assert_eq!(phrase("Bücher"), "=?utf-8?Q?B=C3=BCcher?=");
        for encoded in ["=?utf-8?Q?evil?=".to_owned(), "Name ".repeat(50), "ü".repeat(250)] {
            let value = phrase(&encoded);
            check_lines("From", &value);
            assert_eq!(read_back(&value), encoded);
        }
    }
}
