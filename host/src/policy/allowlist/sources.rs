//! The URLs and uploads that an input names as attachments.

use std::collections::HashSet;

use memchr::memmem;
use percent_encoding::percent_decode_str;
use url::Url;

use super::computed::{Computation, Computed};
use super::field_reader::ReadTexts;
use super::keywords::UNKNOWN;
use super::texts::{Keys, texts};
use super::{Budget, OverBudget, check_number};

/// The URLs and uploads that an input names.
#[derive(Debug, Default)]
pub(crate) struct SourceAllowlist {
    /// The URLs as the parser writes them, without fragments.
    urls: HashSet<String>,
    ids: HashSet<String>,
    patterns: Vec<Pattern>,
    /// The words of computed URLs and ids.
    computed: Computed,
}

/// The known start and end of a computed URL or id.
#[derive(Debug)]
struct Pattern {
    start: String,
    end: String,
}

/// The longest id of an upload, including signed tokens.
const LONGEST_ID: usize = 4096;
/// The longest URL. Common servers refuse longer request lines.
const LONGEST_URL: usize = 8192;

impl SourceAllowlist {
    /// Reports whether the input names a URL.
    ///
    /// A URL is computed if its placeholder is more than the name of a keyword. Then its scheme, its host and the text
    /// before and after the computed part must match the template. Every word of the URL must be a word of the template
    /// or of its keywords.
    pub(crate) fn contains_url(&self, text: &str) -> bool {
        let Some(url) = normalised(text) else { return false };
        self.urls.contains(&url)
            || self.patterns.iter().any(|pattern| {
                let start = normalised(&pattern.start);
                start.is_some_and(|start| url.starts_with(&start) && has_path(&pattern.start))
                    && url.ends_with(&pattern.end)
                    && self.has_words_of(&url)
            })
    }

    /// Reports whether the input names an upload's id.
    pub(crate) fn contains_upload(&self, id: &str) -> bool {
        self.ids.contains(id)
            || self.patterns.iter().any(|pattern| {
                id.starts_with(&pattern.start)
                    && id.ends_with(&pattern.end)
                    && self.has_words_of(id)
            })
    }

    fn has_words_of(&self, text: &str) -> bool {
        self.computed.has_words_of(&percent_decode_str(text).decode_utf8_lossy())
    }
}

/// Reads the texts of the attachment fields.
#[derive(Default)]
pub(super) struct Reader {
    found: SourceAllowlist,
}

impl ReadTexts for Reader {
    type Found = SourceAllowlist;
    const KEYS: Keys = Keys::All;

    /// Adds every meaning of a text: one or more URLs, and an id.
    fn read_text(&mut self, text: &str) -> Result<(), OverBudget> {
        if text.contains(UNKNOWN) {
            return Ok(());
        }
        for url in urls_in(text) {
            self.found.urls.extend(normalised(url));
        }
        // The component trims blanks and line breaks from an id.
        for id in [text, text.trim_ascii()] {
            if !id.is_empty() && id.len() <= LONGEST_ID {
                self.found.ids.insert(id.to_owned());
            }
        }
        let number = self.found.ids.len().max(self.found.urls.len());
        check_number(number, "it has too many attachments")
    }

    fn note_computed(
        &mut self,
        computation: &Computation<'_>,
        budget: &mut Budget,
    ) -> Result<(), OverBudget> {
        // An expression may only choose one of several complete texts.
        let mut outcome = Ok(());
        for value in computation.keywords.sources(computation.expression) {
            texts(value, Self::KEYS, &mut |text| {
                if outcome.is_ok() {
                    outcome = self.read_text(text);
                }
            });
        }
        outcome?;
        self.found.computed.add_sources(computation, budget)
    }

    /// Adds the known start and end of a URL or an id that is computed in part.
    fn read_filled(&mut self, filled: &str) -> Result<(), OverBudget> {
        if let (Some((start, _)), Some((_, end))) =
            (filled.split_once(UNKNOWN), filled.rsplit_once(UNKNOWN))
        {
            let (start, end) = (start.trim_start().to_owned(), end.trim_end().to_owned());
            self.found.patterns.push(Pattern { start, end });
            check_number(self.found.patterns.len(), "it has too many attachments")?;
        }
        Ok(())
    }

    fn finish(self) -> SourceAllowlist {
        self.found
    }
}

