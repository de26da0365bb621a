//! Text that grows word by word. Line breaks and spaces are pending until the next word.

/// The text of one container: the page or a table cell.
#[derive(Debug, Default)]
pub(super) struct Flow {
    out: String,
    /// Line breaks that are pending before the next word.
    breaks: usize,
    /// Line breaks that were pending before the first word.
    lead: usize,
    /// Whether a space is pending before the next word.
    blank: bool,
    /// The marker of a list item that has no word yet.
    mark: Option<String>,
    /// For each open list, its next number, or `None` for bullets.
    lists: Vec<Option<usize>>,
    /// The target of the open link, and the offset where its text starts.
    link: Option<(String, usize)>,
}

/// The text of a container, and the number of line breaks before and after it.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) lead: usize,
    pub(super) trail: usize,
}

impl Flow {
    /// Returns the text, without spaces at its ends.
    pub(super) fn finish(mut self) -> Text {
        self.close_link();
        self.out.truncate(self.out.trim_end().len());
        Text { text: self.out, lead: self.lead, trail: self.breaks }
    }

    /// Appends words; a run of spaces counts as one space.
    pub(super) fn words(&mut self, text: &str) {
        for (index, word) in text.split(is_blank).enumerate() {
            self.blank |= index > 0;
            self.word(word);
        }
    }

    /// Appends words with a space before and after them.
    pub(super) fn words_apart(&mut self, text: &str) {
        self.blank();
        self.words(text);
        self.blank();
    }

    /// Appends lines unchanged.
    pub(super) fn lines(&mut self, text: &str) {
        if !text.is_empty() {
            self.flush();
            self.out.push_str(text);
        }
    }

    fn word(&mut self, word: &str) {
        if word.is_ascii() {
            self.lines(word);
            return;
        }
        let word = word.trim_matches(|c| is_invisible(c) || is_joiner(c));
        if !word.is_empty() {
            self.flush();
            self.out.extend(word.chars().filter(|&c| !is_invisible(c)));
        }
    }

    /// Adds a space before the next word.
    pub(super) fn blank(&mut self) {
        self.blank = true;
    }

    /// Adds line breaks before the next word, so that there are at least `number`.
    pub(super) fn breaks(&mut self, number: usize) {
        if self.mark.is_none() {
            self.breaks = self.breaks.max(number);
            self.blank = false;
        }
    }

    /// Adds an explicit line break (`<br>`); two or more make one empty line.
    pub(super) fn line_break(&mut self) {
        if self.mark.is_none() && !self.out.is_empty() {
            self.breaks = (self.breaks + 1).min(2);
            self.blank = false;
        }
    }

    pub(super) fn open_link(&mut self, target: &str) {
        self.link = Some((target.to_owned(), self.out.len()));
    }

    /// Writes the target of a link, unless its text already is the target.
    pub(super) fn close_link(&mut self) {
        let Some((target, start)) = self.link.take() else { return };
        let text = self.out.get(start..).unwrap_or_default().trim();
        let bare = ["mailto:", "tel:"].iter().find_map(|scheme| {
            let start = target.get(..scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
        });
        let bare = bare.unwrap_or(&target);
        if text.is_empty() {
            let bare = bare.to_owned();
            self.words_apart(&bare);
        } else if text != target && text.trim_end_matches('/') != bare.trim_end_matches('/') {
            // Right after the text, before the pending space or line break.
            self.out.truncate(self.out.trim_end().len());
            self.out.push_str(" <");
            self.out.push_str(bare);
            self.out.push('>');
        }
    }

    pub(super) fn open_list(&mut self, first: Option<usize>) {
        if self.lists.is_empty() {
            self.breaks(2);
        } else if self.mark.is_none() {
            // A nested list does not need an empty line around it.
            self.breaks = 1;
        }
        self.lists.push(first);
    }

    pub(super) fn close_list(&mut self) {
        self.lists.pop();
        self.breaks(if self.lists.is_empty() { 2 } else { 1 });
    }

    pub(super) fn open_item(&mut self) {
        self.breaks(1);
        let indent = "  ".repeat(self.lists.len().saturating_sub(1).min(8));
        self.mark = Some(match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indent}{}. ", *number - 1)
            }
            _ => format!("{indent}- "),
        });
    }

    /// Closes an item; the next one follows on the next line, even if this one ends with more line breaks.
    pub(super) fn close_item(&mut self) {
        self.mark = None;
        self.breaks = 1;
    }

    /// Writes the pending line breaks, space and list marker.
    fn flush(&mut self) {
        if self.out.is_empty() {
            // There is no text before this word, so keep the number of breaks for the caller.
            self.lead = self.breaks;
        } else if self.breaks > 0 {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.extend(std::iter::repeat_n('\n', self.breaks));
        } else if self.blank {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.blank = false;
        if let Some(mark) = self.mark.take() {
            self.out.push_str(&mark);
        }
    }
}

/// Reports whether a character is a space, including those that designers use to fill empty areas.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '\u{c}' | '\u{a0}' | '\u{2002}' | '\u{2003}' | '\u{2007}'
    )
}

/// Reports whether a character is invisible: a place where a word may be broken, or a filler in preheaders.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{feff}')
}

/// Reports whether a character joins or separates its neighbours. At the ends of a word it is only a filler.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{2060}')
}
