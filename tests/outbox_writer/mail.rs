//! The mails that the writer queues. The tests make the same ones, to compare.

use std::fmt::Write as _;

/// The size of a large mail. Inputs of 64 KiB and more are kept in files.
const LARGE: usize = 100_000;

/// Returns the input of the mail with this subject. One that ends with `large` is large.
pub(crate) fn input(subject: &str) -> String {
    let mut text = subject.to_owned();
    while subject.ends_with("large") && text.len() < LARGE {
        // Each large mail has another text, so that each is another file.
        let _ = write!(text, "\\n{subject} at {}", text.len());
    }
    format!(r#"{{"to": "bob@example.net", "subject": "{subject}", "text": "{text}"}}"#)
}