/// Returns a URL in the form that is compared: as the parser writes it, without the fragment. Servers do not get the
/// fragment.
fn normalised(text: &str) -> Option<String> {
    if text.len() > LONGEST_URL {
        return None;
    }
    let mut url = Url::parse(text).ok()?;
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Reports whether the start of a URL contains its complete host and more.
fn has_path(start: &str) -> bool {
    start.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']))
}

/// Returns the possible URLs in a text: the whole text, and its parts at separators that another URL follows.
fn urls_in(text: &str) -> impl Iterator<Item = &str> {
    let mut starts = vec![0];
    for at in memmem::find_iter(text.as_bytes(), b"://") {
        let before = &text.as_bytes()[..at];
        let scheme = [&b"https"[..], b"http"].into_iter().find(|scheme| {
            before.len() >= scheme.len()
                && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme)
        });
        let Some(start) = scheme.map(|scheme| at - scheme.len()) else { continue };
        let is_separated = start.checked_sub(1).is_none_or(|last| {
            matches!(text.as_bytes()[last], b',' | b';' | b'|' | b' ' | b'\t' | b'\r' | b'\n')
        });
        if is_separated && start > 0 {
            starts.push(start);
        }
    }
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    let pieces = starts.into_iter().zip(ends).map(move |(start, end)| &text[start..end]);
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
    pieces.map(move |piece| piece.trim_matches(separators)).chain([text.trim()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::allowlist::Found;

    fn of(attachments: &serde_json::Value, keywords: Option<&str>) -> SourceAllowlist {
        let input = serde_json::json!({ "attachments": attachments }).to_string();
        Found::read(&input, keywords).expect("it is within the budget").sources
    }

    #[track_caller]
    fn assert_urls(found: &SourceAllowlist, these: &[&str], not: &[&str]) {
        for url in these {
            assert!(found.contains_url(url), "{url} in {found:?}");
        }
        for url in not {
            assert!(!found.contains_url(url), "{url} in {found:?}");
        }
    }

    #[test]
    fn urls_and_ids_are_found_in_every_shape() {
        for attachments in [
            serde_json::json!("https://x.test/a.pdf"),
            serde_json::json!([[{ "href": " HTTPS://X.test:443/a.pdf#page=2 " }]]),
            serde_json::json!("[{\"url\": \"https://x.test/a.pdf\"}]"),
            serde_json::json!("https://y.test/, https://x.test/a.pdf\nhttps://z.test/"),
            serde_json::json!({ "file": { "url": "https://x.test/b/../a.pdf" } }),
        ] {
            let not = ["https://x.test/", "https://x.test/a.pdf?d=1", "http://x.test/a.pdf"];
            assert_urls(&of(&attachments, None), &["https://x.test/a.pdf"], &not);
        }
        let commas = of(&serde_json::json!("https://x.test/a,b.pdf;c"), None);
        assert_urls(&commas, &["https://x.test/a,b.pdf;c"], &["https://x.test/a"]);
        let found = of(&serde_json::json!([{ "upload": "u-1\n" }, { "fileId": 42 }]), None);
        assert!(found.contains_upload("u-1") && found.contains_upload("42"));
        assert!(!found.contains_upload("u-2") && !found.contains_upload(""));
    }

    #[test]
    fn blanks_of_a_keyword_are_encoded_as_the_component_does() {
        let template = serde_json::json!({ "url": "https://x.test/{{name}}?n={{name}}" });
        let found = of(&template, Some(r#"{"name": "Q3 \"a\" <b>"}"#));
        let encoded = "Q3%20%22a%22%20%3Cb%3E";
        assert_urls(&found, &[&format!("https://x.test/{encoded}?n={encoded}")], &[]);
    }

    #[test]
    fn other_fields_name_nothing() {
        let input = r#"{"body": "https://x.test/", "headers": {"X-A": "https://x.test/"}, "to": "https://x.test/"}"#;
        let found = Found::read(input, None).expect("it is short").sources;
        assert_urls(&found, &[], &["https://x.test/"]);
    }

    #[test]
    fn a_keyword_is_followed_only_to_its_value() {
        let keywords = r#"{"file": {"url": "https://x.test/a.pdf"}, "id": 7, "other": "https://y.test/",
                           "First Name": "u-9"}"#;
        let found = of(
            &serde_json::json!(["{{file}}", "https://z.test/{{id}}.pdf", { "upload": "{{First Name}}" }]),
            Some(keywords),
        );
        let named = ["https://x.test/a.pdf", "https://z.test/7.pdf"];
        assert_urls(
            &found,
            &named,
            &["https://y.test/", "https://z.test/8.pdf", "https://z.test/"],
        );
        assert!(found.contains_upload("u-9") && !found.contains_upload("a"));
    }

    #[test]
    fn a_computed_url_keeps_its_host_and_is_made_of_known_words() {
        let keywords = r#"{"order": {"name": "Ann Lee"}, "salary": "5000", "host": "Z.test"}"#;
        let found = of(
            &serde_json::json!([
                "https://x.test/{{ order.name | lower }}/a.pdf",
                "https://{{ host | lower }}/b"
            ]),
            Some(keywords),
        );
        assert_urls(
            &found,
            &["https://x.test/ann%20lee/a.pdf"],
            &[
                "https://x.test/5000/a.pdf",
                "https://x.test/ann%20lee/b.pdf",
                "https://x.test.evil.test/ann/a.pdf",
                "https://z.test/b",
            ],
        );
    }
}
