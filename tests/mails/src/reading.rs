//! The findings of a reader, in the same form for every reader.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{
    Address, HeaderForm, Message, MessageParser, MessagePart, MimeHeaders as _, PartType,
};
use serde::{Deserialize, Serialize};

/// A message as a reader sees it.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    pub subject: String,
    pub from: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    /// The values of `X-Custom`.
    pub custom: Vec<String>,
    pub tree: Tree,
    /// The parts with content, in order.
    pub leaves: Vec<Leaf>,
    /// The defects that the reader reports.
    pub defects: Vec<String>,
}

/// A name, which may be empty, and an address.
pub(crate) type Mailbox = (String, String);

/// The tree of parts, by type.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Tree {
    Leaf(String),
    Multipart(String, Vec<Tree>),
}

/// A part with content.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Leaf {
    #[serde(rename = "type")]
    pub kind: String,
    pub disposition: String,
    pub filename: String,
    pub cid: String,
    /// The content in base64, so that it can be printed. Empty for an attached message.
    pub bytes: String,
}

impl Default for Tree {
    fn default() -> Self {
        Self::Leaf(String::new())
    }
}

impl Reading {
    /// Returns the reading without the line ends at the end of a single-part message. A message always ends with a line
    /// end, even if its text does not.
    pub fn without_last_line_ends(mut self) -> Self {
        if let (Tree::Leaf(_), [leaf]) = (&self.tree, self.leaves.as_mut_slice()) {
            let bytes = STANDARD.decode(&leaf.bytes).expect("base64 of our own");
            let end = bytes.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |it| it + 1);
            leaf.bytes = Leaf::encode(&bytes[..end]);
        }
        self
    }
}

impl Leaf {
    /// Encodes bytes as a leaf holds them.
    pub fn encode(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }
}

/// Reads a message with mail-parser.
pub fn read(raw: &[u8]) -> Reading {
    let message = MessageParser::default().parse(raw).expect("a message");
    let mut leaves = Vec::new();
    let tree = tree(&message, &message.parts[0], &mut leaves);
    let custom = message.header_as("X-Custom", HeaderForm::Text);
    Reading {
        subject: message.subject().unwrap_or_default().to_owned(),
        from: mailboxes(message.from()),
        to: mailboxes(message.to()),
        cc: mailboxes(message.cc()),
        reply_to: mailboxes(message.reply_to()),
        custom: custom.iter().map(|it| it.as_text().unwrap_or_default().to_owned()).collect(),
        tree,
        leaves,
        defects: Vec::new(),
    }
}

fn mailboxes(addresses: Option<&Address<'_>>) -> Vec<Mailbox> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let all = addresses.into_iter().flat_map(Address::iter);
    all.filter(|one| one.address().is_some())
        .map(|one| (text(one.name()), text(one.address())))
        .collect()
}

fn tree(message: &Message<'_>, part: &MessagePart<'_>, leaves: &mut Vec<Leaf>) -> Tree {
    let kind = part.content_type().expect("every part has a type");
    let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
    if let PartType::Multipart(children) = &part.body {
        let child = |id: &u32| tree(message, &message.parts[*id as usize], leaves);
        return Tree::Multipart(kind, children.iter().map(child).collect());
    }
    let bytes = match &part.body {
        PartType::Message(_) => Vec::new(),
        _ => part.contents().to_vec(),
    };
    leaves.push(Leaf {
        kind: kind.clone(),
        disposition: part.content_disposition().map_or(String::new(), |it| it.ctype().to_owned()),
        filename: part.attachment_name().unwrap_or_default().to_owned(),
        cid: part.content_id().unwrap_or_default().to_owned(),
        bytes: Leaf::encode(&bytes),
    });
    Tree::Leaf(kind)
}
