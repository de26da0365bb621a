//! An HTML tokenizer that follows the standard (html5gum). It emits tags with their attributes, and text with character
//! references resolved.

use std::convert::Infallible;
use std::ops::Range;
use std::str::from_utf8;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// A receiver of HTML tokens, in document order.
pub(super) trait Sink {
    /// Receives text between tags, including the content of elements such as `style`.
    fn text(&mut self, text: &str);
    /// Receives a start tag. A tag without its `>` at the end of the text is not a tag.
    fn start(&mut self, tag: &Tag);
    /// Receives the name of an end tag, in lower case.
    fn end(&mut self, name: &str);
}

/// Tokenizes HTML. The sink is a trait object so that this code is compiled once: it is a fifth of the component.
pub(super) fn read(html: &str, sink: &mut dyn Sink) {
    let mut emitter =
        CallbackEmitter::new(Events { sink, tag: Tag::default(), in_start_tag: false });
    // The content of `style`, `script` and `title` is not markup.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
}

/// A start tag with its attributes.
#[derive(Default)]
pub(super) struct Tag {
    /// All names and values, concatenated.
    text: String,
    name: usize,
    attributes: Vec<(Range<usize>, Range<usize>)>,
}

impl Tag {
    /// Returns the name, in lower case.
    pub(super) fn name(&self) -> &str {
        &self.text[..self.name]
    }

    /// Returns the value of an attribute; the first one if the name occurs twice.
    pub(super) fn attribute(&self, wanted: &str) -> Option<&str> {
        self.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// Returns the attributes in document order, names in lower case.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |range: &Range<usize>| &self.text[range.clone()];
        self.attributes.iter().map(move |(name, value)| (text(name), text(value)))
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        // The tokenizer splits UTF-8 only between characters.
        self.text.push_str(from_utf8(bytes).unwrap_or_default());
        start..self.text.len()
    }
}

/// An emitter that combines the tokenizer's events into tags.
struct Events<'s> {
    sink: &'s mut dyn Sink,
    tag: Tag,
    /// Whether the attributes belong to a start tag. Attributes of end tags are ignored.
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
