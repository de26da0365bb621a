//! The text part that is derived from an HTML body, for readers that show no HTML.

use std::borrow::Cow;

use super::entities::decode_entities;
use super::tag::{Tag, TagReader};

/// Renders HTML as text: paragraphs, lists, links and table rows on lines of their own.
pub fn render(html: &str) -> String {
    let mut page = Page::new(html);
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        page.text(&rest[..open]);
        rest = &rest[open..];
        rest = match rest.strip_prefix("<!--") {
            Some(comment) => comment.find("-->").map_or("", |end| &comment[end + 3..]),
            None => page.markup(rest),
        };
    }
    page.text(rest);
    page.finish()
}

/// Elements whose content is not for readers.
const SILENT: &[&str] = &["head", "script", "style", "title", "template"];
/// Elements that stand on lines of their own, with an empty line around them.
const PARAGRAPHS: &[&str] =
    &["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "table", "hr"];
/// Elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "div", "li", "tr", "section", "article", "header", "footer", "main", "address", "dt", "dd",
    "figure", "form", "body", "center", "thead", "tbody", "tfoot", "caption",
];

/// The text so far.
struct Page<'h> {
    out: String,
    /// Line breaks that are due before the next word.
    breaks: usize,
    /// Whether a blank is due before the next word.
    blank: bool,
    /// The element whose content is being left out.
    silent: Option<&'static str>,
    /// How many `pre` are open.
    preformatted: usize,
    /// For each open list: the next number, or none for bullets.
    lists: Vec<Option<usize>>,
    /// Where the open link goes, and where its text starts.
    link: Option<(Cow<'h, str>, usize)>,
    /// Whether a cell stands before the next one in this row.
    in_row: bool,
    tags: TagReader,
}

impl<'h> Page<'h> {
    fn new(html: &'h str) -> Self {
        Self {
            out: String::new(),
            breaks: 0,
            blank: false,
            silent: None,
            preformatted: 0,
            lists: Vec::new(),
            link: None,
            in_row: false,
            tags: TagReader::new(html),
        }
    }

    fn finish(mut self) -> String {
        self.close_link();
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    /// Text between tags.
    fn text(&mut self, text: &str) {
        if self.silent.is_some() || text.is_empty() {
            return;
        }
        let text = decode_entities(text);
        if self.preformatted > 0 {
            self.flush();
            self.out.push_str(&text);
            return;
        }
        for (index, word) in text.split([' ', '\t', '\r', '\n']).enumerate() {
            self.blank |= index > 0;
            if !word.is_empty() {
                self.flush();
                self.out.push_str(word);
            }
        }
    }

    /// A tag, at the start of `rest`; returns what follows it.
    fn markup(&mut self, rest: &'h str) -> &'h str {
        let Some(tag) = self.tags.read(rest) else {
            self.text("&lt;");
            return &rest[1..];
        };
        let after = &rest[tag.length..];
        match self.silent {
            Some(name) if tag.closes && tag.name == name => self.silent = None,
            Some(_) => {}
            None => self.tag(&tag),
        }
        after
    }

    fn tag(&mut self, tag: &Tag<'h>) {
        let name = &*tag.name;
        if let Some(silent) = SILENT.iter().find(|silent| **silent == name) {
            self.silent = (!tag.closes).then_some(silent);
            return;
        }
        match (name, tag.closes) {
            ("br", _) => self.line_break(),
            ("a", false) => self.open_link(tag),
            ("a", true) => self.close_link(),
            ("img", false) => {
                if let Some(alt) = tag.attribute("alt") {
                    self.text(&alt);
                }
            }
            ("td" | "th", false) => self.open_cell(),
            ("pre", false) => {
                self.breaks(2);
                self.preformatted += 1;
            }
            ("pre", true) => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.breaks(2);
            }
            ("ul", false) => self.open_list(None),
            ("ol", false) => self.open_list(Some(1)),
            ("ul" | "ol", true) => self.close_list(),
            ("li", false) => self.open_item(),
            ("tr", _) => {
                self.breaks(1);
                self.in_row = false;
            }
            ("hr", _) => {
                self.breaks(2);
                self.text("---");
                self.breaks(2);
            }
            _ if PARAGRAPHS.contains(&name) => self.breaks(2),
            _ if BLOCKS.contains(&name) => self.breaks(1),
            _ => {}
        }
    }

    fn open_link(&mut self, tag: &Tag<'h>) {
        self.close_link();
        let target = tag.attribute("href").unwrap_or_default();
        let shown =
            ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| target.starts_with(scheme));
        if shown {
            self.flush();
            self.link = Some((target, self.out.len()));
        }
    }

