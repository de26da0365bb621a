//! Converts an HTML body to the text part, for mail clients that do not show HTML.

use super::flow::{Flow, Text};
use super::style::{Display, HiddenClasses, Style};
use super::tokens::{self, Tag};

/// Renders HTML as text, with line breaks for paragraphs, lists and table rows, and with the targets of links.
pub fn render(html: &str) -> String {
    let mut page = Page::default();
    tokens::read(html, &mut page);
    page.finish()
}

/// Elements whose content is not shown.
const SILENT: &[&str] = &[
    "datalist", "iframe", "noembed", "noframes", "noscript", "script", "style", "svg", "template",
    "title",
];
/// Elements on separate lines, with an empty line before and after them.
const PARAGRAPHS: &[&str] =
    &["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "dl", "pre", "table"];
/// Elements on separate lines.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "legend",
    "main",
    "nav",
    "section",
    "summary",
];
/// The elements of a table.
const TABLE_PARTS: &[&str] = &["table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"];
/// Elements without content, and without an end tag (HTML section 13.1.2).
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// The maximum number of open elements. It bounds the search for an open element, so that the time stays linear in the
/// length of the text.
const MAX_DEPTH: usize = 256;

/// The state of the rendering.
#[derive(Default)]
struct Page {
    /// The open elements, outermost first. Most elements that do not affect the layout are left out.
    open: Vec<Open>,
    /// The number of open elements that hide their content or show it again.
    hiding: usize,
    /// The page's text.
    page: Flow,
    /// The text of each open cell, outermost first.
    cells: Vec<Flow>,
    /// For each open table, the non-empty cells of its current row.
    rows: Vec<Vec<Text>>,
    /// The number of open `pre` elements.
    preformatted: usize,
    /// Whether the last token was the start tag of a `pre`.
    after_pre: bool,
    classes: HiddenClasses,
}

/// An open element.
struct Open {
    name: Name,
    /// Whether it and its content are hidden.
    hidden: bool,
    /// Whether its text is too small to be seen. An element inside it may be larger.
    tiny: bool,
    /// Whether it hides its content or shows it again.
    hides: bool,
    /// Whether its style puts it on separate lines.
    is_block: bool,
    /// Whether it is in the line, with a space before and after it.
    is_apart: bool,
}

impl tokens::Sink for Page {
    fn text(&mut self, text: &str) {
        match self.open.last() {
            Some(open) if open.name.is("style") => self.classes.read(text),
            Some(open) if open.hidden || open.tiny => {}
            _ if self.preformatted > 0 => {
                // A line break right after the tag is not part of the text (HTML section 13.2.6.4.7).
                let first = std::mem::take(&mut self.after_pre);
                let text = if first { text.strip_prefix('\n').unwrap_or(text) } else { text };
                self.flow().lines(text);
            }
            _ => self.flow().words(text),
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name = tag.name();
        self.after_pre = false;
        self.close_what_ends_before(name);
        let style = self.style(tag);
        let outer = self.open.last();
        let hidden =
            style.hidden || SILENT.contains(&name) || outer.is_some_and(|outer| outer.hidden);
        let tiny = style.tiny.unwrap_or(outer.is_some_and(|outer| outer.tiny));
        if VOID.contains(&name) {
            if !hidden {
                self.void(tag);
            }
            return;
        }
        let hides = style.hidden || SILENT.contains(&name) || style.tiny.is_some();
        let is_laid_out = is_laid_out(name);
        let is_block = style.display == Some(Display::Block) && (name == "a" || !is_laid_out);
        let is_apart = style.display == Some(Display::InlineBlock);
        if is_apart && !hidden {
            self.flow().blank();
        }
        // Inside a hiding element, track every element, so that the right end tag closes it.
        let matters = is_laid_out || is_block || is_apart || hides || self.hiding > 0;
        if !matters || self.open.len() == MAX_DEPTH {
            return;
        }
        if !hidden {
            self.open(tag, is_block);
        }
        self.hiding += usize::from(hides);
        self.open.push(Open { name: Name::of(name), hidden, tiny, hides, is_block, is_apart });
    }

    fn end(&mut self, name: &str) {
        self.after_pre = false;
        match name {
            "br" => self.flow().line_break(),
            // An end tag without a start tag is an empty paragraph.
            "p" if !self.close_up_to("p") => self.flow().breaks(2),
            "p" => {}
            _ => {
                self.close_up_to(name);
            }
        }
    }
}

impl Page {
    fn finish(mut self) -> String {
        self.close_to(0);
        self.page.finish().text
    }

