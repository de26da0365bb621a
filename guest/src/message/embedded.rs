//! Embedded messages (`message/rfc822`). They may not be encoded as a whole (RFC 2046 section 5.2.1), so their parts
//! that are not 7-bit are encoded again. The result is still a message that mail clients open.

use std::borrow::Cow;

use encodify::{base64, qp};

use super::folding::Folding;
use super::parameters::{write_encoded_word, write_parameter};
use crate::input::values::address_list::parse_list;
use crate::input::values::media_type::Parameters;

/// The maximum length of a line without its CRLF (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;
/// The maximum nesting depth of parts and messages. Deeper messages are attacks on parsers.
const MAX_DEPTH: usize = 20;

/// Reports whether bytes can be sent without encoding: ASCII lines that are not too long and end in CRLF or LF.
pub fn is_seven_bit(bytes: &[u8]) -> bool {
    bytes.is_ascii()
        && !bytes.contains(&0)
        && bytes.split(|&byte| byte == b'\n').all(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.len() <= MAX_LINE && !line.contains(&b'\r')
        })
}

/// Rewrites a message as ASCII lines. Returns `None` if the bytes are not a message, or if non-ASCII bytes are in a
/// place that may not be changed, such as a signed part.
pub fn to_seven_bits(message: &[u8]) -> Option<Vec<u8>> {
    // In mbox files, a `From ` line precedes each message.
    let message = match message.starts_with(b"From ") {
        true => &message[message.iter().position(|&byte| byte == b'\n')? + 1..],
        false => message,
    };
    let mut out = Vec::with_capacity(message.len() + message.len() / 4);
    write_entity(message, true, 0, &mut out)?;
    Some(out)
}

/// A header field, unparsed, with its line breaks.
struct RawField<'m> {
    name: &'m str,
    raw: &'m [u8],
}

/// The media type and encoding of a body, from its header.
#[derive(Default)]
struct Kind {
    essence: String,
    boundary: Option<String>,
    encoding: String,
}

