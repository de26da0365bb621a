//! Finds the parts of a message (RFC 2046, section 5.1) in one pass, without recursion, up to a limit.
//!
//! mail-parser reads the headers and decodes the contents of one part at a time. It could also find the parts, but it
//! stores a nested message as a nested value, and copies and drops nested values by recursion. The sender of a message
//! could exhaust the stack.

use std::borrow::Cow;
use std::fmt;

use mail_parser::{ContentType, MessageParser, MimeHeaders as _};

/// The maximum depth of nested parts. Mail rarely has more than five levels. JSON readers such as serde_json stop at
/// 128 levels, and the tree of parts has two for each level of the message.
const DEPTH: usize = 50;

/// The maximum number of parts of a message, more than a person would look at.
const PARTS: usize = 1_000;

/// The number of header bytes of a part that are read: several times the size of a long encoded file name.
const HEADER_BYTES: usize = 8 << 10;

/// A part of a message, or the message itself.
#[derive(Debug)]
pub(super) struct MimePart<'m> {
    /// The number of parts around this one.
    pub(super) depth: usize,
    pub(super) headers: MimeHeaders,
    /// The content after the headers, still encoded.
    body: &'m [u8],
    /// Whether the deeper parts that follow it are its content.
    pub(super) has_parts: bool,
    pub(super) limit: Option<Limit>,
}

/// The limit that stopped the parser at a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Depth,
    Parts,
}

/// The MIME headers of a part.
#[derive(Debug, Default)]
pub(super) struct MimeHeaders {
    pub(super) media_type: String,
    pub(super) filename: Option<String>,
    pub(super) cid: Option<String>,
    pub(super) is_attachment: bool,
    boundary: Option<String>,
    charset: Option<String>,
    encoding: Option<String>,
}

/// Finds the parts of a message. The first part is the message. The children of a part follow it.
pub(super) fn parts_of(raw: &[u8]) -> Vec<MimePart<'_>> {
    let parser = MessageParser::new().with_mime_headers().default_header_ignore();
    Splitter { raw, at: 0, open: Vec::new(), parts: Vec::new(), parser }.split()
}

/// Splits a message into its header and its body. The blank line between them belongs to neither.
pub(super) fn header_of(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(line) = line_at(raw, at) {
        if is_blank(line) {
            return (&raw[..at], &raw[at + line.len()..]);
        }
        at += line.len();
    }
    (raw, &[])
}

/// Returns the complete lines in the first `limit` bytes of a header. Adds a line end if the last line has none,
/// because mail-parser reads complete lines only.
pub(super) fn whole_lines(header: &[u8], limit: usize) -> Cow<'_, [u8]> {
    if header.len() > limit {
        let end = memchr::memrchr(b'\n', &header[..limit]).map_or(0, |end| end + 1);
        return Cow::Borrowed(&header[..end]);
    }
    match header.last() {
        None | Some(b'\n') => Cow::Borrowed(header),
        Some(_) => Cow::Owned([header, b"\r\n"].concat()),
    }
}

struct Splitter<'m> {
    raw: &'m [u8],
    at: usize,
    /// The multiparts around the current position, the outermost first.
    open: Vec<Multipart>,
    parts: Vec<MimePart<'m>>,
    parser: MessageParser,
}

struct Multipart {
    boundary: Vec<u8>,
    is_digest: bool,
    /// Its index in the list of parts.
    index: usize,
}

/// A boundary delimiter line, which ends a part.
struct Delimiter {
    /// The index in `open` of the multipart that it belongs to.
    of: usize,
    is_last: bool,
    /// The position of the line.
    start: usize,
}

