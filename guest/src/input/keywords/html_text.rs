//! Placeholders in HTML. Each value stays in the text, the attribute or the URL that contains its placeholder.
//!
//! The places are those states of the HTML standard's tokenizer that a value could leave. A template can loop and
//! branch, so the places are found in its output, in which [`mark`] marks the values.

use super::filled::{Filled, Piece, next_character};
use super::url;

/// The start mark of a value in a rendered template. A body cannot contain NUL.
const START: &str = "\0[";
const END: &str = "\0]";
/// A NUL inside a value.
const NUL: &str = "\0n";

/// Marks a value so that [`pieces`] finds it.
pub(super) fn mark(value: &str) -> String {
    // Text that a template captured and then changed already has marks.
    let inside = value.replace(START, "").replace(END, "").replace(NUL, "\0").replace('\0', NUL);
    [START, &inside, END].concat()
}

/// Splits a rendered template at its marks.
pub(super) fn pieces(rendered: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = rendered;
    while let Some((literal, after)) = rest.split_once(START) {
        let (value, after) = after.split_once(END).unwrap_or((after, ""));
        pieces.push(Piece::Literal(literal));
        pieces.push(Piece::Value(value.replace(NUL, "\0")));
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}

/// Escapes each value for its place, and joins the pieces.
pub(super) fn fill(pieces: &[Piece<'_>]) -> Filled {
    let mut filled = Filled::default();
    let mut reader = Reader::default();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => {
                literal.chars().for_each(|c| reader.read(c));
                filled.text.push_str(literal);
            }
            Piece::Value(value) => {
                let next = next_character(pieces, index);
                let put = reader.fill(value, next, &mut filled.changed);
                filled.text.push_str(&put);
            }
        }
    }
    filled
}

/// Attributes whose value is a URL.
const URLS: &[&str] = &[
    "action",
    "background",
    "cite",
    "data",
    "formaction",
    "href",
    "longdesc",
    "ping",
    "poster",
    "src",
    "xlink:href",
];
/// Attributes whose value is a list of URLs.
const URL_LISTS: &[&str] = &["imagesrcset", "srcset"];
/// Elements whose content is not read as HTML.
const RAW: &[&str] = &["script", "style", "textarea", "title", "xmp"];
/// The length of the longest end tag of [`RAW`].
const TAIL: usize = "</textarea>".len();

/// A tokenizer that tracks the place in the HTML at the end of the text so far.
#[derive(Default)]
struct Reader {
    place: Place,
    /// The name of the tag, in lower case.
    tag: String,
    is_end_tag: bool,
    /// The name of the attribute, in lower case.
    attribute: String,
    /// The attribute's value so far, or the end of the text that was read.
    text: String,
    /// The quotes of the script so far.
    quotes: Quotes,
}

/// The open string in a script, if any.
#[derive(Default)]
struct Quotes {
    open: Option<char>,
    is_escaped: bool,
}

impl Quotes {
    fn read(&mut self, c: char) {
        match c {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' => self.is_escaped = true,
            '"' | '\'' | '`' if self.open.is_none() => self.open = Some(c),
            _ if self.open == Some(c) => self.open = None,
            _ => {}
        }
    }
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Text,
    /// After `<`.
    Open,
    /// After `<!`.
    Declaration,
    Comment,
    TagName,
    /// Between the attributes of a tag.
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    /// In an attribute's value, with its closing quote, or a space if it is not quoted.
    Value(char),
    /// In an element whose content is not HTML.
    Raw,
}

