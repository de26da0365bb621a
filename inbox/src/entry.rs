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
        let content = if is_deep(content) { header(content) } else { content };
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

/// The most parts that may contain others. Mail rarely has more than ten. mail-parser copies and drops nested messages by
/// recursion, so the sender of a message with many could exhaust the stack.
const CONTAINERS: usize = 50;

/// Reports whether the parts of a message may be nested deeply: each level names one of these types.
fn is_deep(content: &[u8]) -> bool {
    let names = |name: &'static [u8]| {
        let starts = memchr::memchr2_iter(name[0], name[0].to_ascii_uppercase(), content);
        starts.filter(move |&at| {
            content.get(at..at + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
    };
    names(b"multipart/").chain(names(b"message/")).nth(CONTAINERS).is_some()
}

/// Returns the header of a message.
fn header(content: &[u8]) -> &[u8] {
    let end = [&b"\r\n\r\n"[..], b"\n\n"].map(|blank| memchr::memmem::find(content, blank));
    end.into_iter().flatten().min().map_or(content, |end| &content[..end])
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    use crate::received::Received;

    fn entry(content: &str) -> Entry {
        let received = Received {
            id: 1,
            at: UNIX_EPOCH,
            client_name: String::new(),
            encrypted: false,
            user: None,
            sender: String::new(),
            parameters: Vec::new(),
            recipients: Vec::new(),
            content: content.into(),
        };
        Entry::of(Stored::of(&received, 1), &received.content)
    }

    #[test]
    fn a_message_whose_parts_are_nested_deeply_is_read_on_a_small_stack() {
        let multiparts =
            |n| format!("Content-Type: Multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        let messages = |_| "Content-type: MESSAGE/rfc822\r\n\r\n".to_owned();
        let nested: [String; 3] = [
            (0..20_000).map(multiparts).collect(),
            (0..40_000).map(messages).collect(),
            (0..20_000).map(|n| multiparts(n) + &messages(n)).collect(),
        ];
        for nested in nested {
            let content = format!("From: a@x.test\r\nSubject: deep\r\n{nested}\r\nx");
            let small = std::thread::Builder::new().stack_size(256 << 10);
            let read = small.spawn(move || entry(&content).subject).expect("a thread");
            assert_eq!(read.join().expect("it is read"), "deep");
        }
    }

    #[test]
    fn an_ordinary_message_has_its_text_and_files() {
        let parts = "--b\r\n\r\nHi!\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b\r\n\
                     Content-Disposition: attachment; filename=a.pdf\r\n\r\nx\r\n--b--\r\n";
        let entry = entry(&format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}"));
        assert_eq!(
            (entry.text.trim(), &entry.files[..]),
            ("Hi!", &[String::new(), "a.pdf".to_owned()][..])
        );
    }
}
