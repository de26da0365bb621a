//! Redaction of secrets in text from servers. Some servers echo what the client sends.
//!
//! The search skips characters that a reader cannot see. It finds a secret even if control characters, zero-width
//! characters or line breaks stand between its characters. Redaction stops echoes, not a hostile server: such a server
//! knows the secret and can always encode it in a form that this module does not search for.
//!
//! A short secret can be a part of many other words, such as `4X` in the queue id `4XyZ12`. The search finds it only as
//! a whole word, and in base64 and hexadecimal words that decode to it or to a login that ends with it.

mod short;

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use self::short::{ShortSecret, stands_apart};
use super::Secret;

/// The forms in which a server may echo a connection's secrets.
#[derive(Clone, Default)]
pub(crate) struct Redaction {
    forms: Vec<Form>,
    short: Vec<ShortSecret>,
}

/// A text to search for, and the characters that may interrupt it.
#[derive(Clone)]
struct Form {
    text: Zeroizing<String>,
    gaps: Gaps,
    /// Whether the search also finds it inside words.
    in_words: bool,
}

/// The characters that the search skips. A long secret may skip more: ordinary words are unlikely to spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gaps {
    /// Skips no characters. Used for a short secret with invisible characters: without them, little of it would
    /// remain.
    None,
    /// Skips invisible characters.
    Unseen,
    /// Also skips line breaks.
    LineEnds,
    /// Also skips blanks.
    Blanks,
}

/// The replacement for a secret.
const MARK: &str = "[secret]";

/// The least length for a search across line breaks. Ordinary words on two lines could spell a shorter secret.
const FOUND_ACROSS_LINES: usize = 4;

/// The least length for a search across blanks. Some providers show long secrets in groups of four.
const FOUND_ACROSS_BLANKS: usize = 8;

/// The least length for a search inside words. A queue id of 32 hexadecimal digits contains a given sequence of five
/// digits in 1 of 37,000 cases, and a given sequence of two digits in 1 of 8.
const FOUND_IN_WORDS: usize = 6;

impl Redaction {
    /// Adds a secret: in plain text, and in the encodings of SASL, URLs and hexadecimal dumps.
    pub(crate) fn add(&mut self, secret: &Secret) {
        let bytes = secret.expose().as_bytes();
        self.add_form(secret.expose());
        if (1..FOUND_IN_WORDS).contains(&bytes.len()) {
            self.short.push(ShortSecret::new(secret));
        }
        for digits in ["0123456789abcdef", "0123456789ABCDEF"] {
            self.add_form(&encoded(bytes, digits, "", |_| false));
            self.add_form(&encoded(bytes, digits, "%", is_unreserved));
        }
        for offset in 0..3 {
            let base64 = base64_inside(bytes, offset);
            self.add_form(&base64);
            // The URL-safe alphabet, if it differs.
            if base64.contains(['+', '/']) {
                self.add_form(&Zeroizing::new(base64.replace('+', "-").replace('/', "_")));
            }
        }
    }

    fn add_form(&mut self, text: &str) {
        let form = Form::of(text);
        if !form.text.is_empty() && !self.forms.iter().any(|one| one.text == form.text) {
            self.forms.push(form);
        }
    }

    /// Redacts one line, and replaces invisible characters with blanks.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.clean_lines(&[text]).concat()
    }

    /// Redacts lines that belong together. A secret across several lines is marked on the first line.
    pub(crate) fn clean_lines(&self, lines: &[&str]) -> Vec<String> {
        // `\n` separates the lines below, so a line break inside a line becomes `\r`.
        let text = lines.iter().map(|line| line.replace('\n', "\r")).collect::<Vec<_>>().join("\n");
        let mut clean = String::with_capacity(text.len());
        let mut rest = 0;
        for found in self.find(&text) {
            clean.push_str(&text[rest..found.start]);
            clean.push_str(MARK);
            clean.extend(text[found.clone()].chars().filter(|c| *c == '\n'));
            rest = found.end;
        }
        clean.push_str(&text[rest..]);
        let seen = |c: char| match c {
            char::REPLACEMENT_CHARACTER => c,
            _ if is_unseen(c) || is_line_end(c) || c == '\t' => ' ',
            _ => c,
        };
        clean.split('\n').map(|line| line.chars().map(seen).collect()).collect()
    }

    /// Returns the ranges of secrets, sorted and with overlaps merged.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for gaps in [Gaps::None, Gaps::Unseen, Gaps::LineEnds, Gaps::Blanks] {
            let mut forms = self.forms.iter().filter(|form| form.gaps == gaps).peekable();
            if forms.peek().is_some() {
                let dense = Dense::of(text, gaps);
                found.extend(forms.flat_map(|form| {
                    let places = dense.find(&form.text).into_iter();
                    places.filter(|place| form.in_words || stands_apart(text, place))
                }));
            }
        }
        found.extend(self.short.iter().flat_map(|secret| secret.encodings(text)));
        found.sort_by_key(|range| (range.start, range.end));
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }
}

