//! A message in readable form: decoded headers, and the parts as a tree.

use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::mime_parts::{Limit, MimePart, header_of, parts_of, whole_lines};
use super::text;

/// The number of header bytes that are read: the default of Postfix (`header_size_limit`).
const HEADER_BYTES: usize = 100 << 10;

/// A parsed message.
pub(crate) struct MessageView<'m> {
    header: &'m [u8],
    parts: Vec<MimePart<'m>>,
}

impl<'m> MessageView<'m> {
    /// Parses a message. Returns `None` if it has no header.
    pub(crate) fn parse(raw: &'m [u8]) -> Option<Self> {
        let (header, _) = header_of(raw);
        let is_message = header.is_empty() || !all_headers(header).is_empty();
        is_message.then(|| Self { header, parts: parts_of(raw) })
    }

    /// Returns the decoded subject of a message, or an empty string if it has no subject.
    pub(crate) fn subject_of(raw: &[u8]) -> String {
        let headers = all_headers(header_of(raw).0);
        let found = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("subject"));
        found.map_or_else(String::new, |(_, subject)| subject)
    }

    /// Returns the decoded header fields, without the MIME fields.
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let mut headers = all_headers(self.header);
        headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            !name.starts_with("content-") && name != "mime-version"
        });
        headers
    }

    /// Returns the number of header bytes that are not shown.
    pub(crate) fn more_header(&self) -> usize {
        self.header.len().saturating_sub(whole_lines(self.header, HEADER_BYTES).len())
    }

    /// Returns the tree of parts, with one line for each part.
    pub(crate) fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        // The prefix of a line: a vertical line or spaces for each level above it.
        let mut trunks: Vec<&str> = Vec::new();
        for (part, is_last) in self.parts.iter().zip(self.last_ones()) {
            let Some(above) = part.depth.checked_sub(1) else {
                lines.push(describe(part));
                continue;
            };
            trunks.truncate(above);
            let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            lines.push(format!("{}{branch}{}", trunks.concat(), describe(part)));
            trunks.push(trunk);
        }
        lines
    }

    /// Returns, for each part, whether it is the last part of its parent.
    fn last_ones(&self) -> Vec<bool> {
        let mut followed: Vec<bool> = Vec::new();
        let is_last = |part: &MimePart<'_>| {
            followed.truncate(part.depth + 1);
            followed.resize(part.depth + 1, false);
            !std::mem::replace(&mut followed[part.depth], true)
        };
        let mut last: Vec<_> = self.parts.iter().rev().map(is_last).collect();
        last.reverse();
        last
    }

    /// Returns the tree of parts as JSON.
    pub(crate) fn tree_json(&self) -> Value {
        // The parts that wait for their parent, by depth. In reverse order, a part follows all its children.
        let mut waiting: Vec<Vec<Value>> = Vec::new();
        for part in self.parts.iter().rev() {
            waiting.resize_with(waiting.len().max(part.depth + 2), Vec::new);
            let mut parts = std::mem::take(&mut waiting[part.depth + 1]);
            parts.reverse();
            waiting[part.depth].push(part_json(part, parts));
        }
        waiting.first_mut().and_then(Vec::pop).unwrap_or_default()
    }

    /// Returns the text of the message.
    pub(crate) fn text(&self) -> Option<String> {
        self.parts.iter().find_map(MimePart::text)
    }
}

fn part_json(part: &MimePart<'_>, parts: Vec<Value>) -> Value {
    let headers = &part.headers;
    if part.has_parts {
        let mut json = json!({ "type": headers.media_type });
        json["parts"] = Value::Array(parts);
        return json;
    }
    let mut json = json!({
        "type": headers.media_type,
        "filename": headers.filename,
        "cid": headers.cid,
        "size": part.size(),
    });
    if let Some(limit) = part.limit {
        json["limit"] = json!(limit.to_string());
    }
    json
}

fn describe(part: &MimePart<'_>) -> String {
    let headers = &part.headers;
    if part.has_parts {
        return headers.media_type.clone();
    }
    let size = text::size(part.size() as u64);
    let name = headers.filename.as_ref().map_or(String::new(), |name| format!("  {name}"));
    let cid = headers.cid.as_ref().map_or(String::new(), |id| format!("  cid:{id}"));
    match part.limit {
        None => format!("{}{name}{cid}  {size}", headers.media_type),
        Some(limit @ Limit::Depth) => {
            format!("{}{name}{cid}  {size}, {limit}", headers.media_type)
        }
        Some(limit @ Limit::Parts) => format!("... {size} more, {limit}"),
    }
}

/// Decodes every header field.
fn all_headers(header: &[u8]) -> Vec<(String, String)> {
    let lines = whole_lines(header, HEADER_BYTES);
    let parser = MessageParser::new().header_text("Subject").default_header_text();
    let message = parser.parse_headers(lines.as_ref());
    let Some(part) = message.as_ref().and_then(|message| message.parts.first()) else {
        return Vec::new();
    };
    let decoded = part.headers.iter().map(|header| {
        let value = header.value.as_text().unwrap_or_default().trim();
        (header.name.as_str().to_owned(), value.to_owned())
    });
    decoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_drawn_and_nested() {
        let raw = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n an =?utf-8?q?alle?=\r\n\
                    Content-Type: multipart/mixed; boundary=a\r\n\r\n\
                    --a\r\nContent-Type: multipart/related; boundary=b\r\n\r\n\
                    --b\r\nContent-Type: text/html\r\n\r\n<p>Hi\r\n\
                    --b\r\nContent-Type: image/png; name=i.png\r\nContent-ID: <i>\r\n\r\nx\r\n--b--\r\n\
                    --a\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--a--\r\n";
        let view = MessageView::parse(raw).expect("it is a message");
        assert_eq!(view.headers(), [("Subject".to_owned(), "Grüße an alle".to_owned())]);
        assert_eq!(
            view.tree(),
            [
                "multipart/mixed",
                "├─ multipart/related",
                "│  ├─ text/html  5 bytes",
                "│  └─ image/png  i.png  cid:i  1 bytes",
                "└─ text/plain  4 bytes",
            ]
        );
        let file = json!({ "type": "text/plain", "filename": null, "cid": null, "size": 4 });
        let json = view.tree_json();
        assert_eq!(json["parts"][1], file);
        assert_eq!(json["parts"][0]["parts"][1]["cid"], "i");
        assert_eq!(view.text().as_deref().map(str::trim), Some("Hi"));
    }

    #[test]
    fn what_is_not_taken_apart_is_shown_as_such() {
        let level = |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
        let raw = (0..20_000).map(level).collect::<String>();
        let view = MessageView::parse(raw.as_bytes()).expect("it is a message");
        let tree = view.tree();
        assert!(tree.last().is_some_and(|line| line.contains("not parsed")), "{tree:?}");
        // A JSON reader with a limit of 128 levels, such as serde_json, can read all of it.
        let json = json!({ "messages": [{ "parts": view.tree_json() }] }).to_string();
        serde_json::from_str::<Value>(&json).expect("it is not too deep");
        assert!(json.contains("not parsed"), "{json}");
    }

    #[test]
    fn a_header_without_end_is_shown_in_part() {
        let raw = format!("Subject: x\r\n{}\r\nbody", "X-A: b\r\n".repeat(100_000));
        let view = MessageView::parse(raw.as_bytes()).expect("it is a message");
        assert!(view.headers().len() < 20_000);
        assert!(view.more_header() > 600_000);
        assert_eq!(MessageView::subject_of(raw.as_bytes()), "x");
        assert!(MessageView::parse(b"no header\r\n").is_none());
    }
}