    /// Returns the text of the innermost container.
    fn flow(&mut self) -> &mut Flow {
        self.cells.last_mut().unwrap_or(&mut self.page)
    }

    fn style(&self, tag: &Tag) -> Style {
        let mut style = tag.attribute("style").map(Style::read).unwrap_or_default();
        let by_class = tag.attribute("class").is_some_and(|classes| self.classes.hide(classes));
        style.hidden |= tag.attribute("hidden").is_some() || by_class && style.display.is_none();
        style
    }

    /// Closes elements whose end tag may be omitted, when the next similar element starts.
    fn close_what_ends_before(&mut self, name: &str) {
        match name {
            "li" => self.close_within(&["li"], &["ul", "ol"]),
            "dt" | "dd" => self.close_within(&["dt", "dd"], &["dl"]),
            "a" => self.close_within(&["a"], &[]),
            "td" | "th" => self.close_within(&["td", "th", "caption"], &[]),
            "tr" => self.close_within(&["tr", "caption"], &[]),
            "thead" | "tbody" | "tfoot" => {
                self.close_within(&["thead", "tbody", "tfoot", "tr", "caption"], &[]);
            }
            _ => {}
        }
        let ends_paragraph = name == "hr"
            || name == "ul"
            || name == "ol"
            || PARAGRAPHS.contains(&name) && name != "table"
            || BLOCKS.contains(&name) && !TABLE_PARTS.contains(&name);
        if ends_paragraph {
            self.close_within(&["p"], &[]);
        }
    }

    /// Closes an element with one of `names`, within the current table, cell or element of `bounds`: for the parts of a
    /// table the outermost one, otherwise the innermost.
    fn close_within(&mut self, names: &[&str], bounds: &[&str]) {
        let in_cell = !TABLE_PARTS.contains(&names[0]);
        let mut found = None;
        for (index, open) in self.open.iter().enumerate().rev() {
            if names.iter().any(|name| open.name.is(name)) {
                found = Some(index);
                if in_cell {
                    break;
                }
            } else if open.name.is("table")
                || in_cell && TABLE_PARTS.iter().any(|part| open.name.is(part))
                || bounds.iter().any(|bound| open.name.is(bound))
            {
                break;
            }
        }
        if let Some(index) = found {
            self.close_to(index);
        }
    }

    /// Closes the open element with this name and everything in it, and reports whether there is one. The search ends
    /// at the current cell, or at the table if the element is part of a table.
    fn close_up_to(&mut self, name: &str) -> bool {
        let of_table = TABLE_PARTS.contains(&name);
        for (index, open) in self.open.iter().enumerate().rev() {
            if open.name.is(name) {
                self.close_to(index);
                return true;
            }
            let bound = match of_table {
                true => open.name.is("table"),
                false => TABLE_PARTS.iter().any(|part| open.name.is(part)),
            };
            if bound {
                break;
            }
        }
        false
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(open) = self.open.pop() else { return };
            self.hiding -= usize::from(open.hides);
            if open.hidden {
                continue;
            }
            self.close(&open);
            if open.is_apart {
                self.flow().blank();
            }
        }
    }