impl<'m> Splitter<'m> {
    fn split(mut self) -> Vec<MimePart<'m>> {
        loop {
            let delimiter = match self.start_part() {
                Some(delimiter) => Some(delimiter),
                None => self.next_delimiter(),
            };
            // The body of the current part ends at the first delimiter.
            let mut is_body = true;
            let mut next = delimiter;
            loop {
                let Some(delimiter) = next else { return self.parts };
                if is_body {
                    self.end_body(&delimiter);
                    is_body = false;
                }
                self.open.truncate(delimiter.of + usize::from(!delimiter.is_last));
                if !delimiter.is_last {
                    break;
                }
                next = self.next_delimiter();
            }
            if self.parts.len() == PARTS {
                return self.with_rest();
            }
        }
    }

    /// Reads the headers of a part. Returns a delimiter if one ends the part within the headers.
    fn start_part(&mut self) -> Option<Delimiter> {
        let start = self.at;
        let mut delimiter = None;
        let mut end = self.raw.len();
        while let Some(line) = line_at(self.raw, self.at) {
            let line_start = self.at;
            self.at += line.len();
            delimiter = self.delimiter(line, line_start);
            if delimiter.is_some() || is_blank(line) {
                end = line_start;
                break;
            }
        }
        let is_in_digest = self.open.last().is_some_and(|around| around.is_digest);
        let lines = whole_lines(&self.raw[start..end], HEADER_BYTES);
        let headers = MimeHeaders::parse(&self.parser, &lines, is_in_digest);
        let depth = self.open.len();
        let mut limit = None;
        if let Some(boundary) = &headers.boundary {
            if depth < DEPTH {
                let is_digest = headers.media_type == "multipart/digest";
                let boundary = boundary.clone().into_bytes();
                self.open.push(Multipart { boundary, is_digest, index: self.parts.len() });
            } else {
                limit = Some(Limit::Depth);
            }
        }
        let body = &self.raw[self.at..];
        self.parts.push(MimePart { depth, headers, body, has_parts: false, limit });
        delimiter
    }

    fn next_delimiter(&mut self) -> Option<Delimiter> {
        while let Some(line) = line_at(self.raw, self.at) {
            let start = self.at;
            self.at += line.len();
            let found = self.delimiter(line, start);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn delimiter(&self, line: &[u8], start: usize) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open.iter().enumerate().rev().find_map(|(of, around)| {
            let more = text.strip_prefix(around.boundary.as_slice())?;
            let is_last = more == b"--";
            (is_last || more.is_empty()).then_some(Delimiter { of, is_last, start })
        })
    }

    /// Ends the body of the last part, or marks it as a part with children.
    fn end_body(&mut self, delimiter: &Delimiter) {
        let index = self.parts.len() - 1;
        let Some(part) = self.parts.last_mut() else { return };
        if self.open[delimiter.of].index == index && !delimiter.is_last {
            part.has_parts = true;
            return;
        }
        let start = self.raw.len() - part.body.len();
        // The line end before a delimiter belongs to it.
        let body = self.raw.get(start..delimiter.start).unwrap_or_default();
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        part.body = body.strip_suffix(b"\r").unwrap_or(body);
    }

    /// Returns the parts, and one more that holds the rest of the message.
    fn with_rest(mut self) -> Vec<MimePart<'m>> {
        let depth = self.open.len();
        let media_type = "application/octet-stream".to_owned();
        let headers = MimeHeaders { media_type, ..MimeHeaders::default() };
        let (body, limit) = (&self.raw[self.at..], Some(Limit::Parts));
        self.parts.push(MimePart { depth, headers, body, has_parts: false, limit });
        self.parts
    }
}

impl MimePart<'_> {
    /// Returns the size of the decoded content.
    pub(super) fn size(&self) -> usize {
        let header = self.transfer_encoding();
        if header.is_empty() {
            return self.body.len();
        }
        let alone = [b"Content-Type: application/octet-stream\r\n", header, b"\r\n", self.body];
        let alone = alone.concat();
        let message = MessageParser::new().parse(&alone);
        message.map_or(0, |message| message.root_part().contents().len())
    }

    /// Returns the decoded text, if the part is readable text and not an attachment.
    pub(super) fn text(&self) -> Option<String> {
        let kind = match self.headers.media_type.as_str() {
            _ if self.headers.is_attachment || self.limit.is_some() => return None,
            "text/plain" => "plain",
            "text/html" => "html",
            _ => return None,
        };
        // Use a new header, so that mail-parser does not find parts in the text.
        let charset = self.headers.charset.as_deref().filter(|charset| is_token(charset));
        let charset = charset.unwrap_or("utf-8");
        let mut alone = format!("Content-Type: text/{kind}; charset={charset}\r\n").into_bytes();
        alone.extend_from_slice(self.transfer_encoding());
        alone.extend_from_slice(b"\r\n");
        alone.extend_from_slice(self.body);
        let message = MessageParser::new().parse(&alone)?;
        message.body_text(0).map(Cow::into_owned)
    }

    fn transfer_encoding(&self) -> &'static [u8] {
        match self.headers.encoding.as_deref() {
            Some(name) if name.eq_ignore_ascii_case("base64") => {
                b"Content-Transfer-Encoding: base64\r\n"
            }
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => {
                b"Content-Transfer-Encoding: quoted-printable\r\n"
            }
            _ => b"",
        }
    }
}

impl MimeHeaders {
    fn parse(parser: &MessageParser, lines: &[u8], is_in_digest: bool) -> Self {
        let media_type = if is_in_digest { "message/rfc822" } else { "text/plain" }.to_owned();
        let mut headers = Self { media_type, ..Self::default() };
        let message = parser.parse_headers(lines);
        let Some(part) = message.as_ref().and_then(|message| message.parts.first()) else {
            return headers;
        };
        if let Some(kind) = part.content_type() {
            headers.media_type = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("*"));
            headers.charset = kind.attribute("charset").map(str::to_owned);
            let boundary = kind.attribute("boundary").filter(|boundary| !boundary.is_empty());
            headers.boundary = boundary.filter(|_| kind.ctype() == "multipart").map(str::to_owned);
        }
        headers.filename = part.attachment_name().map(str::to_owned);
        headers.cid = part.content_id().map(str::to_owned);
        headers.is_attachment = part.content_disposition().is_some_and(ContentType::is_attachment);
        headers.encoding = part.content_transfer_encoding().map(str::to_owned);
        headers
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "not parsed: nested more than {DEPTH} levels deep"),
            Self::Parts => write!(f, "not parsed: the message has more than {PARTS} parts"),
        }
    }
}

/// Returns the line at a position, with its line end.
fn line_at(raw: &[u8], at: usize) -> Option<&[u8]> {
    let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
    Some(memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..=end]))
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte))
}

#[cfg(test)]
mod tests;
