//! The tokens of an HTML text, as the standard cuts them (html5gum): tags with their attributes, and text, references
//! to characters resolved.

use std::convert::Infallible;
use std::ops::Range;
use std::str::from_utf8;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// Takes the tokens of an HTML text, in its order.
pub(super) trait Sink {
    /// Text between tags, and that inside elements such as `style`.
    fn text(&mut self, text: &str);
    /// A start tag. One that is not closed until the end of the text is not a tag.
    fn start(&mut self, tag: &Tag);
    /// An end tag, its name in small letters.
    fn end(&mut self, name: &str);
}

/// Reads an HTML text. One reader serves every sink: it is a fifth of the component.
pub(super) fn read(html: &str, sink: &mut dyn Sink) {
    let mut emitter =
        CallbackEmitter::new(Events { sink, tag: Tag::default(), in_start_tag: false });
    // What stands in `style`, `script` and `title` is not markup.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
}

/// A start tag with its attributes.
#[derive(Default)]
pub(super) struct Tag {
    /// The names and values, one after the other.
    text: String,
    name: usize,
    attributes: Vec<(Range<usize>, Range<usize>)>,
}

impl Tag {
    /// The name, in small letters.
    pub(super) fn name(&self) -> &str {
        &self.text[..self.name]
    }

    /// The value of an attribute: of two with one name, the first.
    pub(super) fn attribute(&self, wanted: &str) -> Option<&str> {
        self.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// The attributes, names in small letters, in the order of the text.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        self.attributes.iter().map(move |(name, value)| (text(name), text(value)))
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        // The tokenizer cuts UTF-8 between characters.
        self.text.push_str(from_utf8(bytes).unwrap_or_default());
        start..self.text.len()
    }
}

/// Makes a tag of the events that it consists of.
struct Events<'s> {
    sink: &'s mut dyn Sink,
    tag: Tag,
    /// End tags may have attributes too, which mean nothing.
    in_start_tag: bool,
}

impl Callback<Infallible, ()> for Events<'_> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _: Span<()>) -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.in_start_tag = true;
                self.tag.text.clear();
                self.tag.attributes.clear();
                self.tag.name = self.tag.append(name).end;
            }
            CallbackEvent::AttributeName { name } if self.in_start_tag => {
                let name = self.tag.append(name);
                let end = name.end;
                self.tag.attributes.push((name, end..end));
            }
            CallbackEvent::AttributeValue { value } if self.in_start_tag => {
                let value = self.tag.append(value);
                if let Some(last) = self.tag.attributes.last_mut() {
                    last.1 = value;
                }
            }
            CallbackEvent::CloseStartTag { .. } => {
                self.in_start_tag = false;
                self.sink.start(&self.tag);
            }
            CallbackEvent::EndTag { name } => {
                self.in_start_tag = false;
                self.sink.end(from_utf8(name).unwrap_or_default());
            }
            CallbackEvent::String { value } => {
                self.sink.text(from_utf8(value).unwrap_or_default());
            }
            _ => {}
        }
        None
    }
}