    /// Writes where a link goes, unless its text says so already.
    fn close_link(&mut self) {
        let Some((target, start)) = self.link.take() else { return };
        let text = self.out.get(start..).unwrap_or_default().trim();
        let bare = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:"));
        let bare = bare.unwrap_or(&target);
        if text.is_empty() {
            self.text(bare);
        } else if text != target
            && text != bare
            && text.trim_end_matches('/') != bare.trim_end_matches('/')
        {
            self.flush();
            self.out.push_str(" <");
            self.out.push_str(bare);
            self.out.push('>');
        }
    }

    fn open_cell(&mut self) {
        if self.in_row {
            self.flush();
            self.out.push_str(" | ");
            self.blank = false;
        }
        self.in_row = true;
    }

    fn open_list(&mut self, first: Option<usize>) {
        // A list in a list needs no empty line around it.
        self.breaks(if self.lists.is_empty() { 2 } else { 1 });
        self.lists.push(first);
    }

    fn close_list(&mut self) {
        self.lists.pop();
        self.breaks(if self.lists.is_empty() { 2 } else { 1 });
    }

    fn open_item(&mut self) {
        self.breaks(1);
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(8));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        self.flush();
        self.out.push_str(&indent);
        self.out.push_str(&mark);
    }

    /// A line break that was asked for by name: several make empty lines.
    fn line_break(&mut self) {
        self.breaks = (self.breaks + 1).min(3);
        self.blank = false;
    }

    /// At least so many line breaks before the next word.
    fn breaks(&mut self, number: usize) {
        self.breaks = self.breaks.max(number);
        self.blank = false;
    }

    /// Writes what is due.
    fn flush(&mut self) {
        if self.out.is_empty() {
            // Nothing to stand apart from.
        } else if self.breaks > 0 {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.push_str(&"\n".repeat(self.breaks));
        } else if self.blank {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.blank = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_breaks() {
        for (html, text) in [
            ("<p>Hello <b>Bob</b></p>", "Hello Bob"),
            ("<p>One</p>\n<p>Two</p>", "One\n\nTwo"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("a<br><br>b", "a\n\nb"),
            ("<div>a</div><div>b</div>", "a\nb"),
            ("  a \n b\t c ", "a b c"),
            ("a<b>b</b>c", "abc"),
            ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
            ("", ""),
        ] {
            assert_eq!(render(html), text, "{html}");
        }
    }

    #[test]
    fn what_is_not_for_readers_is_left_out() {
        assert_eq!(
            render("<head><title>t</title><style>p{}</style></head><body>x<!-- <b> --></body>"),
            "x"
        );
        assert_eq!(render("a<script>if (1 < 2) x();</script>b"), "ab");
        assert_eq!(render("<!DOCTYPE html><html><body>x</body></html>"), "x");
    }

    #[test]
    fn links_show_where_they_go() {
        for (html, text) in [
            (
                "<a href=\"https://x.test/p?a=1&amp;b=2\">here</a>.",
                "here <https://x.test/p?a=1&b=2>.",
            ),
            ("<a href='https://x.test/'>https://x.test</a>", "https://x.test"),
            ("<a href=mailto:a@x.test>a@x.test</a>", "a@x.test"),
            ("<a href=\"https://x.test/\"><img alt=\"\"></a>", "https://x.test/"),
            ("<a href=\"#top\">top</a>", "top"),
            ("<a name=x>y</a>", "y"),
        ] {
            assert_eq!(render(html), text, "{html}");
        }
    }

    #[test]
    fn lists_and_tables() {
        assert_eq!(render("x<ul><li>a<li>b</ul>y"), "x\n\n- a\n- b\n\ny");
        assert_eq!(
            render("<ol><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ol>"),
            "1. a\n2. b\n  - c\n3. d"
        );
        assert_eq!(
            render(
                "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Pen</td><td>1</td></tr></table>"
            ),
            "Item | Price\nPen | 1"
        );
    }

    #[test]
    fn entities_and_characters_that_look_like_tags() {
        assert_eq!(
            render("1 &lt; 2 &amp;&amp; 3&nbsp;&euro; &#8364;&#x20AC; &unknown; &"),
            "1 < 2 && 3 € €€ &unknown; &"
        );
        assert_eq!(render("1 < 2 and 3 > 2"), "1 < 2 and 3 > 2");
        assert_eq!(render("a <b"), "a <b");
    }

    #[test]
    fn hostile_html_takes_time_in_proportion_to_its_length() {
        for piece in ["<", "<a", "<a href=\"", "<!--", "&", "<li>", "<ul>", "<a href=x>", "<p "] {
            render(&format!("{}>'", piece.repeat(1_000_000 / piece.len())));
        }
    }
}
