//! Invitations: an iCalendar object that the recipient can answer in a mail program (RFC 6047).

use std::borrow::Cow;

use super::settings::Settings;
use super::text::{read_choice, read_text};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;
use crate::input::values::file_name::FileName;

/// A calendar part.
#[derive(Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The iTIP method. Outlook shows buttons for REQUEST, and only if the part's `method` and the object's METHOD are
    /// the same.
    pub method: Method,
    /// The iCalendar object, with its METHOD.
    pub content: String,
    /// The file name of the part.
    pub file_name: Option<FileName>,
}

/// iTIP methods (RFC 5546 section 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Adds instances to an event.
    Add,
    /// Cancels an event.
    Cancel,
    /// Proposes a change, such as another time.
    Counter,
    /// Declines a proposed change.
    DeclineCounter,
    /// Announces an event that needs no answer.
    Publish,
    /// Asks for the latest version.
    Refresh,
    /// Answers an invitation.
    Reply,
    /// Invites, or asks to accept a change.
    Request,
}

const METHODS: &[(&str, Method)] = &[
    ("REQUEST", Method::Request),
    ("CANCEL", Method::Cancel),
    ("REPLY", Method::Reply),
    ("PUBLISH", Method::Publish),
    ("ADD", Method::Add),
    ("COUNTER", Method::Counter),
    ("DECLINECOUNTER", Method::DeclineCounter),
    ("REFRESH", Method::Refresh),
];

impl Method {
    /// Returns the method's name in iCalendar.
    pub fn as_str(self) -> &'static str {
        METHODS
            .iter()
            .find(|(_, method)| *method == self)
            .map(|(name, _)| *name)
            .expect("METHODS lists every method")
    }
}

/// The keys of the field.
pub const KEYS: &[&str] = &["method", "content", "filename"];

/// Reads the field `calendar`: `{method, content, filename}`.
pub fn read(value: Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Calendar> {
    let mut settings = Settings::read(value, KEYS, path, findings)?;
    let method = settings.take("method");
    let method = read_choice(&method, METHODS, &path.key("method"), findings);
    let content = settings.take("content");
    let place = path.key("content");
    let content = read_text(&content, "\n", &place, findings).unwrap_or_default();
    let file_name = settings.take("filename");
    let file_name = read_text(&file_name, "", &path.key("filename"), findings)
        .and_then(|name| FileName::sanitise(&name))
        .or_else(|| FileName::sanitise("invite.ics"))
        .map(|(name, _)| name);
    let content = plain_line_ends(content);
    // On Windows, UTF-8 files begin with a byte order mark.
    let object = content.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if object.is_empty() {
        findings.issue(&place, Code::MissingValue, "the iCalendar object is missing");
        return None;
    }
    if !starts_with_line(object, "BEGIN:VCALENDAR") || !ends_with_line(object, "END:VCALENDAR") {
        let message = "an iCalendar object starts with BEGIN:VCALENDAR and ends with END:VCALENDAR";
        findings.issue(&place, Code::UnknownValue, message);
        return None;
    }
    if object.contains('\0') {
        findings.issue(
            &place,
            Code::InvalidCharacter,
            "the iCalendar object contains a NUL character",
        );
        return None;
    }
    let (method, content) = agree(method, object, path, findings)?;
    Some(Calendar { method, content, file_name })
}

/// Changes CR CR LF to CRLF. Programs write it when they write text with CRLF in a text mode that adds a CR.
fn plain_line_ends(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("\r\r") {
        return text;
    }
    let line = |line: &str| match line.trim_end_matches('\r') {
        shorter if shorter.len() + 1 < line.len() => format!("{shorter}\r"),
        _ => line.to_owned(),
    };
    Cow::Owned(text.split('\n').map(line).collect::<Vec<_>>().join("\n"))
}

/// Returns the method, which must be the same in the field and in the object, and the object with its METHOD.
fn agree(
    given: Option<Method>,
    object: &str,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Option<(Method, String)> {
    let line = object.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("METHOD").then_some(value.trim())
    });
    let Some(inside) = line else {
        let method = given.unwrap_or(Method::Request);
        let place = path.key("content");
        let message =
            format!("the iCalendar object has no METHOD; METHOD:{} was added", method.as_str());
        findings.warn(&place, Code::Sanitised, message);
        let rest = &object["BEGIN:VCALENDAR".len()..];
        return Some((method, format!("BEGIN:VCALENDAR\r\nMETHOD:{}{rest}", method.as_str())));
    };
    let inside = METHODS.iter().find(|(name, _)| name.eq_ignore_ascii_case(inside));
    match (given, inside.map(|(_, method)| *method)) {
        (None, Some(inside)) => Some((inside, object.to_owned())),
        (Some(given), Some(inside)) if given == inside => Some((given, object.to_owned())),
        (_, None) => {
            let message = "the METHOD in the iCalendar object is not an iTIP method (RFC 5546)";
            findings.issue(&path.key("content"), Code::UnknownValue, message);
            None
        }
        (Some(given), Some(inside)) => {
            let message = format!(
                "the method is {}, but METHOD in the iCalendar object is {}; they must be the same",
                given.as_str(),
                inside.as_str()
            );
            findings.issue(&path.key("method"), Code::UnknownValue, message);
            None
        }
    }
}