impl Reader {
    fn read(&mut self, c: char) {
        let blank = c.is_ascii_whitespace();
        match self.place {
            Place::Text if c == '<' => self.go(Place::Open),
            Place::Text => {}
            Place::Open if c == '!' => self.go(Place::Declaration),
            Place::Open if c == '/' && !self.is_end_tag => self.is_end_tag = true,
            Place::Open if c.is_ascii_alphabetic() => {
                self.place = Place::TagName;
                self.tag = c.to_ascii_lowercase().into();
            }
            Place::Open if c == '<' => self.is_end_tag = false,
            Place::Open => self.go(Place::Text),
            Place::Declaration if c == '>' => self.go(Place::Text),
            Place::Declaration => {
                self.text.push(c);
                // `<!--[if mso]>`: Outlook reads the text after it as HTML.
                match self.text.as_str() {
                    "--" | "--[" => {}
                    text if text.starts_with("--") && !text.starts_with("--[") => {
                        self.place = Place::Comment;
                    }
                    _ => self.bound(),
                }
            }
            Place::Comment => {
                self.text.push(c);
                if self.text.ends_with("-->") || self.text.ends_with("--!>") {
                    self.go(Place::Text);
                }
                self.bound();
            }
            Place::TagName if blank || c == '/' => self.place = Place::Tag,
            Place::TagName if c == '>' => self.end_tag(),
            Place::TagName => self.tag.push(c.to_ascii_lowercase()),
            Place::Tag | Place::AfterName if c == '>' => self.end_tag(),
            Place::AttributeName if c == '>' => self.end_tag(),
            Place::AttributeName | Place::AfterName if c == '=' => {
                self.place = Place::BeforeValue;
                self.text.clear();
            }
            Place::AttributeName if blank => self.place = Place::AfterName,
            Place::Tag | Place::AfterName if blank => {}
            Place::Tag | Place::AttributeName | Place::AfterName if c == '/' => {
                self.place = Place::Tag;
            }
            Place::Tag | Place::AfterName => {
                self.place = Place::AttributeName;
                self.attribute = c.to_ascii_lowercase().into();
            }
            Place::AttributeName => self.attribute.push(c.to_ascii_lowercase()),
            Place::BeforeValue if blank => {}
            Place::BeforeValue if c == '>' => self.end_tag(),
            Place::BeforeValue if matches!(c, '"' | '\'') => {
                self.place = Place::Value(c);
                self.quotes = Quotes::default();
                return;
            }
            Place::BeforeValue => {
                self.place = Place::Value(' ');
                self.text.push(c);
            }
            Place::Value(' ') if blank => self.place = Place::Tag,
            Place::Value(' ') if c == '>' => self.end_tag(),
            Place::Value(end) if c == end => self.place = Place::Tag,
            Place::Value(_) => self.text.push(c),
            Place::Raw => self.read_raw(c),
        }
        self.quotes.read(c);
    }

    fn read_raw(&mut self, c: char) {
        let is_end = matches!(c, '>' | '/') || c.is_ascii_whitespace();
        if is_end && self.text.ends_with(&["</", &self.tag].concat()) {
            self.is_end_tag = true;
            match c {
                '>' => self.end_tag(),
                _ => self.place = Place::Tag,
            }
            return;
        }
        self.text.push(c.to_ascii_lowercase());
        self.bound();
    }

    fn go(&mut self, place: Place) {
        self.place = place;
        self.text.clear();
        self.is_end_tag = false;
        self.quotes = Quotes::default();
    }

    fn end_tag(&mut self) {
        let is_raw = !self.is_end_tag && RAW.contains(&self.tag.as_str());
        self.go(if is_raw { Place::Raw } else { Place::Text });
    }

    /// Drops all but the end of the text that was read, where only the end is needed.
    fn bound(&mut self) {
        if self.text.len() > 4 * TAIL {
            let from = self.text.len() - TAIL;
            let from = (from..self.text.len()).find(|&at| self.text.is_char_boundary(at));
            self.text.drain(..from.unwrap_or_default());
        }
    }

    fn fill(&mut self, value: &str, next: Option<char>, changed: &mut Vec<String>) -> String {
        match self.place {
            Place::Text | Place::Declaration | Place::Comment => escape(value, false),
            // `<h{{level}}>`, `<option {{selected}}>`: only characters of a name are allowed.
            Place::Open | Place::TagName | Place::Tag | Place::AttributeName | Place::AfterName => {
                let name: String = value.chars().filter(|c| is_name(*c)).collect();
                name.chars().for_each(|c| self.read(c));
                if name.len() != value.len() {
                    changed.push(format!(
                        "the value {value:?} was reduced to a name, because it is inside an HTML tag"
                    ));
                }
                name
            }
            Place::BeforeValue => {
                self.place = Place::Value(' ');
                let is_all = next.is_none_or(|c| c == '>' || c.is_ascii_whitespace());
                match self.attribute_value(value, next, changed) {
                    // Without quotes, the next attribute would become the value.
                    empty if empty.is_empty() && is_all => "\"\"".to_owned(),
                    filled => filled,
                }
            }
            Place::Value(_) => self.attribute_value(value, next, changed),
            Place::Raw => self.raw(value, next, changed),
        }
    }

