//! A message as a person looks at it: its headers decoded, its parts as a tree.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders as _};
use serde_json::{Value, json};

use super::text;

/// A message that was taken apart.
pub(crate) struct MessageView<'m> {
    message: Message<'m>,
}

impl<'m> MessageView<'m> {
    /// Takes a message apart. None: it is no message.
    pub(crate) fn parse(raw: &'m [u8]) -> Option<Self> {
        MessageParser::default().parse(raw).map(|message| Self { message })
    }

    /// The header lines that people look for, decoded.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let root = self.message.root_part();
        for header in &root.headers {
            let name = header.name.as_str();
            if name.to_ascii_lowercase().starts_with("content-")
                || name.eq_ignore_ascii_case("mime-version")
            {
                continue;
            }
            let raw = self
                .message
                .raw_message
                .get(header.offset_start as usize..header.offset_end as usize);
            let raw = String::from_utf8_lossy(raw.unwrap_or_default()).into_owned();
            headers.push((name.to_owned(), printable(decoded(&raw).trim())));
        }
        headers
    }

    /// The tree of parts, a line each.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.draw(0, "", "", &mut lines);
        lines
    }

    /// The tree of parts for programs.
    pub(crate) fn tree_json(&self) -> Value {
        self.part_json(0)
    }

    /// What the message says, as text.
    pub(crate) fn text(&self) -> Option<String> {
        let text = self.message.body_text(0)?;
        Some(text.lines().map(|line| printable(line) + "\n").collect())
    }

    fn draw(&self, number: u32, lead: &str, below: &str, lines: &mut Vec<String>) {
        let Some(part) = self.message.part(number) else { return };
        lines.push(format!("{lead}{}", describe(part)));
        let children = part.sub_parts().unwrap_or_default();
        for (index, child) in children.iter().enumerate() {
            let last = index + 1 == children.len();
            let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.draw(*child, &format!("{below}{branch}"), &format!("{below}{trunk}"), lines);
        }
    }

    fn part_json(&self, number: u32) -> Value {
        let Some(part) = self.message.part(number) else { return Value::Null };
        match part.sub_parts() {
            Some(children) => json!({
                "type": media_type(part),
                "parts": children.iter().map(|child| self.part_json(*child)).collect::<Vec<_>>(),
            }),
            None => json!({
                "type": media_type(part),
                "filename": part.attachment_name(),
                "cid": part.content_id(),
                "size": part.contents().len(),
            }),
        }
    }
}

fn describe(part: &MessagePart<'_>) -> String {
    if part.sub_parts().is_some() {
        return media_type(part);
    }
    let name =
        part.attachment_name().map_or(String::new(), |name| format!("  {}", printable(name)));
    let cid = part.content_id().map_or(String::new(), |id| format!("  cid:{}", printable(id)));
    format!("{}{name}{cid}  {}", media_type(part), text::size(part.contents().len() as u64))
}

fn media_type(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(kind) => format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*")),
        None => "text/plain".to_owned(),
    }
}

/// An unfolded value with its encoded words decoded.
fn decoded(raw: &str) -> String {
    let unfolded = raw.replace("\r\n", "").replace('\n', "");
    let header = format!("Subject: {unfolded}\r\n\r\n");
    let message = MessageParser::default().parse_headers(header.as_bytes());
    let subject = message.as_ref().and_then(|message| message.subject());
    subject.map_or(unfolded, str::to_owned)
}

/// Text without anything that a terminal obeys.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