    /// Renders an element that has no content.
    fn void(&mut self, tag: &Tag) {
        match tag.name() {
            "br" => self.flow().line_break(),
            "hr" => {
                self.flow().breaks(2);
                self.flow().words("---");
                self.flow().breaks(2);
            }
            "img" => {
                if let Some(alt) = tag.attribute("alt").filter(|alt| !alt.trim().is_empty()) {
                    self.flow().words_apart(alt);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, tag: &Tag, is_block: bool) {
        match tag.name() {
            "a" => {
                if is_block {
                    self.flow().breaks(1);
                }
                if let Some(target) = tag.attribute("href").and_then(link_target) {
                    self.flow().open_link(&target);
                }
            }
            "ul" => self.flow().open_list(None),
            "ol" => {
                let first = tag.attribute("start").and_then(|start| start.trim().parse().ok());
                self.flow().open_list(Some(first.unwrap_or(1)));
            }
            "li" => self.flow().open_item(),
            "pre" => {
                self.flow().breaks(2);
                self.preformatted += 1;
                self.after_pre = true;
            }
            "table" => {
                self.flow().breaks(2);
                self.rows.push(Vec::new());
            }
            "tr" => self.close_row(),
            "td" | "th" if !self.rows.is_empty() => self.cells.push(Flow::default()),
            name if PARAGRAPHS.contains(&name) => self.flow().breaks(2),
            name if is_block || BLOCKS.contains(&name) => self.flow().breaks(1),
            _ => {}
        }
    }

    fn close(&mut self, open: &Open) {
        match open.name.as_str() {
            "a" => {
                self.flow().close_link();
                if open.is_block {
                    self.flow().breaks(1);
                }
            }
            "ul" | "ol" => self.flow().close_list(),
            "li" => self.flow().close_item(),
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.flow().breaks(2);
            }
            "table" => {
                self.close_row();
                self.rows.pop();
                self.flow().breaks(2);
            }
            "tr" => self.close_row(),
            "td" | "th" => self.close_cell(),
            name if PARAGRAPHS.contains(&name) => self.flow().breaks(2),
            name if open.is_block || BLOCKS.contains(&name) => self.flow().breaks(1),
            _ => {}
        }
    }

    fn close_cell(&mut self) {
        // Outside a table, a cell is ignored.
        let Some(row) = self.rows.last_mut() else { return };
        let Some(cell) = self.cells.pop() else { return };
        let cell = cell.finish();
        if !cell.text.is_empty() {
            row.push(cell);
        }
    }

    /// Writes the cells of a row: on one line for tabular data, or one below the other if the table is only layout.
    fn close_row(&mut self) {
        let Some(row) = self.rows.last_mut() else { return };
        let row = std::mem::take(row);
        let flow = self.flow();
        if fits_a_line(&row) {
            flow.breaks(1);
            flow.lines(&in_a_line(&row));
            flow.breaks(1);
            return;
        }
        for cell in row {
            flow.breaks(cell.lead.clamp(1, 2));
            flow.lines(&cell.text);
            flow.breaks(cell.trail.clamp(1, 2));
        }
    }
}

/// Reports whether elements with this name affect the layout.
fn is_laid_out(name: &str) -> bool {
    matches!(name, "a" | "ul" | "ol" | "li")
        || TABLE_PARTS.contains(&name)
        || PARAGRAPHS.contains(&name)
        || BLOCKS.contains(&name)
}

/// Returns the target of a link if it is useful in plain text: a web, mail or phone address.
fn link_target(href: &str) -> Option<String> {
    let href = href.trim();
    let rest = ["http://", "https://", "mailto:", "tel:"].iter().find_map(|scheme| {
        let start = href.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &href[scheme.len()..])
    })?;
    if rest.is_empty() {
        return None;
    }
    // Browsers drop line breaks in a URL, and a space would end it in plain text.
    let kept = href.chars().filter(|c| !c.is_control());
    Some(kept.collect::<String>().replace(' ', "%20"))
}

/// Reports whether cells fit on one line: there are two or more, and at most one of them has several lines, which are
/// few and short.
fn fits_a_line(row: &[Text]) -> bool {
    /// The length in characters from which a text is long. A row with two long texts is not tabular data.
    const LONG: usize = 80;
    /// The most lines in a cell, such as an article with its size or its number.
    const FEW_LINES: usize = 3;
    let is_long = |text: &str| text.chars().nth(LONG).is_some();
    let mut tall = row.iter().filter(|cell| cell.text.contains('\n'));
    let is_low = |cell: &Text| {
        let lines = cell.text.lines().filter(|line| !line.is_empty());
        lines.clone().count() <= FEW_LINES && !lines.into_iter().any(is_long)
    };
    let few_are_tall = tall.next().is_none_or(is_low) && tall.next().is_none();
    row.len() > 1 && few_are_tall && row.iter().filter(|cell| is_long(&cell.text)).count() < 2
}

/// Joins the first lines of the cells into one line, and puts their other lines below it.
fn in_a_line(row: &[Text]) -> String {
    let first: Vec<_> = row.iter().filter_map(|cell| cell.text.lines().next()).collect();
    let others = row.iter().flat_map(|cell| cell.text.lines().skip(1));
    let others: Vec<_> = others.filter(|line| !line.is_empty()).collect();
    [&[first.join(" | ").as_str()], others.as_slice()].concat().join("\n")
}

/// The name of an element, cut to 16 bytes. Every name used here is shorter.
#[derive(Clone, Copy)]
struct Name {
    letters: [u8; Self::MAX],
    length: usize,
}

impl Name {
    const MAX: usize = 16;

    fn of(name: &str) -> Self {
        let length = name.floor_char_boundary(Self::MAX);
        let mut letters = [0; Self::MAX];
        letters[..length].copy_from_slice(&name.as_bytes()[..length]);
        Self { letters, length }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..self.length]).unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        let name = &name.as_bytes()[..name.floor_char_boundary(Self::MAX)];
        &self.letters[..self.length] == name
    }
}

#[cfg(test)]
mod tests;