    fn attribute_value(
        &mut self,
        value: &str,
        next: Option<char>,
        changed: &mut Vec<String>,
    ) -> String {
        let Place::Value(end) = self.place else { return String::new() };
        let next =
            next.filter(|&c| c != end && !(end == ' ' && (c == '>' || c.is_ascii_whitespace())));
        let attribute = self.attribute.as_str();
        let filled = if URLS.contains(&attribute) || URL_LISTS.contains(&attribute) {
            // No program accepts a longer URL. Without a limit, each value would scan the whole text again.
            let start = self.text.get(..8 * 1024).unwrap_or(&self.text);
            let before = start.replace("&amp;", "&");
            let before = match URL_LISTS.contains(&attribute) {
                true => before.rsplit([' ', ',', '\n', '\t']).next().unwrap_or_default(),
                false => &before,
            };
            match url::fill(before, value, next) {
                Some(filled) => filled.into_owned(),
                None => {
                    changed.push(format!(
                        "the value {value:?} would make {attribute} a script; # is used instead"
                    ));
                    "#".to_owned()
                }
            }
        } else if attribute == "style" {
            let is_all = self.text.trim().is_empty() && next.is_none();
            style(value, is_all, changed)
        } else if attribute.starts_with("on") {
            script(value, self.quotes.open)
        } else {
            value.to_owned()
        };
        self.text.push_str(&filled);
        escape(&filled, end == ' ')
    }

    fn raw(&mut self, value: &str, next: Option<char>, changed: &mut Vec<String>) -> String {
        let filled = match self.tag.as_str() {
            "script" => script(value, self.quotes.open),
            "style" => {
                let is_all = self.text.trim().is_empty() && next == Some('<');
                style(value, is_all, changed).replace(['<'], "")
            }
            _ => escape(value, false),
        };
        self.text.push_str(&filled.to_ascii_lowercase());
        self.bound();
        filled
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | ' ')
}

/// Escapes text with character references. Without quotes, white space and `=` are escaped too, as they would end the
/// value.
fn escape(value: &str, without_quotes: bool) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '=' | '`' | ' ' | '\t' | '\r' | '\n' | '\u{c}' if without_quotes => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Removes the characters that would end a style's value. A style that is one whole keyword is unchanged.
fn style(value: &str, is_all: bool, changed: &mut Vec<String>) -> String {
    if is_all {
        return value.to_owned();
    }
    let is_open = |quote: char| value.matches(quote).count() % 2 == 1;
    let open = [is_open('"'), is_open('\'')];
    let kept = |c: &char| match c {
        '"' => !open[0],
        '\'' => !open[1],
        _ => !matches!(c, ';' | '{' | '}' | '\\' | '<' | '>' | '\n' | '\r'),
    };
    let plain: String = value.chars().filter(kept).collect();
    if plain != value {
        changed.push(format!(
            "characters that are not allowed in a style were removed from the value {value:?}"
        ));
    }
    plain
}

/// Writes a value into a script, such as the JSON-LD that Gmail reads. Inside quotes it becomes the string's content,
/// otherwise a number, `true`, `false`, `null` or a whole string.
fn script(value: &str, quote: Option<char>) -> String {
    let mut inside = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => inside.push_str("\\\\"),
            '\n' => inside.push_str("\\n"),
            '"' if quote.is_none_or(|quote| quote == '"') => inside.push_str("\\\""),
            '<' | '>' | '&' | '\'' | '`' | '$' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                inside.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => inside.push(c),
        }
    }
    let is_plain = matches!(value, "true" | "false" | "null")
        || value.parse::<f64>().is_ok_and(f64::is_finite);
    if quote.is_some() || is_plain { inside } else { format!("\"{inside}\"") }
}

#[cfg(test)]
mod tests;
