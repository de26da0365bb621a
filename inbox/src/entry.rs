//! A message as a list shows it: who, what and when, read from its header and its text.

use mail_parser::{Address, Message, MessageParser, MimeHeaders as _};

use super::stored::Stored;

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its envelope, number and time.
    pub stored: Stored,
    /// The mailboxes in From, such as `Alice <alice@example.com>`.
    pub from: Vec<String>,
    /// The mailboxes in To and Cc.
    pub to: Vec<String>,
    /// The decoded subject.
    pub subject: String,
    /// The beginning of the text, at most 4 kB.
    pub text: String,
    /// The names of the attachments; empty for those without a name.
    pub files: Vec<String>,
}

/// The most bytes of text that are kept of a message, so that a search through 10,000 messages needs 40 MB at most.
const TEXT: usize = 4 << 10;

impl Entry {
    /// Reads a message. One that is not a mail has only its envelope.
    pub fn of(stored: Stored, content: &[u8]) -> Self {
        let message = MessageParser::new().parse(content).unwrap_or_default();
        Self {
            stored,
            from: mailboxes(message.from()).collect(),
            to: mailboxes(message.to()).chain(mailboxes(message.cc())).collect(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: text(&message),
            files: message
                .attachments()
                .map(|part| part.attachment_name().unwrap_or_default().to_owned())
                .collect(),
        }
    }
}

fn mailboxes<'m>(list: Option<&'m Address<'m>>) -> impl Iterator<Item = String> + 'm {
    let mailboxes = list.into_iter().flat_map(Address::iter);
    mailboxes.map(|one| match (one.name(), one.address().unwrap_or_default()) {
        (Some(name), address) => format!("{name} <{address}>"),
        (None, address) => address.to_owned(),
    })
}

/// Returns the beginning of the text. Of HTML, it is the text in it.
fn text(message: &Message<'_>) -> String {
    let mut text = message.body_text(0).unwrap_or_default().into_owned();
    let end = (0..=text.len().min(TEXT)).rev().find(|&at| text.is_char_boundary(at));
    text.truncate(end.unwrap_or(0));
    text
}
