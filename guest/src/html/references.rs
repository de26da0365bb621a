//! The references of an HTML body: to files in the message, and to pictures on the web.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::tokens::{self, Tag};

/// The references of an HTML body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The content ids in its `cid:` URLs (RFC 2392), percent-decoded.
    pub content_ids: BTreeSet<String>,
    /// The first picture that mail clients would fetch over plain HTTP.
    pub insecure_image: Option<String>,
    /// Pictures embedded in the HTML as data URIs, in document order.
    pub data_images: Vec<String>,
}

/// The attributes that can hold a reference, and their kinds.
const ATTRIBUTES: &[(&str, Kind)] = &[
    ("src", Kind::Shown),
    ("background", Kind::Shown),
    ("poster", Kind::Shown),
    ("href", Kind::Linked),
    ("data", Kind::Linked),
    (STYLE, Kind::Style),
    ("srcset", Kind::Sources),
];

/// The name of the `style` attribute, and of the element that also holds CSS.
const STYLE: &str = "style";

/// The way in which an attribute holds references.
#[derive(Clone, Copy)]
enum Kind {
    /// One URL of a resource that is shown.
    Shown,
    /// One URL of a resource that is not shown. It may be a file in the message.
    Linked,
    /// CSS, where `url(` also refers to a picture.
    Style,
    /// Several URLs of a resource that is shown: `a.png 1x, b.png 2x`.
    Sources,
}

impl References {
    /// Reads the references of an HTML body.
    pub fn read(html: &str) -> Self {
        let mut reader = Reader::default();
        tokens::read(html, &mut reader);
        reader.references
    }

    fn add_attributes(&mut self, tag: &Tag) {
        let mut seen = [false; ATTRIBUTES.len()];
        for (name, value) in tag.attributes() {
            let known = ATTRIBUTES.iter().position(|(known, _)| *known == name);
            let Some(index) = known.filter(|&index| !seen[index]) else { continue };
            seen[index] = true;
            let value = value.trim();
            match ATTRIBUTES[index].1 {
                Kind::Shown => self.add(value, true),
                Kind::Linked => self.add(value, false),
                Kind::Style => self.add_style(value),
                Kind::Sources => self.add_sources(value),
            }
        }
    }

    fn add(&mut self, reference: &str, shown: bool) {
        let (scheme, rest) = reference.split_once(':').unwrap_or_default();
        if scheme.eq_ignore_ascii_case("cid") {
            let id = percent_decode_str(rest).decode_utf8_lossy();
            self.content_ids.insert(id.into_owned());
        } else if shown && scheme.eq_ignore_ascii_case("http") {
            self.insecure_image.get_or_insert_with(|| reference.to_owned());
        } else if shown && scheme.eq_ignore_ascii_case("data") && is_image(rest) {
            self.data_images.push(reference.to_owned());
        }
    }

    fn add_sources(&mut self, set: &str) {
        for source in set.split(',') {
            self.add(source.split_ascii_whitespace().next().unwrap_or_default(), true);
        }
    }

    /// Adds the URLs in CSS, where `url` is case-insensitive.
    fn add_style(&mut self, style: &str) {
        let mut rest = style;
        while let Some((before, inside)) = rest.split_once('(') {
            rest = inside;
            if ends_with_ignoring_case(before, "url") {
                let (reference, after) = style_url(inside);
                self.add(reference, true);
                rest = after;
            }
        }
    }
}

/// Reports whether a data URI, given without its scheme, is a picture.
fn is_image(rest: &str) -> bool {
    let kind = rest.trim_ascii_start().as_bytes().get(.."image/".len());
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"image/"))
}

/// A token sink that collects references.
#[derive(Default)]
struct Reader {
    references: References,
    in_style: bool,
}

impl tokens::Sink for Reader {
    fn text(&mut self, text: &str) {
        if self.in_style {
            self.references.add_style(text);
        }
    }

    fn start(&mut self, tag: &Tag) {
        self.in_style = tag.name() == STYLE;
        self.references.add_attributes(tag);
    }

    fn end(&mut self, _: &str) {
        self.in_style = false;
    }
}

/// Splits the text after `url(` into the URL, which may be quoted, and the rest.
fn style_url(inside: &str) -> (&str, &str) {
    let inside = inside.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let (reference, after) = inside.split_once(')').unwrap_or((inside, ""));
    (reference.trim_end(), after)
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start.and_then(|start| text.get(start..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;

    fn content_ids(html: &str) -> Vec<String> {
        References::read(html).content_ids.into_iter().collect()
    }

    #[test]
    fn content_ids_are_found_wherever_readers_look() {
        let html = "<body background=cid:a><img alt='cid:no' src=\"cid:b%40x.test\"><IMG SRC='CID:c'>\
                    <div style=\"background: url('cid:d')\"><style>p { background: URL(cid:e) }</style>\
                    <a href='cid:f'>f</a><img srcset='cid:g 1x, cid:h 2x'> cid:no <!-- <img src=cid:no> -->";
        assert_eq!(content_ids(html), ["a", "b@x.test", "c", "d", "e", "f", "g", "h"]);
    }

    #[test]
    fn of_two_attributes_with_one_name_the_first_counts() {
        assert_eq!(
            content_ids("<img src=cid:a SRC=cid:b srcset='cid:c' srcset='cid:d'>"),
            ["a", "c"]
        );
    }

    #[test]
    fn a_style_refers_by_each_of_its_urls() {
        let html = "<p style='a: url(cid:a); b: var(--x) url( \"cid:b(1)\" ), url(cid:c)'><style>url('cid:d";
        assert_eq!(content_ids(html), ["a", "b(1)", "c", "d"]);
    }

    #[test]
    fn pictures_in_the_html_itself_are_found() {
        let html = "<img src='data:image/png;base64,aGk='><a href='data:image/png;base64,no'></a>\
                    <td style='background: url(\"DATA:image/gif;base64,aGk=\")'><img src=data:text/plain,no>";
        let found = References::read(html).data_images;
        assert_eq!(found, ["data:image/png;base64,aGk=", "DATA:image/gif;base64,aGk="]);
    }

    #[test]
    fn a_link_is_not_a_picture() {
        let insecure = |html: &str| References::read(html).insecure_image;
        assert_eq!(insecure("<a href='http://x.test/'>x</a>"), None);
        assert_eq!(insecure("<img src='https://x.test/a.png'>"), None);
        assert_eq!(insecure("<img src='HTTP://x.test/a.png'>").unwrap(), "HTTP://x.test/a.png");
        assert_eq!(
            insecure("<td style='background:url(http://x.test/b)'>").unwrap(),
            "http://x.test/b"
        );
    }

    #[test]
    fn hostile_html_takes_time_in_proportion_to_its_length() {
        let pieces = [
            "<",
            "<a",
            "<a '",
            "<!--",
            "<a x",
            "<img src=",
            "url(",
            "<a =",
            "<style>",
            "<x '>'\">\"",
        ];
        for piece in pieces {
            assert_linear(piece, |html| {
                References::read(&format!("{html}>'"));
            });
        }
    }
}
