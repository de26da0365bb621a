//! Text that is safe to show on a terminal.
//!
//! Text from components, servers, mails and arguments may contain escape sequences, which a terminal executes. It may
//! also contain bidirectional controls, which reorder the text around them
//! ([Trojan Source](https://trojansource.codes)). This module escapes such characters as Rust does: `\u{1b}`.

use std::borrow::Cow;

/// Escapes one line. A line end becomes `\n`, so that a value cannot imitate other lines.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\t')
}

/// Escapes several lines, whose values are already escaped.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

/// Escapes a message, or other text that is shown unchanged, for a terminal.
pub(super) fn raw(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let ends = text.split_inclusive("\r\n");
    // A CR without LF moves to the start of the line, where later text hides earlier text.
    let shown = ends.map(|line| match line.strip_suffix("\r\n") {
        Some(line) => lines(line).into_owned() + "\r\n",
        None => lines(line).into_owned(),
    });
    shown.collect()
}

/// Escapes a JSON document without changing its value: `\u001b`.
pub(super) fn json(document: &str) -> Cow<'_, str> {
    if !document.contains(|c| is_active(c) && !matches!(c, '\n' | '\t')) {
        return Cow::Borrowed(document);
    }
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        match c {
            // Strings already escape these (RFC 8259, section 7), so here they are whitespace.
            '\n' | '\t' => safe.push(c),
            '\r' => safe.push(' '),
            c if is_active(c) => {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                safe.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Reports whether a text needs no escapes.
pub(super) fn is_printable(text: &str) -> bool {
    !text.contains(is_active)
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_escaped = |c| is_active(c) && !is_kept(c);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Reports whether a character controls the terminal, or changes how other characters are shown.
fn is_active(c: char) -> bool {
    match c {
        // C0, DEL and C1. In some terminals, a single C1 character means ESC [.
        c if c.is_control() => true,
        // Marks, embeddings, overrides and isolates (UAX #9); line and paragraph separators.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Deprecated format characters, the byte order mark, and tags, which are invisible text.
        '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: &str = "\0\x07\x08\x0b\x1b\x1f\x7f\u{80}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\
                          \u{202e}\u{2066}\u{2069}\u{206a}\u{206f}\u{feff}\u{e0001}\u{e007f}";

    #[test]
    fn terminal_control_characters_are_shown_as_escapes() {
        for c in ACTIVE.chars() {
            let shown = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!(line(&format!("a{c}b")), shown);
            assert_eq!(lines(&format!("a{c}b")), shown);
            assert_eq!(raw(format!("a{c}b").as_bytes()), shown);
            assert!(!is_printable(&format!("a{c}b")));
        }
        for text in ["", "Grüße, 你好, שלום, \u{1f469}\u{200d}\u{1f692} e\u{301}", "a\tb"] {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn a_value_cannot_pass_for_a_line() {
        assert_eq!(line("x\nerror: y\r\nz\r"), r"x\nerror: y\r\nz\r");
        assert_eq!(lines("x\ny\r"), "x\ny\\r");
        assert_eq!(raw(b"a\r\nb\nc\rd\x9be\r\n"), "a\r\nb\nc\\rd\u{fffd}e\r\n");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ ACTIVE: [ACTIVE, "\n\r\t\"\\", "ü"] });
        for document in [value.to_string(), format!("{value:#}").replace('\n', "\r\n\t")] {
            let safe = json(&document);
            assert!(lines(&safe) == safe, "{safe}");
            let read: serde_json::Value = serde_json::from_str(&safe).expect("it is JSON");
            assert_eq!(read, value);
        }
        assert!(matches!(json("{\n}"), Cow::Borrowed(_)));
    }
}
