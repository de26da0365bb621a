//! Delivery reports from the recipients' servers to the sender (RFC 3461).

use super::settings::Settings;
use super::text::{read_choice, read_scalar};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;

/// A request for delivery status notifications.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// The events to report. If all are false, the request is for no report.
    pub notify: Notify,
    /// The part of the message to include in a report.
    pub report: Option<Report>,
    /// The id of the message in a report: printable ASCII.
    pub envelope_id: Option<String>,
}

/// The events to report (RFC 3461 section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// The message arrived.
    pub success: bool,
    /// The message will not arrive.
    pub failure: bool,
    /// The message is late.
    pub delay: bool,
}

/// The part of the message that a report includes (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The whole message.
    Full,
    /// Only the headers.
    Headers,
}

/// The longest envelope id in characters (RFC 3461 section 4.4).
const MAX_ENVELOPE_ID: usize = 100;

#[derive(Clone, Copy, PartialEq)]
enum When {
    Never,
    Success,
    Failure,
    Delay,
}

const WHEN: &[(&str, When)] = &[
    ("success", When::Success),
    ("failure", When::Failure),
    ("delay", When::Delay),
    ("never", When::Never),
];

const REPORTS: &[(&str, Report)] =
    &[("full", Report::Full), ("headers", Report::Headers), ("hdrs", Report::Headers)];

/// The keys of the field.
pub const KEYS: &[&str] = &["notify", "return", "envelopeId"];

/// Nodemailer's names for the keys, folded, each with its key.
pub const ALIASES: &[(&str, &str)] =
    &[("ret", "return"), ("id", "envelopeId"), ("envid", "envelopeId")];

/// Reads the field `dsn`: `{notify, return, envelopeId}`.
pub fn read(value: Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Notification> {
    let mut settings = Settings::read_with_aliases(value, KEYS, ALIASES, path, findings)?;
    let notify = settings.take("notify");
    let notify = read_notify(&notify, &path.key("notify"), findings);
    let report = settings.take("return");
    let report = read_choice(&report, REPORTS, &path.key("return"), findings);
    let envelope_id = settings.take("envelopeId");
    let envelope_id = read_envelope_id(&envelope_id, &path.key("envelopeId"), findings);
    Some(Notification { notify, report, envelope_id })
}

fn read_notify(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Notify {
    if value.is_absent() {
        // The default of servers.
        return Notify { failure: true, ..Notify::default() };
    }
    let mut chosen = Vec::new();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                chosen.extend(read_choice(item, WHEN, &path.index(index), findings));
            }
        }
        Value::String(text) => {
            for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
                chosen.extend(read_choice(&Value::String(word.into()), WHEN, path, findings));
            }
        }
        other => chosen.extend(read_choice(other, WHEN, path, findings)),
    }
    if chosen.contains(&When::Never) && chosen.len() > 1 {
        findings.issue(
            path,
            Code::UnknownValue,
            "\"never\" cannot be combined with other values (RFC 3461)",
        );
    }
    Notify {
        success: chosen.contains(&When::Success),
        failure: chosen.contains(&When::Failure),
        delay: chosen.contains(&When::Delay),
    }
}

fn read_envelope_id(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<String> {
    if value.is_absent() {
        return None;
    }
    let text = read_scalar(value, path, findings)?;
    let text = text.trim_ascii();
    if text.len() > MAX_ENVELOPE_ID || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!(
            "an envelope id has at most {MAX_ENVELOPE_ID} printable ASCII characters, without spaces"
        );
        findings.issue(path, Code::InvalidCharacter, message);
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dsn(json: &str) -> (Option<Notification>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        (read(value, &Path::ROOT.key("dsn"), &mut findings), findings)
    }

    #[test]
    fn words_may_come_as_an_array_or_as_text() {
        let all = Notify { success: true, failure: true, delay: true };
        for json in [
            r#"{"notify": ["success", "FAILURE", "delay"]}"#,
            r#"{"Notify": "success, failure,delay"}"#,
        ] {
            assert_eq!(dsn(json).0.unwrap().notify, all, "{json}");
        }
        assert_eq!(dsn(r#"{"notify": "never"}"#).0.unwrap().notify, Notify::default());
        let found = dsn(r#"{"return": "HDRS", "envelopeId": "QQ314159"}"#).0.unwrap();
        assert_eq!(found.report, Some(Report::Headers));
        assert_eq!(found.envelope_id.as_deref(), Some("QQ314159"));
        assert!(found.notify.failure);
        // Nodemailer's names.
        assert_eq!(dsn(r#"{"ret": "HDRS", "id": "QQ314159\n"}"#).0.unwrap(), found);
    }

    #[test]
    fn a_dsn_value_cannot_inject_into_a_command() {
        for (json, path) in [
            (r#"{"envelopeId": "x\r\nRCPT TO:<e@evil.test>"}"#, "dsn.envelopeId"),
            (r#"{"envelopeId": "a b"}"#, "dsn.envelopeId"),
            (r#"{"notify": ["success", "never"]}"#, "dsn.notify"),
            (r#"{"notify": ["always"]}"#, "dsn.notify[0]"),
            (r#"{"return": "body"}"#, "dsn.return"),
            (r#"{"recipient": "e@evil.test"}"#, "dsn.recipient"),
            (r#"{"id": "a", "envelopeId": "b"}"#, "dsn.envelopeId"),
            ("true", "dsn"),
        ] {
            assert_eq!(dsn(json).1.issues[0].path, path, "{json}");
        }
    }
}
