//! The text part that is derived from an HTML body, for readers that show no HTML.

use super::flow::{Flow, Text};
use super::style::{Display, HiddenClasses, Style};
use super::tokens::{self, Tag};

/// Renders HTML as text: paragraphs, lists, links and table rows on lines of their own.
pub fn render(html: &str) -> String {
    let mut page = Page::default();
    tokens::read(html, &mut page);
    page.finish()
}

/// Elements whose content is not for readers.
const SILENT: &[&str] = &[
    "datalist", "iframe", "noembed", "noframes", "noscript", "script", "style", "svg", "template",
    "title",
];
/// Elements that stand on lines of their own, with an empty line around them.
const PARAGRAPHS: &[&str] =
    &["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "dl", "pre", "table"];
/// Elements that stand on lines of their own.
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
/// Elements of which a table is made.
const TABLE_PARTS: &[&str] = &["table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"];
/// Elements without content, and without an end tag (HTML section 13.1.2).
const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements that may be open at once. A search for an open element looks at no more than these, so that time stays in
/// proportion to the length of a text.
const MAX_DEPTH: usize = 256;

/// The page so far.
#[derive(Default)]
struct Page {
    /// The elements that are open, outermost first. Most of those that do not change the lay-out are left out.
    open: Vec<Open>,
    /// How many of them hide what is in them, or show it again.
    hiding: usize,
    /// The page's text.
    page: Flow,
    /// The text of each cell that is open, outermost first.
    cells: Vec<Flow>,
    /// For each open table: the cells of its row so far that say something.
    rows: Vec<Vec<Text>>,
    /// How many `pre` are open, and whether one was opened just now.
    preformatted: usize,
    after_pre: bool,
    classes: HiddenClasses,
}

/// An element that is open.
struct Open {
    name: Name,
    /// Not seen, and neither is what is in it.
    hidden: bool,
    /// Too small to be seen, unless something in it is larger.
    tiny: bool,
    hides: bool,
    /// On lines of its own, which only its style says.
    is_block: bool,
    /// In the line, and apart from its neighbours.
    is_apart: bool,
}

impl tokens::Sink for Page {
    fn text(&mut self, text: &str) {
        match self.open.last() {
            Some(open) if open.name.is("style") => self.classes.read(text),
            Some(open) if open.hidden || open.tiny => {}
            _ if self.preformatted > 0 => {
                // The line break right after the tag is the source's (HTML section 13.2.6.4.7).
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
        // While something hides, its end has to be told from those of elements inside with its name.
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
            // An end tag alone stands for an empty paragraph.
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

    /// Where words go.
    fn flow(&mut self) -> &mut Flow {
        self.cells.last_mut().unwrap_or(&mut self.page)
    }

    fn style(&self, tag: &Tag) -> Style {
        let mut style = tag.attribute("style").map(Style::read).unwrap_or_default();
        let by_class = tag.attribute("class").is_some_and(|classes| self.classes.hide(classes));
        style.hidden |= tag.attribute("hidden").is_some() || by_class && style.display.is_none();
        style
    }

    /// Elements whose end tag may be left out end where the next of their kind starts.
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

    /// Closes the outermost of these elements in this table, or cell, or element of `bounds`.
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

    /// Closes the element of that name and what is open in it, if one is open: within this cell, unless it is a part
    /// of the table.
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

    /// What an element is without content.
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
        // Without a table around it, a cell is nothing.
        let Some(row) = self.rows.last_mut() else { return };
        let Some(cell) = self.cells.pop() else { return };
        let cell = cell.finish();
        if !cell.text.is_empty() {
            row.push(cell);
        }
    }

    /// Writes the cells of a row: in a line, as those of a table of figures are, or one after the other, as those
    /// that only put texts beside each other.
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

/// Whether an element changes the lay-out by its name.
fn is_laid_out(name: &str) -> bool {
    matches!(name, "a" | "ul" | "ol" | "li")
        || TABLE_PARTS.contains(&name)
        || PARAGRAPHS.contains(&name)
        || BLOCKS.contains(&name)
}

/// Where a link goes that a reader of text can follow.
fn link_target(href: &str) -> Option<String> {
    let href = href.trim();
    let rest = ["http://", "https://", "mailto:", "tel:"].iter().find_map(|scheme| {
        let start = href.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &href[scheme.len()..])
    })?;
    if rest.is_empty() {
        return None;
    }
    // Browsers drop line breaks in a URL, and a blank would end it.
    let kept = href.chars().filter(|c| !c.is_control());
    Some(kept.collect::<String>().replace(' ', "%20"))
}

/// Whether cells can stand in a line: several, no more than one of several lines, and those few and short.
fn fits_a_line(row: &[Text]) -> bool {
    /// Two texts that are longer are not figures.
    const LONG: usize = 80;
    /// An article with its size, or its number.
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

/// The first lines of cells beside each other, and the others below.
fn in_a_line(row: &[Text]) -> String {
    let first: Vec<_> = row.iter().filter_map(|cell| cell.text.lines().next()).collect();
    let others = row.iter().flat_map(|cell| cell.text.lines().skip(1));
    let others: Vec<_> = others.filter(|line| !line.is_empty()).collect();
    [&[first.join(" | ").as_str()], others.as_slice()].concat().join("\n")
}

/// The name of an element, cut where no name that matters here ends.
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