impl Form {
    fn of(text: &str) -> Self {
        let seen = text.chars().filter(|c| !Gaps::Blanks.include(*c)).count();
        let gaps = match seen {
            FOUND_ACROSS_BLANKS.. => Gaps::Blanks,
            FOUND_ACROSS_LINES.. => Gaps::LineEnds,
            _ if text.contains(is_unseen) => Gaps::None,
            _ => Gaps::Unseen,
        };
        // Allocated once, as below: a buffer that grows leaves copies of the secret behind.
        let mut form = Zeroizing::new(String::with_capacity(text.len()));
        form.extend(text.chars().filter(|c| !gaps.include(*c)));
        Self { text: form, gaps, in_words: seen >= FOUND_IN_WORDS }
    }
}

/// A text without the skipped characters, with the original position of each remaining byte.
struct Dense {
    text: String,
    places: Vec<usize>,
    end: usize,
}

impl Dense {
    fn of(text: &str, gaps: Gaps) -> Self {
        let mut dense = Self { text: String::new(), places: Vec::new(), end: text.len() };
        for (place, c) in text.char_indices().filter(|(_, c)| !gaps.include(*c)) {
            dense.text.push(c);
            dense.places.extend(place..place + c.len_utf8());
        }
        dense
    }

    fn find(&self, form: &str) -> Vec<Range<usize>> {
        let place = |at: usize| self.places.get(at).copied().unwrap_or(self.end);
        self.text
            .match_indices(form)
            .map(|(at, form)| place(at)..place(at + form.len() - 1) + 1)
            .collect()
    }
}

impl Gaps {
    fn include(self, c: char) -> bool {
        match self {
            Self::None => false,
            Self::Unseen => is_unseen(c),
            Self::LineEnds => is_unseen(c) || is_line_end(c),
            Self::Blanks => is_unseen(c) || is_line_end(c) || c.is_whitespace(),
        }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Reports whether a character is invisible or changes how its neighbours look: controls other than blanks and line
/// breaks, format characters (Cf) and other default ignorable code points (UAX #44). The replacement character counts
/// too, because it replaces bytes that were not UTF-8.
fn is_unseen(c: char) -> bool {
    match c {
        '\t' => false,
        _ if is_line_end(c) => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}' | '\u{3164}' => true,
        '\u{600}'..='\u{605}' | '\u{890}'..='\u{891}' | '\u{115f}'..='\u{1160}' => true,
        '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' => true,
        '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | char::REPLACEMENT_CHARACTER => true,
        '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => c.is_control(),
    }
}

/// Returns the base64 characters that encode only the secret, if it starts `offset` octets into a group of three. In
/// `\0user\0secret`, it may start at any offset.
fn base64_inside(secret: &[u8], offset: usize) -> Zeroizing<String> {
    let mut padded = Zeroizing::new(Vec::with_capacity(offset + secret.len()));
    padded.resize(offset, 0);
    padded.extend_from_slice(secret);
    let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&padded));
    let start = (8 * offset).div_ceil(6);
    let end = 8 * padded.len() / 6;
    Zeroizing::new(encoded.get(start..end).unwrap_or_default().to_owned())
}

