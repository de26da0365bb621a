//! The values that identify an email: its Message-ID, its date and its idempotency key.

use super::{Field, Fields, text};
use crate::input::findings::{Code, Findings};
use crate::input::values::date;
use crate::input::values::message_id::MessageId;

/// The longest idempotency key in bytes.
const MAX_IDEMPOTENCY_KEY: usize = 512;

pub fn read_message_id(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<MessageId> {
    fields.read(Field::MessageId, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let id = MessageId::parse_strictly(&text);
        if text.ends_with(['\r', '\n']) || text.starts_with(['\r', '\n']) {
            findings.warn(
                path,
                Code::Sanitised,
                "the line break before or after the id was removed",
            );
        }
        if id.is_none() {
            let message = "not a valid message id; write it as <something@example.com>";
            findings.issue(path, Code::InvalidMessageId, message);
        }
        id
    })
}

pub fn read_date(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<i64> {
    fields.read(Field::Date, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let date = date::parse(&text);
        match date {
            None => {
                let message = "not a valid date; write it as 2026-01-02T03:04:05Z (RFC 3339)";
                findings.issue(path, Code::InvalidDate, message);
            }
            Some(date) if date.is_assumed_utc => {
                let message =
                    "the date has no time zone, so UTC is used; add Z or an offset such as +01:00";
                findings.warn(path, Code::Sanitised, message);
            }
            Some(_) => {}
        }
        date.map(|date| date.seconds)
    })
}

pub fn read_idempotency_key(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<String> {
    fields.read(Field::IdempotencyKey, |value, path| {
        if value.is_absent() {
            return None;
        }
        let text = text::read_scalar(&value, path, findings)?;
        let text = text.trim_ascii();
        if text.len() > MAX_IDEMPOTENCY_KEY {
            let message =
                format!("an idempotency key can be at most {MAX_IDEMPOTENCY_KEY} bytes long");
            findings.issue(path, Code::TooLong, message);
            return None;
        }
        Some(text.to_owned())
    })
}
