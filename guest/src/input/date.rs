//! Dates as RFC 3339 writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since 1970-01-01T00:00:00Z of a date such as `2026-01-02T03:04:05+01:00`.
///
/// None: it is no such date, or one before 1900, which a Date header cannot hold (RFC 5322 section 3.3).
pub fn parse(text: &str) -> Option<i64> {
    let date = OffsetDateTime::parse(text.trim_ascii(), &Rfc3339).ok()?;
    (date.year() >= 1900).then(|| date.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_offsets_and_fractions() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2026-01-02T03:04:05.678+01:00"), Some(1_767_319_445));
        assert_eq!(parse("2026-01-02 03:04:05Z"), parse("2026-01-02T03:04:05Z"));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "now",
            "2026-01-02",
            "2026-13-01T00:00:00Z",
            "1899-12-31T00:00:00Z",
            "Fri, 02 Jan 2026 03:04:05 +0000",
            "2026-01-02T03:04:05Z\r\nBcc: e@evil.test",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
