//! The tree of parts.
//!
//! ```text
//! without a calendar: mixed( alternative( text, related( html, inline... ) ), attachments... )
//! with a calendar:    mixed( related( alternative( text, html, calendar ), inline... ), attachments... )
//! ```
//!
//! Levels with one child are left out. With a calendar, `related` is outside, since Thunderbird shows both the text and
//! the pictures only in this form.

use std::borrow::Cow;

use encodify::{base64, qp};
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::file::{File, crlf};
use super::folding::Folding;
use super::message_ids::MessageIds;
use super::parameters::{can_stand_plainly, write_encoded_word, write_parameter};
use crate::input::fields::body::Body;
use crate::input::fields::calendar::Calendar;

/// Builds the tree. The byte `places[n]` stands for the bytes of file `n`, and is recognized by its address.
pub(super) fn build<'m, C>(
    body: &'m Body,
    calendar: Option<&'m Calendar>,
    files: &'m [File<'_, C>],
    places: &'m [u8],
    ids: &mut MessageIds,
    raw: &[&[u8]],
) -> MimePart<'m> {
    let mut related = Vec::new();
    let mut attached = Vec::new();
    for (file, place) in files.iter().zip(places.chunks(1)) {
        let part = file_part(file, file.is_shown || file.inline == Some(true), place);
        if file.is_shown { related.push(part) } else { attached.push(part) }
    }
    let mut level = |kind: &'static str, root: &'static str, mut parts: Vec<MimePart<'m>>| {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut content_type = ContentType::new(format!("multipart/{kind}"));
        if kind == RELATED {
            // This parameter is required (RFC 2387 section 3.1).
            content_type = content_type.attribute("type", root);
        }
        MimePart::new(content_type.attribute("boundary", ids.boundary(raw)), parts)
    };
    let mut alternatives = Vec::new();
    if let Body::Text(text) | Body::Both { text, .. } = body {
        alternatives.push(text_part("text/plain", text));
    }
    let mut shown = match body.html().map(|html| text_part("text/html", html)) {
        Some(html) if calendar.is_none() => {
            related.insert(0, html);
            alternatives.push(level(RELATED, "text/html", related));
            level("alternative", "", alternatives)
        }
        html => {
            alternatives.extend(html);
            alternatives.extend(calendar.map(calendar_part));
            related.insert(0, level("alternative", "", alternatives));
            level(RELATED, "multipart/alternative", related)
        }
    };
    if !attached.is_empty() {
        attached.insert(0, shown);
        shown = level("mixed", "", attached);
    }
    shown
}

const RELATED: &str = "related";

/// Builds a text part in UTF-8, as quoted-printable, or as base64 if that is shorter. Text is always encoded, since a
/// server on the way may misread its line breaks and dots.
fn text_part<'m>(kind: &str, text: &str) -> MimePart<'m> {
    let mut folding = Folding::new("Content-Type");
    folding.word(kind);
    write_parameter(&mut folding, "charset", "utf-8");
    encoded_text(folding.finish(), text)
}

fn calendar_part<'m>(calendar: &Calendar) -> MimePart<'m> {
    let mut folding = Folding::new("Content-Type");
    folding.word("text/calendar");
    write_parameter(&mut folding, "charset", "utf-8");
    write_parameter(&mut folding, "method", calendar.method.as_str());
    if let Some(name) = &calendar.file_name {
        // Mail clients read the name from here. The part has no Content-Disposition, which would make it an attachment.
        match can_stand_plainly(name.as_str()) {
            true => write_parameter(&mut folding, "name", name.as_str()),
            false => write_encoded_word(&mut folding, "name", name.as_str()),
        }
    }
    encoded_text(folding.finish(), &calendar.content)
}

fn encoded_text<'m>(content_type: String, text: &str) -> MimePart<'m> {
    let text = crlf(text);
    let base64_len = base64::MIME.encoded_len(text.len());
    let (encoding, body) = match qp::BODY.encoded_len_within(&text, base64_len) {
        Some(_) => ("quoted-printable", qp::BODY.encode(&text)),
        None => ("base64", base64::MIME.encode(&text)),
    };
    MimePart::raw(body)
        .header("Content-Type", Raw::new(content_type))
        .header("Content-Transfer-Encoding", Raw::new(encoding))
}

fn file_part<'m, C>(file: &'m File<'_, C>, inline: bool, place: &'m [u8]) -> MimePart<'m> {
    let encoding = if file.is_raw() { "7bit" } else { "base64" };
    let mut content_type = Folding::new("Content-Type");
    content_type.word(file.media_type.essence());
    for (name, value) in file.media_type.parameters() {
        write_parameter(&mut content_type, name, value);
    }
    let mut disposition = Folding::new("Content-Disposition");
    disposition.word(if inline { "inline" } else { "attachment" });
    if let Some(name) = &file.file_name {
        write_parameter(&mut disposition, "filename", name.as_str());
        // The encoded word goes into Content-Type, since Evolution and mutt use the first form in a header.
        if !can_stand_plainly(name.as_str()) {
            write_encoded_word(&mut content_type, "name", name.as_str());
        }
    }
    let part = MimePart::raw(BodyPart::Binary(Cow::Borrowed(place)))
        .header("Content-Type", Raw::new(content_type.finish()))
        .header("Content-Transfer-Encoding", Raw::new(encoding))
        .header("Content-Disposition", Raw::new(disposition.finish()));
    match &file.content_id {
        Some(id) => part.header("Content-ID", Raw::new(format!("<{}>", id.as_str()))),
        None => part,
    }
}
