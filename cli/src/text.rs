//! Errors, times and sizes in words.

use std::error::Error as _;
use std::time::Duration;

use smtp_connector_host::{Delivered, Error, Issue, Retry};

/// An error for a person, line by line: what happened, where, and what to do.
pub(crate) fn error(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {}", without_numbers(&error.to_string()))];
    // One alone is the error's message.
    if error.issues().len() > 1 {
        let line = |one: &Issue| format!("  {} [{}]", issue(one), one.code);
        lines.extend(error.issues().iter().map(line));
    }
    for refusal in error.refusals() {
        let enhanced = refusal.reply.enhanced.map_or(String::new(), |code| format!(" {code}"));
        let said = refusal.reply.text.replace('\n', " ");
        lines.push(format!("  {}: {}{enhanced} {said}", refusal.recipient, refusal.reply.code));
    }
    if let Some(hint) = error.hint() {
        lines.push(format!("  hint: {hint}"));
    }
    if error.delivered() == Delivered::Unknown {
        let id = error.message_id().unwrap_or("unknown");
        lines.push(format!("  Message-ID: {id}"));
    } else if error.retry() == Retry::Later {
        lines.push("  nothing was sent; the same may work later".to_owned());
    }
    lines
}

/// An issue with its place, if it has one.
pub(crate) fn issue(issue: &Issue) -> String {
    match issue.path.as_str() {
        "$" => issue.message.clone(),
        path => format!("{path}: {}", issue.message),
    }
}

/// What an error was caused by, one line for each step.
pub(crate) fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(format!("  caused by: {cause}"));
        next = cause.source();
    }
    causes
}

/// Why something could not be read or written, without the number that the system has for it.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let words = without_numbers(&error.to_string());
    let mut letters = words.chars();
    let first = letters.next().map_or(String::new(), |letter| letter.to_lowercase().to_string());
    first + letters.as_str()
}

/// A sentence without the numbers that the system has for errors: `(os error 2)`.
pub(crate) fn without_numbers(sentence: &str) -> String {
    let mut parts = sentence.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| match part.split_once(')') {
        Some((number, rest)) if number.parse::<i32>().is_ok() => plain + rest,
        _ => plain + " (os error " + part,
    })
}

/// An error and what it was caused by, on one line. Our errors do not repeat their causes.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let shown = cause.downcast_ref().map_or_else(|| cause.to_string(), reason);
        line = format!("{line}: {shown}");
        next = cause.source();
    }
    line
}

/// A number of bytes, to three digits.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    // Rounding is what it is for.
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", units[unit])
}

/// A time, to a tenth of a millisecond.
pub(crate) fn duration(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// `one file`, `3 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("one {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_numbers() {
        for (error, text) in [
            (std::io::Error::from_raw_os_error(2), "no such file or directory"),
            (std::io::Error::other("The disk is gone"), "the disk is gone"),
        ] {
            assert!(!cfg!(unix) || reason(&error) == text, "{}", reason(&error));
        }
        let twice = "a (os error 2); b (os error 13): c (os error x) d";
        assert_eq!(without_numbers(twice), "a; b: c (os error x) d");
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1234, "1.23 kB"),
            (56_789, "56.8 kB"),
            (999_999, "1.00 MB"),
            (26_214_400, "26.2 MB"),
            (345_678_901, "346 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
