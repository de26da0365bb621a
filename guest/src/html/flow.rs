//! Text that grows word by word: breaks and blanks are due until a word needs them.

/// Text in one place: the page, or a cell of a table.
#[derive(Debug, Default)]
pub(super) struct Flow {
    out: String,
    /// Line breaks that are due before the next word.
    breaks: usize,
    /// Line breaks that were due before the first word.
    lead: usize,
    /// Whether a blank is due before the next word.
    blank: bool,
    /// The mark of a list item that has no word yet.
    mark: Option<String>,
    /// For each open list: the next number, or none for bullets.
    lists: Vec<Option<usize>>,
    /// Where the open link goes, and where its text starts.
    link: Option<(String, usize)>,
}

/// The text of a place, and the line breaks that stand before and after it.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) lead: usize,
    pub(super) trail: usize,
}

impl Flow {
    /// The text, without blanks at its ends.
    pub(super) fn finish(mut self) -> Text {
        self.close_link();
        self.out.truncate(self.out.trim_end().len());
        Text { text: self.out, lead: self.lead, trail: self.breaks }
    }

    /// Appends words: runs of blanks are one.
    pub(super) fn words(&mut self, text: &str) {
        for (index, word) in text.split(is_blank).enumerate() {
            self.blank |= index > 0;
            self.word(word);
        }
    }

    /// Appends words that stand apart from their neighbours.
    pub(super) fn words_apart(&mut self, text: &str) {
        self.blank();
        self.words(text);
        self.blank();
    }

    /// Appends lines as they are.
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

    /// A blank before the next word.
    pub(super) fn blank(&mut self) {
        self.blank = true;
    }

    /// At least so many line breaks before the next word.
    pub(super) fn breaks(&mut self, number: usize) {
        if self.mark.is_none() {
            self.breaks = self.breaks.max(number);
            self.blank = false;
        }
    }

    /// A line break that was asked for by name: several make an empty line.
    pub(super) fn line_break(&mut self) {
        if self.mark.is_none() && !self.out.is_empty() {
            self.breaks = (self.breaks + 1).min(2);
            self.blank = false;
        }
    }

    pub(super) fn open_link(&mut self, target: &str) {
        self.link = Some((target.to_owned(), self.out.len()));
    }

    /// Writes where a link goes, unless its text says so already.
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
            // Beside the text, before the blank or the line break that is due.
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
            // A list in a list needs no empty line around it.
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

    /// The next item follows on the next line, whatever stood at the end of this one.
    pub(super) fn close_item(&mut self) {
        self.mark = None;
        self.breaks = 1;
    }

    /// Writes what is due.
    fn flush(&mut self) {
        if self.out.is_empty() {
            // Nothing to stand apart from, here.
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

/// Blanks, with those that designers fill empty places with.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '\u{c}' | '\u{a0}' | '\u{2002}' | '\u{2003}' | '\u{2007}'
    )
}

/// What is not seen in a text: places where a word may be broken, and the fillers of preheaders.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{feff}')
}

/// What keeps its neighbours apart, or together, and is a filler where it has none.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{2060}')
}
