//! The tree of parts: `mixed( alternative( text, related( html, inline... ), calendar ), attachments... )`,
//! levels with one child left out.

use std::borrow::Cow;

use encodify::{base64, qp};
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::file::{File, crlf};
use super::folding::Folding;
use super::names::Names;
use super::parameters::write_parameter;
use crate::input::body::Body;
use crate::input::calendar::Calendar;
use crate::input::file_name::FileName;

/// Builds the tree. The bytes of file `n` are left out; `places[n]` stands for them, one byte to be known
/// by its address.
pub(super) fn build<'m, C>(
    body: &'m Body,
    calendar: Option<&'m Calendar>,
    files: &'m [File<'_, C>],
    places: &'m [u8],
    names: &mut Names,
    raw: &[&[u8]],
) -> MimePart<'m> {
    let mut related = Vec::new();
    let mut attached = Vec::new();
    for (file, place) in files.iter().zip(places.chunks(1)) {
        let shown =
            body.html().is_some() && file.content_id.is_some() && file.inline != Some(false);
        let part = file_part(file, shown || file.inline == Some(true), place);
        if shown { related.push(part) } else { attached.push(part) }
    }
    let mut level = |kind: &'static str, mut parts: Vec<MimePart<'m>>| match parts.len() {
        1 => parts.remove(0),
        _ => {
            let boundary = names.boundary(raw);
            let content_type =
                ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary);
            MimePart::new(content_type, parts)
        }
    };
    let mut alternatives = Vec::new();
    if let Body::Text(text) | Body::Both { text, .. } = body {
        alternatives.push(text_part("text/plain", text));
    }
    if let Some(html) = body.html() {
        related.insert(0, text_part("text/html", html));
        alternatives.push(level("related", related));
    }
    alternatives.extend(calendar.map(calendar_part));
    attached.insert(0, level("alternative", alternatives));
    level("mixed", attached)
}

/// A part of text in UTF-8: quoted-printable, or base64 where that is shorter. Never as it is: what a
/// person types holds line breaks and dots that a server on the way may take for its own.
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
        write_parameter(&mut folding, "name", name.as_str());
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
        write_file_name(&mut disposition, name);
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

/// A name in the two forms that readers know: RFC 2231's, and a plain one for those that know no other.
/// RFC 2231's first: where a reader takes the first that it understands, it is the right one.
fn write_file_name(disposition: &mut Folding, name: &FileName) {
    /// The plain form is for old readers, to which an ending says enough.
    const MAX_PLAIN: usize = 50;
    write_parameter(disposition, "filename", name.as_str());
    let plain = name.to_ascii();
    if plain != name.as_str() {
        let cut = plain.len().saturating_sub(MAX_PLAIN);
        write_parameter(disposition, "filename", &plain[cut..]);
    }
}