/// Writes a message or one of its parts.
fn write_entity(entity: &[u8], is_message: bool, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    if is_seven_bit(entity) {
        push_lines(entity, out);
        return Some(());
    }
    if depth == MAX_DEPTH {
        return None;
    }
    let (fields, body) = split(entity)?;
    let kind = Kind::of(&fields);
    if matches!(kind.essence.as_str(), "multipart/signed" | "multipart/encrypted") {
        return None;
    }
    let mut written = Vec::new();
    let encoding = write_body(body, &kind, depth, &mut written)?;
    for field in &fields {
        if encoding.is_none() || !field.name.eq_ignore_ascii_case(ENCODING) {
            field.write(out)?;
        }
    }
    if let Some(encoding) = encoding {
        let has = |name: &str| fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
        // Without these, mail clients show the encoded text or guess the charset.
        if is_message && !has("MIME-Version") {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        if !has("Content-Type") && std::str::from_utf8(body).is_ok() {
            out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
        }
        out.extend_from_slice(format!("{ENCODING}: {encoding}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&written);
    Some(())
}

const ENCODING: &str = "Content-Transfer-Encoding";

/// Writes a body, and returns its new encoding if that changes.
fn write_body(
    body: &[u8],
    kind: &Kind,
    depth: usize,
    out: &mut Vec<u8>,
) -> Option<Option<&'static str>> {
    if is_seven_bit(body) {
        push_lines(body, out);
        return Some(None);
    }
    if kind.essence.starts_with("multipart/") {
        write_parts(body, kind.boundary.as_deref()?, depth, out)?;
        return Some(Some("7bit"));
    }
    if kind.essence == "message/rfc822" {
        write_entity(body, true, depth + 1, out)?;
        return Some(Some("7bit"));
    }
    let content = match kind.encoding.as_str() {
        "" | "7bit" | "8bit" | "binary" => Cow::Borrowed(body),
        "quoted-printable" => qp::BODY.decode(body).ok()?,
        _ => return None,
    };
    let is_text = kind.essence.is_empty() || kind.essence.starts_with("text/");
    let mut lines = Vec::with_capacity(content.len());
    if is_text {
        push_lines(&content, &mut lines);
    }
    // Not all mail clients treat a lone carriage return as a line break.
    if is_text && !content.contains(&0) && !has_lone_return(&lines) {
        out.extend_from_slice(qp::BODY.encode(&lines).as_bytes());
        return Some(Some("quoted-printable"));
    }
    out.extend_from_slice(base64::MIME.encode(&content).as_bytes());
    Some(Some("base64"))
}

/// Writes the parts of a multipart body.
fn write_parts(body: &[u8], boundary: &str, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut part: Option<&[u8]> = None;
    let mut rest = body;
    let mut found = false;
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        let delimiter =
            line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
        let closes = match delimiter.map(<[u8]>::trim_ascii_end) {
            Some(b"") => false,
            Some(b"--") => true,
            _ => {
                rest = after;
                continue;
            }
        };
        if let Some(start) = part {
            // The line break before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1).
            let content = &start[..start.len() - rest.len()];
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            let content = content.strip_suffix(b"\r").unwrap_or(content);
            write_entity(content, false, depth + 1, out)?;
            out.extend_from_slice(b"\r\n");
        }
        found = true;
        part = (!closes).then_some(after);
        out.extend_from_slice(
            format!("--{boundary}{}\r\n", if closes { "--" } else { "" }).as_bytes(),
        );
        rest = after;
        if closes {
            // The text that follows is for mail clients that do not support multipart messages.
            return Some(());
        }
    }
    if let Some(start) = part {
        write_entity(start, false, depth + 1, out)?;
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    }
    found.then_some(())
}

/// Splits an entity into its header fields and its body. Returns `None` if a header line is not a field.
fn split(entity: &[u8]) -> Option<(Vec<RawField<'_>>, &[u8])> {
    let mut fields: Vec<RawField<'_>> = Vec::new();
    let mut rest = entity;
    loop {
        if rest.is_empty() {
            return Some((fields, rest));
        }
        let start = rest;
        let (line, after) = next_line(rest);
        rest = after;
        if line.is_empty() {
            return Some((fields, rest));
        }
        if line.contains(&b'\r') || line.contains(&0) {
            return None;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            // Extend the last field: both are adjacent slices of `entity`.
            let last = fields.last_mut()?;
            let offset = entity.len() - start.len() - last.raw.len();
            last.raw = &entity[offset..entity.len() - rest.len()];
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?.trim_ascii_end();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        fields.push(RawField { name, raw: &start[..start.len() - rest.len()] });
    }
}

/// Splits text into its first line, without the line end, and the rest.
fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, after) = match memchr::memchr(b'\n', text) {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

/// Appends lines with CRLF as their line end. A last line without a line end stays without it.
fn push_lines(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = next_line(rest);
        out.extend_from_slice(line);
        if rest.len() > after.len() + line.len() {
            out.extend_from_slice(b"\r\n");
        }
        rest = after;
    }
}

fn has_lone_return(lines: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', lines).any(|at| lines.get(at + 1) != Some(&b'\n'))
}

impl Kind {
    fn of(fields: &[RawField<'_>]) -> Self {
        let value = |wanted: &str| {
            let found = fields.iter().find(|field| field.name.eq_ignore_ascii_case(wanted))?;
            Some(found.value())
        };
        let encoding = value(ENCODING).unwrap_or_default().trim().to_ascii_lowercase();
        let content_type = value("Content-Type").unwrap_or_default();
        let (essence, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
        let boundary =
            Parameters::read(parameters).given.into_iter().find(|(name, _)| name == "boundary");
        Self {
            essence: essence.trim().to_ascii_lowercase(),
            boundary: boundary.map(|(_, value)| value),
            encoding,
        }
    }
}

impl RawField<'_> {
    /// Returns the value on one line. A value that is not UTF-8 is read as Latin-1, which mails used before UTF-8.
    fn value(&self) -> String {
        let value = self.raw.splitn(2, |&byte| byte == b':').nth(1).unwrap_or_default();
        let value = match std::str::from_utf8(value) {
            Ok(value) => value.to_owned(),
            Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
        };
        let lines: Vec<_> = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    }

    /// Writes the field, unchanged if possible.
    fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        if is_seven_bit(self.raw) {
            push_lines(self.raw, out);
            if !out.ends_with(b"\r\n") {
                out.extend_from_slice(b"\r\n");
            }
            return Some(());
        }
        let value = self.value();
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return None;
        }
        let mut folding = Folding::new(self.name);
        match self.name.to_ascii_lowercase().as_str() {
            "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" => {
                write_addresses(&mut folding, &value)?;
            }
            "content-type" | "content-disposition" => write_parameters(&mut folding, &value)?,
            // Ids and URLs in these headers cannot be encoded.
            "message-id" | "in-reply-to" | "references" | "content-id" | "received"
            | "return-path" | "dkim-signature" | "mime-version" => return None,
            name if name.starts_with("list-") || name.starts_with("arc-") => return None,
            _ => folding.text(&value),
        }
        out.extend_from_slice(format!("{}: {}\r\n", self.name, folding.finish()).as_bytes());
        Some(())
    }
}

fn write_addresses(folding: &mut Folding, value: &str) -> Option<()> {
    for (index, element) in parse_list(value).enumerate() {
        let mailbox = element.mailbox.ok()?;
        let address = mailbox.address.as_str();
        if !address.is_ascii() {
            return None;
        }
        if index > 0 {
            folding.separator(',');
        }
        match &mailbox.name {
            Some(name) => {
                folding.phrase(name.as_str());
                folding.word(&["<", address, ">"].concat());
            }
            None => folding.word(address),
        }
    }
    Some(())
}

fn write_parameters(folding: &mut Folding, value: &str) -> Option<()> {
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    let kind = kind.trim();
    if !kind.is_ascii() {
        return None;
    }
    folding.word(kind);
    for (name, value) in Parameters::read(parameters).given {
        match name == "name" && !value.is_ascii() {
            true => write_encoded_word(folding, &name, &value),
            false => write_parameter(folding, &name, &value),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests;