/// Encodes each byte as hexadecimal digits after `lead`, except the bytes that `stays` accepts.
fn encoded(secret: &[u8], digits: &str, lead: &str, stays: fn(u8) -> bool) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(secret.len() * (2 + lead.len())));
    for byte in secret {
        if stays(*byte) {
            text.push(char::from(*byte));
            continue;
        }
        text.push_str(lead);
        for digit in [byte >> 4, byte & 0xf].map(usize::from) {
            text.push_str(&digits[digit..=digit]);
        }
    }
    text
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    fn redaction(secret: &str) -> Redaction {
        let mut redaction = Redaction::default();
        redaction.add(&Secret::new(secret));
        redaction
    }

    #[test]
    fn no_form_of_a_secret_is_left() {
        let secret = "s3cr3t & p\u{e4}ss?>~";
        let redaction = redaction(secret);
        for user in ["", "u", "us", "user", "alice@example.com"] {
            let message = format!("\0{user}\0{secret}");
            for sasl in [STANDARD.encode(&message), URL_SAFE.encode(&message)] {
                let clean = redaction.clean(&sasl);
                assert!(clean.contains(MARK), "{user}: {clean}");
                let decoded = STANDARD.decode(clean.replace(MARK, "")).unwrap_or_default();
                assert!(!String::from_utf8_lossy(&decoded).contains("s3cr3t"), "{user}");
            }
        }
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent = "s3cr3t%20%26%20p%C3%A4ss%3F%3E~";
        let lower = "s3cr3t%20%26%20p%c3%a4ss%3f%3e~";
        for text in [secret, percent, lower, &hexadecimal, &hexadecimal.to_ascii_uppercase()] {
            let clean = redaction.clean(&format!("you said <{text}>"));
            assert_eq!(clean, format!("you said <{MARK}>"));
        }
        assert_eq!(redaction.clean("250 ok"), "250 ok");
    }

    #[test]
    fn a_secret_is_found_with_what_cannot_be_seen_in_it() {
        for secret in ["pAssw0rd-Very-Secret", "s3cr3t", "ab"] {
            let (start, end) = secret.split_at(secret.len() / 2);
            for unseen in [
                "\x07",
                "\0",
                "\x1b",
                "\x7f",
                "\u{9b}",
                "\u{ad}",
                "\u{200b}",
                "\u{200d}",
                "\u{202e}",
                "\u{2066}",
                "\u{feff}",
                "\u{fe0f}",
                "\u{e0041}",
                "\u{3164}",
                "\u{fffd}",
                "\x07\u{200b}\x07",
            ] {
                let text = format!("bad {start}{unseen}{end}!");
                assert_eq!(redaction(secret).clean(&text), format!("bad {MARK}!"), "{text:?}");
                let every: String =
                    secret.chars().flat_map(|c| [c.to_string(), unseen.to_owned()]).collect();
                let clean = redaction(secret).clean(&every);
                assert_eq!(clean.trim_end_matches(['\u{fffd}', ' ']), MARK, "{every:?}");
            }
        }
    }

    #[test]
    fn a_secret_is_found_on_several_lines() {
        for secret in ["pAssw0rd-Very-Secret", "s3cr3t"] {
            let redaction = redaction(secret);
            let (start, end) = secret.split_at(4);
            let lines = redaction.clean_lines(&[
                &format!("bad {start}"),
                "",
                &format!("{end} you said"),
                "x",
            ]);
            assert_eq!(lines, [&format!("bad {MARK}"), "", " you said", "x"]);
            for line_end in ["\n", "\r", "\r\n", "\u{2028}", "\u{85}", "\x0b", "\u{200b}\r"] {
                assert_eq!(
                    redaction.clean(&format!("{start}{line_end}{end}")),
                    MARK,
                    "{line_end:?}"
                );
            }
        }
        let long = redaction("pAssw0rd-Very-Secret");
        assert_eq!(long.clean("pAss w0rd-\tVery\u{a0}-Secret"), MARK);
        assert_eq!(long.clean_lines(&["pAssw0rd- ", " Very-Secret"]), [MARK, ""]);
        // A password in the groups that providers show.
        let groups = redaction("abcd efgh ijkl mnop");
        for text in ["abcd efgh ijkl mnop", "abcdefghijklmnop", "abcd\nefgh ijkl mnop"] {
            assert_eq!(groups.clean(text), MARK);
        }
    }

    #[test]
    fn redacting_a_short_secret_removes_only_that_word() {
        let text = "250 2.0.0 is it so of\tten? ab and a b";
        for (secret, clean) in [
            ("iso", "250 2.0.0 is it so of ten? ab and a b"),
            ("ab", "250 2.0.0 is it so of ten? [secret] and a b"),
            ("often", "250 2.0.0 is it so of ten? ab and a b"),
            ("a\u{200b}", "250 2.0.0 is it so of ten? ab and a b"),
            ("\u{200b}", "250 2.0.0 is it so of ten? ab and a b"),
            ("a b", "250 2.0.0 is it so of ten? ab and [secret]"),
        ] {
            assert_eq!(redaction(secret).clean(text), clean, "{secret:?}");
        }
        assert_eq!(redaction("iso").clean_lines(&["this", "of that"]), ["this", "of that"]);
        assert_eq!(redaction("a\u{200b}").clean("a\u{200b}"), MARK);
    }

    #[test]
    fn no_terminal_control_characters_are_left() {
        let clean = redaction("s3cr3t")
            .clean("a\x1b[2J\u{9b}31m\u{202e}b\u{2066}c\r\nd\u{2028}e caf\u{fffd}");
        assert_eq!(clean, "a [2J 31m b c  d e caf\u{fffd}");
    }
}
