//! Converts pictures in the HTML from data URIs, which Gmail and Outlook do not show, to inline attachments.

use super::attachment::{self, Attachment};
use crate::html::references::References;
use crate::input::findings::Path;
use crate::input::values::message_id::ContentId;

/// Moves the pictures out of an HTML body into inline attachments, and replaces each with a reference.
///
/// A picture that occurs twice is attached once. A data URI that cannot be parsed is unchanged.
pub fn attach(html: &mut String, attachments: &mut Vec<Attachment<'_>>, path: &Path<'_>) {
    let mut uris = References::read(html).data_images;
    uris.sort_unstable();
    uris.dedup();
    // In their order in the text, so that the first picture is the first attachment.
    uris.sort_by_key(|uri| html.find(uri.as_str()));
    let mut pictures: Vec<(String, String)> = Vec::new();
    for uri in uris {
        let id = free_id(attachments);
        let reference = format!("cid:{}", id.as_str());
        if html.contains(uri.as_str())
            && let Some(picture) = attachment::inline_picture(uri.clone(), id, path)
        {
            attachments.push(picture);
            pictures.push((uri, reference));
        }
    }
    // The longest first, because a URI may be a prefix of another.
    pictures.sort_by_key(|(uri, _)| std::cmp::Reverse(uri.len()));
    let mut changed = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(at) = next_data(rest) {
        changed.push_str(&rest[..at]);
        rest = &rest[at..];
        match pictures.iter().find(|(uri, _)| rest.starts_with(uri.as_str())) {
            Some((uri, reference)) => {
                changed.push_str(reference);
                rest = &rest[uri.len()..];
            }
            None => {
                changed.push_str(&rest[..SCHEME.len()]);
                rest = &rest[SCHEME.len()..];
            }
        }
    }
    changed.push_str(rest);
    *html = changed;
}

const SCHEME: &str = "data:";

/// Finds the next `data:`, where a data URI may begin.
fn next_data(text: &str) -> Option<usize> {
    text.match_indices(':').find_map(|(colon, _)| {
        let start = colon.checked_sub(SCHEME.len() - 1)?;
        text.get(start..=colon)?.eq_ignore_ascii_case(SCHEME).then_some(start)
    })
}

/// Returns a content id that no attachment has yet.
fn free_id(attachments: &[Attachment<'_>]) -> ContentId {
    let taken = |id: &ContentId| attachments.iter().any(|one| one.content_id.as_ref() == Some(id));
    (1..=attachments.len() + 1)
        .filter_map(|number| ContentId::parse(&format!("picture-{number}@html")))
        .find(|id| !taken(id))
        .expect("there is one more id than attachments, so one is free")
}

#[cfg(test)]
mod tests {
    use super::attachment::Source;
    use super::*;

    fn attached(html: &str) -> (String, Vec<Attachment<'static>>) {
        let mut html = html.to_owned();
        let mut attachments = Vec::new();
        attach(&mut html, &mut attachments, &Path::ROOT.key("html"));
        (html, attachments)
    }

    #[test]
    fn each_picture_becomes_a_part_once() {
        let (html, pictures) = attached(
            "<p>data:image/png;base64,aGk= is text</p><img alt='a' src='data:image/png;base64,aGk='>\
             <img src=\"data:image/gif;base64,aGk=\"><img src='data:image/png;base64,aGk='>\
             <td style='background:url(data:image/svg+xml,%3Csvg/%3E)'>",
        );
        assert_eq!(
            html,
            "<p>cid:picture-1@html is text</p><img alt='a' src='cid:picture-1@html'>\
             <img src=\"cid:picture-2@html\"><img src='cid:picture-1@html'>\
             <td style='background:url(cid:picture-3@html)'>"
        );
        let types: Vec<_> = pictures
            .iter()
            .map(|picture| {
                picture.media_type.as_ref().expect("a URI has a type").essence().to_owned()
            })
            .collect();
        assert_eq!(types, ["image/png", "image/gif", "image/svg+xml"]);
        assert!(pictures.iter().all(|picture| picture.inline == Some(true)));
        assert!(matches!(pictures[0].source, Source::Base64(_)));
    }

    #[test]
    fn a_data_uri_that_is_not_a_picture_stays() {
        for html in [
            "<img src='data:image/png;base64,aGk'>",
            "<a href='data:image/png;base64,aGk='>x</a>",
            "<img src='https://x.test/data:image/png;base64,aGk='>",
            "data: Daten:",
        ] {
            assert_eq!(attached(html).0, html);
        }
    }
}
