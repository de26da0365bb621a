//! Dates in the formats of RFC 3339 and RFC 5322, and Unix times.

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// A parsed date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Whether the text has no time zone, so that UTC is assumed.
    pub is_assumed_utc: bool,
}

/// Parses `2026-01-02T03:04:05+01:00`, `Fri, 02 Jan 2026 03:04:05 +0100`, or the seconds or milliseconds since 1970.
///
/// Returns `None` for other texts, and for dates before 1900, which a Date header cannot contain (RFC 5322 section
/// 3.3).
pub fn parse(text: &str) -> Option<Date> {
    let text = text.trim_ascii();
    if let Some(seconds) = unix(text) {
        return Some(Date { seconds, is_assumed_utc: false });
    }
    if let Some(seconds) = with_zone(text) {
        return Some(Date { seconds, is_assumed_utc: false });
    }
    // The parts that a form's date and time fields leave out.
    let endings = ["Z", ":00Z", "T00:00:00Z", " +0000"];
    let seconds = endings.iter().find_map(|ending| with_zone(&[text, ending].concat()))?;
    Some(Date { seconds, is_assumed_utc: true })
}

fn with_zone(text: &str) -> Option<i64> {
    let date = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&with_colon(text), &Rfc3339))
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .ok()?;
    (date.year() >= 1900).then(|| date.unix_timestamp())
}

/// Changes the offset of a date from `+0100` to the form of RFC 3339, `+01:00`.
fn with_colon(text: &str) -> String {
    match text.len().checked_sub(2).and_then(|at| text.split_at_checked(at)) {
        Some((before, minutes)) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            [before, ":", minutes].concat()
        }
        _ => text.to_owned(),
    }
}

/// Parses seconds since 1970 with 9 or 10 digits, or milliseconds with 12 or 13 digits: times from 1973 to 2286. A
/// number with other lengths is more likely a date without hyphens, or a mistake.
fn unix(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let number = whole.parse::<i64>().ok().filter(|_| is_number)?;
    match whole.len() {
        9 | 10 => Some(number),
        12 | 13 => Some(number / 1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(|date| date.seconds)
    }

    #[test]
    fn takes_dates_as_programs_write_them() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        for text in [
            "2026-01-02T03:04:05.678+01:00",
            "2026-01-02T02:04:05Z",
            "2026-01-02 02:04:05Z\n",
            "2026-01-02T03:04:05+0100",
            "Fri, 02 Jan 2026 03:04:05 +0100",
            "2 Jan 2026 02:04:05 GMT",
            "1767319445",
            "1767319445.678",
            "1767319445678",
        ] {
            assert_eq!(
                parse(text),
                Some(Date { seconds: 1_767_319_445, is_assumed_utc: false }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_date_without_a_zone_is_utc() {
        for (text, seconds) in [
            ("2026-01-02T02:04:05", 1_767_319_445),
            ("2026-01-02 02:04:05.5", 1_767_319_445),
            ("2026-01-02T02:04", 1_767_319_440),
            ("2026-01-02", 1_767_312_000),
            ("Fri, 02 Jan 2026 02:04:05", 1_767_319_445),
        ] {
            assert_eq!(parse(text), Some(Date { seconds, is_assumed_utc: true }), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "now",
            "20260102",
            "2026",
            "12345678901",
            "1767319445.x",
            "-1767319445",
            "2026-13-01T00:00:00Z",
            "1899-12-31T00:00:00Z",
            "Fri, 32 Jan 2026 03:04:05 +0000",
            "2026-01-02T03:04:05Z\r\nBcc: e@evil.test",
            "Fri, 02 Jan 2026 03:04:05 +0000\r\nBcc: e@evil.test",
            "ü",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