fn starts_with_line(text: &str, line: &str) -> bool {
    text.lines().next().is_some_and(|first| first.trim_end().eq_ignore_ascii_case(line))
}

fn ends_with_line(text: &str, line: &str) -> bool {
    text.lines().next_back().is_some_and(|last| last.trim_end().eq_ignore_ascii_case(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(json: &str) -> (Option<Calendar>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        (read(value, &Path::ROOT.key("calendar"), &mut findings), findings)
    }

    #[test]
    fn the_method_comes_from_either_place() {
        let object = r"BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nEND:VCALENDAR\r\n";
        for json in [
            format!(r#"{{"content": "{object}"}}"#),
            format!(r#"{{"content": "{object}", "method": "cancel", "filename": "i.ics"}}"#),
        ] {
            assert_eq!(calendar(&json).0.unwrap().method, Method::Cancel);
        }
        let (found, findings) = calendar(r#"{"content": "BEGIN:VCALENDAR\nEND:VCALENDAR"}"#);
        let found = found.unwrap();
        assert_eq!(found.file_name.unwrap().as_str(), "invite.ics");
        assert_eq!(found.content, "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\nEND:VCALENDAR");
        assert_eq!(findings.warnings.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_and_doubled_carriage_returns_are_left_out() {
        let json = "{\"content\": \"\u{feff}BEGIN:VCALENDAR\\r\\r\\nMETHOD:ADD\\r\\nX:\\r\\r\\r\\nEND:VCALENDAR\\r\\r\\n\"}";
        let (found, findings) = calendar(json);
        assert!(findings.is_valid() && findings.warnings.is_empty(), "{findings:?}");
        assert_eq!(found.unwrap().content, "BEGIN:VCALENDAR\r\nMETHOD:ADD\r\nX:\r\nEND:VCALENDAR");
    }

    #[test]
    fn an_invitation_that_no_program_would_answer_is_an_issue() {
        for (json, path) in [
            (r#"{"content": "see you"}"#, "calendar.content"),
            (r#"{"method": "REQUEST"}"#, "calendar.content"),
            (r#"{"content": "BEGIN:VCALENDAR\nMETHOD:X\nEND:VCALENDAR"}"#, "calendar.content"),
            (
                r#"{"content": "BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR", "method": "ADD"}"#,
                "calendar.method",
            ),
            (
                r#"{"method": "INVITE", "content": "BEGIN:VCALENDAR\nMETHOD:ADD\nEND:VCALENDAR"}"#,
                "calendar.method",
            ),
            (r#"{"contents": "x"}"#, "calendar.contents"),
            (r#""BEGIN:VCALENDAR""#, "calendar"),
        ] {
            assert_eq!(calendar(json).1.issues[0].path, path, "{json}");
        }
    }
}
