//! What an HTML body refers to: files of its own message, and pictures somewhere else.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;

use super::tag::{Tag, tags};

/// The references of an HTML body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The content ids that it asks for (RFC 2392), percent signs resolved.
    pub content_ids: BTreeSet<String>,
    /// A picture that readers would fetch without encryption.
    pub insecure_image: Option<String>,
}

/// Attributes that name what is shown in their place.
const SHOWN: &[&str] = &["src", "background", "poster"];
/// Attributes that may refer to a file in the message without showing it.
const LINKS: &[&str] = &["href", "data"];
/// `url(` in a style stands for a picture too.
const STYLE: &str = "style";

impl References {
    /// Reads the references of an HTML body.
    pub fn read(html: &str) -> Self {
        let mut references = Self::default();
        for (tag, content) in tags(html) {
            if tag.closes {
                continue;
            }
            for name in SHOWN {
                references.add(tag.attribute(name).as_deref(), true);
            }
            for name in LINKS {
                references.add(tag.attribute(name).as_deref(), false);
            }
            references.add_style(tag.attribute(STYLE).as_deref().unwrap_or_default());
            references.add_sources(&tag);
            if tag.name == STYLE {
                references.add_style(content);
            }
        }
        references
    }

    fn add(&mut self, reference: Option<&str>, shown: bool) {
        let Some(reference) = reference else { return };
        let (scheme, rest) = reference.split_once(':').unwrap_or_default();
        if scheme.eq_ignore_ascii_case("cid") {
            let id = percent_decode_str(rest).decode_utf8_lossy();
            self.content_ids.insert(id.into_owned());
        } else if shown && scheme.eq_ignore_ascii_case("http") {
            self.insecure_image.get_or_insert_with(|| reference.to_owned());
        }
    }

    /// `srcset="a.png 1x, b.png 2x"`.
    fn add_sources(&mut self, tag: &Tag<'_>) {
        let set = tag.attribute("srcset").unwrap_or_default();
        for source in set.split(',') {
            self.add(source.split_ascii_whitespace().next(), true);
        }
    }

    fn add_style(&mut self, style: &str) {
        for piece in style.split("url(").skip(1) {
            let inside = piece.split(')').next().unwrap_or_default();
            self.add(Some(inside.trim().trim_matches(['"', '\''])), true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_ids(html: &str) -> Vec<String> {
        References::read(html).content_ids.into_iter().collect()
    }

    #[test]
    fn content_ids_are_found_wherever_readers_look() {
        let html = "<body background=cid:a><img alt='cid:no' src=\"cid:b%40x.test\"><IMG SRC='CID:c'>\
                    <div style=\"background: url('cid:d')\"><style>p { background: url(cid:e) }</style>\
                    <a href='cid:f'>f</a><img srcset='cid:g 1x, cid:h 2x'> cid:no <!-- <img src=cid:no> -->";
        assert_eq!(content_ids(html), ["a", "b@x.test", "c", "d", "e", "f", "g", "h"]);
    }

    #[test]
    fn a_link_is_no_picture() {
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
        // Anything worse than linear would take minutes with these.
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
            References::read(&format!("{}>'", piece.repeat(1_000_000 / piece.len())));
        }
    }
}
