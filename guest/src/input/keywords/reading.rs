//! The rules for placeholders in each field: which syntax is allowed, and how a value is escaped.

use crate::input::fields::attachment::key;
use crate::input::fields::headers::value as header_value;
use crate::input::fields::{Field, fold};
use crate::input::json::{Object, Value};

/// The rules for placeholders in a text.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reading {
    /// `{{...}}` only.
    Data,
    /// `{{...}}` in a list of addresses. A value stays in the list element of its placeholder.
    Addresses,
    /// A plain text template.
    Text,
    /// A template whose values are escaped for HTML.
    Html,
    /// The attachments. The rules for a member depend on its key.
    Attachments,
    /// An iCalendar object: `{{...}}` only, escaped as in RFC 5545.
    Calendar,
    /// The field `calendar`.
    CalendarField,
    /// URLs that the host fetches.
    Fetched,
    /// A file name. A value cannot add a directory.
    FileName,
    /// Custom headers. A value stays in the line of its placeholder.
    Headers,
    /// HTML with `{{...}}` only.
    HtmlData,
    /// The field `listUnsubscribe`.
    ListUnsubscribe,
    /// A URL. A value stays in its part of the URL. Holds the prefix of the URL that is not in the text.
    Url(&'static str),
}

impl Reading {
    /// Returns the rules for a field.
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

    /// Reports whether a text may be JSON, which forms send for objects.
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

    /// Returns the rules for a member of an object.
    pub(super) fn of_member(self, name: &str, members: &Object<'_>) -> Self {
        let folded = fold(name);
        let header = header_name(name, members);
        match (self, folded.as_ref()) {
            // `{"name": ..., "email": ...}`: its values are not lists.
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

/// Returns the header name for a member of `headers`: its key, or the name next to it.
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

/// Returns the rules for the text of a file, based on its type, name or first line.
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
