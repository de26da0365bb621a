//! How the text of each field is read: what `{{...}}` may mean there, and what must become of a value.

use crate::input::fields::attachment::key;
use crate::input::fields::headers::value as header_value;
use crate::input::fields::{Field, fold};
use crate::input::json::{Object, Value};

/// How a field's text is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// `{{...}}` alone.
    Data,
    /// The same, in a list of addresses: a value stays in the element in which its placeholder stands.
    Addresses,
    /// A template, plain.
    Text,
    /// A template whose keywords are escaped for HTML.
    Html,
    /// The attachments, whose members are read by their keys.
    Attachments,
    /// An iCalendar object: `{{...}}` alone, escaped as RFC 5545 has it.
    Calendar,
    /// The field `calendar`.
    CalendarField,
    /// URLs that the host fetches.
    Fetched,
    /// A file's name, in which a value names no directory.
    FileName,
    /// A person's headers: a value stays in the line in which its placeholder stands.
    Headers,
    /// HTML in which `{{...}}` alone means something.
    HtmlData,
    /// The field `listUnsubscribe`.
    ListUnsubscribe,
    /// A URL, of which a value stays a part. What stands before the URL, and is not a part of the text.
    Url(&'static str),
}

impl Reading {
    /// How a field is read.
    pub(super) fn of_field(field: Field, is_html: bool) -> Self {
        match field {
            Field::Body if is_html => Self::Html,
            Field::Html => Self::Html,
            Field::Subject | Field::Body | Field::Text => Self::Text,
            Field::From
            | Field::To
            | Field::Cc
            | Field::Bcc
            | Field::ReplyTo
            | Field::ReturnPath
            | Field::ReadReceiptTo => Self::Addresses,
            Field::Attachments => Self::Attachments,
            Field::Calendar => Self::CalendarField,
            Field::Headers => Self::Headers,
            Field::ListUnsubscribe => Self::ListUnsubscribe,
            _ => Self::Data,
        }
    }

    /// Whether a text may be JSON, as forms hand over objects.
    pub(super) fn may_be_json(self) -> bool {
        matches!(
            self,
            Self::Addresses
                | Self::Attachments
                | Self::CalendarField
                | Self::Headers
                | Self::ListUnsubscribe
        )
    }

    /// How a member of an object is read.
    pub(super) fn of_member(self, name: &str, members: &Object<'_>) -> Self {
        let folded = fold(name);
        let header = header_name(name, members);
        match (self, folded.as_ref()) {
            // `{"name": ..., "email": ...}`: nothing in there is a list.
            (Self::Addresses, _) => Self::Data,
            (Self::Attachments, "text" | "content") => of_file(members),
            (Self::Attachments | Self::CalendarField, "filename" | "name") => Self::FileName,
            (Self::CalendarField, "content") => Self::Calendar,
            (Self::Attachments, _) if key::may_hold_url(name) => Self::Fetched,
            (Self::Attachments, _) => Self::Data,
            (Self::Headers, _) if header_value::holds_urls(header) => Self::Url(""),
            (Self::Headers, _) if header_value::holds_addresses(header) => Self::Addresses,
            (Self::ListUnsubscribe, "url") => Self::Url(""),
            (Self::ListUnsubscribe, "mailto") => Self::Url("mailto:"),
            (Self::CalendarField | Self::ListUnsubscribe, _) => Self::Data,
            _ => self,
        }
    }
}

/// The name of the header that a member of `headers` is of: its key, or the name beside it.
fn header_name<'k>(key: &'k str, members: &'k Object<'_>) -> &'k str {
    if !key.eq_ignore_ascii_case("value") {
        return key;
    }
    let name = members.iter().find_map(|(other, value)| match value {
        Value::String(name) if matches!(fold(other).as_ref(), "name" | "key") => Some(name),
        _ => None,
    });
    name.map_or(key, |name| name.trim_ascii())
}

/// How the text of a file is read: by its type, its name, or its first line.
fn of_file(members: &Object<'_>) -> Reading {
    let text_of = |keys: &[&str]| {
        members.iter().find_map(|(key, value)| match value {
            Value::String(text) if keys.contains(&fold(key).as_ref()) => {
                Some(text.trim_ascii().to_ascii_lowercase())
            }
            _ => None,
        })
    };
    let media_type = text_of(&["contenttype", "type", "mimetype", "mediatype"]).unwrap_or_default();
    let name = text_of(&["filename", "name"]).unwrap_or_default();
    let content = text_of(&["text", "content"]).unwrap_or_default();
    if media_type.starts_with("text/calendar")
        || content.trim_start_matches('\u{feff}').starts_with("begin:vcalendar")
    {
        Reading::Calendar
    } else if media_type.starts_with("text/html")
        || media_type.is_empty() && name.ends_with(".html")
        || media_type.is_empty() && name.ends_with(".htm")
    {
        Reading::HtmlData
    } else {
        Reading::Data
    }
}
