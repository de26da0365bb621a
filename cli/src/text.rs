//! Errors, times and sizes as text.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use smtp_connector_host::{Delivered, Error, Issue, Retry};

/// Formats an error as lines: what happened, where, and what to do.
pub(crate) fn error(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("error: {}", without_numbers(&error.to_string()))];
    // A single issue is already the error's message.
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
        lines.push("  nothing was sent; try again later".to_owned());
    }
    lines
}

/// Formats an issue, with its path unless that is the whole input.
pub(crate) fn issue(issue: &Issue) -> String {
    match issue.path.as_str() {
        "$" => issue.message.clone(),
        path => format!("{path}: {}", issue.message),
    }
}

/// Lists the causes of an error, one line for each.
pub(crate) fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(format!("  caused by: {cause}"));
        next = cause.source();
    }
    causes
}

/// Formats an I/O error without the system's error number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let words = without_numbers(&error.to_string());
    let mut letters = words.chars();
    let first = letters.next().map_or(String::new(), |letter| letter.to_lowercase().to_string());
    first + letters.as_str()
}

/// Removes the system's error numbers from a sentence: `(os error 2)`.
pub(crate) fn without_numbers(sentence: &str) -> String {
    let mut parts = sentence.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| match part.split_once(')') {
        Some((number, rest)) if number.parse::<i32>().is_ok() => plain + rest,
        _ => plain + " (os error " + part,
    })
}

/// Formats an error and its causes on one line. The project's errors do not repeat their causes.
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

/// Formats a number of bytes with three digits.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    // The loss of precision is intended: the value is rounded.
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", units[unit])
}

/// Formats a time: `1.3 ms`, `412 ms` or `1.4 s`.
pub(crate) fn duration(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        ..9.95 => format!("{milliseconds:.1} ms"),
        9.95..999.5 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Formats the time that has passed: `just now`, `5 minutes ago`.
pub(crate) fn ago(then: SystemTime) -> String {
    let passed = SystemTime::now().duration_since(then.max(UNIX_EPOCH)).unwrap_or(Duration::ZERO);
    match passed.as_secs() {
        0..=1 => "just now".to_owned(),
        seconds @ 2..=119 => format!("{seconds} seconds ago"),
        seconds @ 120..=7_199 => format!("{} minutes ago", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} hours ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

/// Quotes a word of a command line for the shell, if it needs quotes.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Formats a count: `one file`, `3 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("one {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded() {
        for (microseconds, text) in
            [(1_340, "1.3 ms"), (9_960, "10 ms"), (412_400, "412 ms"), (1_449_000, "1.4 s")]
        {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell_only_if_needed() {
        for (word, text) in [
            ("a@example.com", "a@example.com"),
            ("", "''"),
            ("my work", "'my work'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(word), text);
        }
    }

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
