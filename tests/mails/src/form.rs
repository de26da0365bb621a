//! The form of a message: rules that do not depend on its content.

use crate::mail::HIDDEN;

/// Checks rules for every message (RFC 5322 section 2.1, RFC 2047 section 2).
///
/// # Errors
///
/// Returns what is wrong, with the message.
pub fn check_form(message: &str) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what}:\n{message}"));
    if !message.is_ascii() {
        return fail("beyond ASCII");
    }
    if message.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return fail("a lone CR or LF, or a NUL");
    }
    let (head, _) = message.split_once("\r\n\r\n").expect("a header block");
    // A word that fills a line by itself cannot be folded, and no folding is allowed directly after a header's name.
    let could_fold = |line: &str| {
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        value.trim_start().contains(' ')
    };
    if head.split("\r\n").any(|line| line.len() > 78 && could_fold(line)) {
        return fail("a header line over 78");
    }
    if head.split("\r\n").any(|line| line.trim_ascii().is_empty()) {
        return fail("a blank header line");
    }
    if message.split("\r\n").any(|line| line.len() > 998) {
        return fail("a line over 998");
    }
    if message.contains(HIDDEN) {
        return fail("a hidden recipient shows");
    }
    Ok(())
}
