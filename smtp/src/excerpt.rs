//! Short excerpts of untrusted text for error messages.

use std::fmt::Write as _;

/// Returns at most 80 characters of a text, in quotes and with escaped control characters.
///
/// The text is cut before it is escaped. A component's text can be as large as its memory, and five times that when
/// escaped.
///
/// ```text
/// "bob@example.net"
/// "xxxxxxxx…" (62914560 bytes)
/// ```
pub fn excerpt(text: &str) -> String {
    const SHOWN: usize = 80;
    let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(end, _)| end);
    let mut shown = String::new();
    // Writing to a String cannot fail.
    let _ = match end == text.len() {
        true => write!(shown, "{text:?}"),
        false => write!(shown, "\"{}…\" ({} bytes)", text[..end].escape_debug(), text.len()),
    };
    shown
}

/// Shortens a text to at most `most` bytes and an ellipsis, and releases unused memory.
pub fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = text.floor_char_boundary(most);
        text.truncate(end);
        text.push('…');
    }
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_repeated_in_part() {
        assert_eq!(excerpt("a\r\nb"), r#""a\r\nb""#);
        assert_eq!(excerpt(&"ü".repeat(80)), format!("\"{}\"", "ü".repeat(80)));
        let long = excerpt(&"\u{1}".repeat(1 << 20));
        assert!(long.starts_with("\"\\u{1}") && long.ends_with("…\" (1048576 bytes)"), "{long}");
        assert!(long.len() < 1000);
    }

    #[test]
    fn a_shortened_text_keeps_only_the_memory_that_it_shows() {
        assert_eq!(shortened("abc".to_owned(), 3), "abc");
        assert_eq!(shortened("aüb".to_owned(), 2), "a…");
        assert!(shortened("x".repeat(1 << 20), 10).capacity() < 100);
    }
}
