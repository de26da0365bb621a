//! The rules that every message keeps on its way out, whoever wrote it.
//!
//! A component is not trusted with the wire: what breaks these rules has made servers see a second message
//! in the first (SMTP smuggling), show hidden recipients, or read another header than the one that was
//! checked. The rules are those of RFC 5321 section 2.3.8 and RFC 5322 sections 2 and 3.6.

use std::fmt;

use memchr::{memchr2, memchr3};

/// Checks a message while it goes by.
///
/// ```
/// use smtp_connector_host::policy::{Violation, MessageValidator};
///
/// let message = b"From: a@x.test\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@x.test>\r\n\r\nHi\r\n";
/// let mut validator = MessageValidator::new(1 << 20, false);
/// validator.push(message)?;
/// validator.finish(Some(message.len() as u64))?;
///
/// let mut validator = MessageValidator::new(1 << 20, false);
/// assert!(matches!(validator.push(b"Subject: x\n.\n"), Err(Violation::LineBreak)));
/// # Ok::<(), Violation>(())
/// ```
#[derive(Debug)]
pub struct MessageValidator {
    limit: u64,
    allow_utf8: bool,
    size: u64,
    /// Octets of the line so far.
    line: usize,
    /// Whether the last octet was a CR that waits for its LF.
    after_cr: bool,
    /// The header block; none once the body has begun.
    header: Option<HeaderBlock>,
    /// What is kept of the headers, once the body has begun.
    kept: KeptHeaders,
}

/// Values of headers, unfolded.
#[derive(Debug, Default)]
struct KeptHeaders {
    /// From and Sender.
    originators: Vec<String>,
    message_id: Option<String>,
}

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A CR or an LF alone.
    LineBreak,
    /// A NUL octet.
    Nul,
    /// An octet beyond ASCII that was not announced.
    EightBit,
    /// A line of more than 998 octets.
    LongLine,
    /// A header block of more than a megabyte, or without its end.
    HeaderBlock,
    /// A line of the header block that is no header.
    HeaderLine,
    /// A header that shows what must not be shown, or that servers write.
    ForbiddenHeader(String),
    /// A header that stands twice.
    RepeatedHeader(String),
    /// A header that must be there.
    MissingHeader(&'static str),
    /// More octets than the account may send.
    TooLarge,
    /// Another number of octets than was announced.
    Size {
        /// What was announced.
        announced: u64,
        /// What there was.
        found: u64,
    },
    /// The last line has no end.
    Unterminated,
}

/// RFC 5321 section 4.5.3.1.6, without the CRLF.
const MAX_LINE: usize = 998;
/// A hundred headers of 8 KiB and every recipient fit.
const MAX_HEADER_BLOCK: usize = 1 << 20;
/// Headers of which a message has at most one (RFC 5322 section 3.6).
const SINGLE: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
];
/// Headers that would show hidden recipients, or that only servers write: a reader would take them for a server's word.
const FORBIDDEN: &[&str] = &[
    "apparently-to",
    "authentication-results",
    "bcc",
    "delivered-to",
    "dkim-signature",
    "domainkey-signature",
    "envelope-to",
    "received",
    "received-spf",
    "return-path",
    "x-authentication-results",
    "x-original-to",
];
/// Beginnings of such names: who sent a message again (RFC 5322 section 3.6.6), and what servers on the way vouch for
/// (RFC 8617).
const FORBIDDEN_PREFIXES: &[&str] = &["arc-", "resent-"];
/// Headers that every message has.
const REQUIRED: &[&str] = &["from", "date", "message-id"];

impl MessageValidator {
    /// A validator for a message of at most `limit` bytes, with octets beyond ASCII or without.
    pub fn new(limit: u64, allow_utf8: bool) -> Self {
        let header = Some(HeaderBlock::default());
        let kept = KeptHeaders::default();
        Self { limit, allow_utf8, size: 0, line: 0, after_cr: false, header, kept }
    }

    /// Checks the next bytes.
    ///
    /// # Errors
    ///
    /// The first rule that they break. Nothing of the message may be sent on then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Violation> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            return Err(Violation::TooLarge);
        }
        if !self.allow_utf8 && !chunk.is_ascii() {
            return Err(Violation::EightBit);
        }
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").ok_or(Violation::LineBreak)?;
            self.end_line()?;
        }
        while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
            self.take(&rest[..at])?;
            match rest[at] {
                b'\r' => {}
                0 => return Err(Violation::Nul),
                _ => return Err(Violation::LineBreak),
            }
            match rest.get(at + 1) {
                Some(b'\n') => {
                    self.end_line()?;
                    rest = &rest[at + 2..];
                }
                Some(_) => return Err(Violation::LineBreak),
                None => {
                    self.after_cr = true;
                    return Ok(());
                }
            }
        }
        self.take(rest)
    }

    /// Checks the whole, at its end.
    ///
    /// # Errors
    ///
    /// A message that is not whole, or has not the size that was announced.
    pub fn finish(&self, announced: Option<u64>) -> Result<(), Violation> {
        if let Some(header) = &self.header {
            // A message may end with its header block (RFC 5322 section 3.5).
            if self.line > 0 || header.length == 0 {
                return Err(Violation::HeaderBlock);
            }
            header.check_required()?;
        }
        if self.after_cr || self.line > 0 {
            return Err(Violation::Unterminated);
        }
        match announced {
            Some(announced) if announced != self.size => {
                Err(Violation::Size { announced, found: self.size })
            }
            _ => Ok(()),
        }
    }

    /// Whether the header block has ended.
    pub fn in_body(&self) -> bool {
        self.header.is_none()
    }

    /// Whom the message says it is from, as far as it has come: the values of From and Sender, unfolded.
    pub fn originators(&self) -> &[String] {
        &self.kept().originators
    }

    /// The message's Message-ID, once it has come.
    pub fn message_id(&self) -> Option<&str> {
        self.kept().message_id.as_deref().map(str::trim_ascii)
    }

    fn kept(&self) -> &KeptHeaders {
        self.header.as_ref().map_or(&self.kept, |header| &header.kept)
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Octets within a line.
    fn take(&mut self, octets: &[u8]) -> Result<(), Violation> {
        self.line += octets.len();
        if self.line > MAX_LINE {
            return Err(Violation::LongLine);
        }
        match &mut self.header {
            Some(header) => header.take(octets),
            None => Ok(()),
        }
    }

    fn end_line(&mut self) -> Result<(), Violation> {
        self.after_cr = false;
        let was_empty = self.line == 0;
        self.line = 0;
        let Some(header) = &mut self.header else { return Ok(()) };
        if was_empty {
            header.check_required()?;
            self.kept = std::mem::take(&mut header.kept);
            self.header = None;
            return Ok(());
        }
        header.end_line()
    }
}

/// The headers so far.
#[derive(Debug, Default)]
struct HeaderBlock {
    length: usize,
    /// The current line.
    line: Vec<u8>,
    /// Names of [`SINGLE`] and [`REQUIRED`] headers that were seen.
    seen: Vec<&'static str>,
    kept: KeptHeaders,
    /// Which of the values that are kept a folded line belongs to.
    current: Current,
}

/// The header whose lines are read.
#[derive(Debug, Default)]
enum Current {
    Originator,
    MessageId,
    #[default]
    Other,
}

impl HeaderBlock {
    fn take(&mut self, octets: &[u8]) -> Result<(), Violation> {
        self.length += octets.len();
        if self.length > MAX_HEADER_BLOCK {
            return Err(Violation::HeaderBlock);
        }
        self.line.extend_from_slice(octets);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Violation> {
        let mut line = std::mem::take(&mut self.line);
        let outcome = self.read_line(&line);
        line.clear();
        self.line = line;
        outcome
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Violation> {
        if line.iter().any(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return Err(Violation::HeaderLine);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            // A folded line needs one to fold, and is not blank (RFC 5322 section 3.2.2).
            let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
            if blank || self.seen.is_empty() {
                return Err(Violation::HeaderLine);
            }
            let value = match self.current {
                Current::Originator => self.kept.originators.last_mut(),
                Current::MessageId => self.kept.message_id.as_mut(),
                Current::Other => None,
            };
            if let Some(value) = value {
                value.push_str(&String::from_utf8_lossy(line));
            }
            return Ok(());
        }
        let colon = memchr2(b':', b' ', line).filter(|&at| line[at] == b':');
        let name = colon.and_then(|colon| std::str::from_utf8(&line[..colon]).ok());
        let name =
            name.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()));
        let name = name.ok_or(Violation::HeaderLine)?;
        let value = || String::from_utf8_lossy(&line[name.len() + 1..]).into_owned();
        self.current = match name.to_ascii_lowercase().as_str() {
            "from" | "sender" => {
                self.kept.originators.push(value());
                Current::Originator
            }
            "message-id" => {
                self.kept.message_id = Some(value());
                Current::MessageId
            }
            _ => Current::Other,
        };
        self.end_header(name)
    }

    fn end_header(&mut self, name: &str) -> Result<(), Violation> {
        let is = |known: &&&str| known.eq_ignore_ascii_case(name);
        let begins = |prefix: &&str| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if FORBIDDEN.iter().any(|known| is(&known)) || FORBIDDEN_PREFIXES.iter().any(begins) {
            return Err(Violation::ForbiddenHeader(name.to_owned()));
        }
        match SINGLE.iter().find(is) {
            Some(single) if self.seen.contains(single) => {
                Err(Violation::RepeatedHeader(name.to_owned()))
            }
            Some(single) => {
                self.seen.push(single);
                Ok(())
            }
            None => {
                // Something is there that a line can fold.
                self.seen.push("");
                self.seen.dedup();
                Ok(())
            }
        }
    }

    fn check_required(&self) -> Result<(), Violation> {
        match REQUIRED.iter().find(|name| !self.seen.contains(name)) {
            Some(missing) => Err(Violation::MissingHeader(missing)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineBreak => f.write_str("a line that does not end with CRLF"),
            Self::Nul => f.write_str("a NUL octet"),
            Self::EightBit => f.write_str("an octet beyond ASCII that was not announced"),
            Self::LongLine => write!(f, "a line of more than {MAX_LINE} octets"),
            Self::HeaderBlock => f.write_str("a header block that is too large, or has no end"),
            Self::HeaderLine => f.write_str("a line among the headers that is no header"),
            Self::ForbiddenHeader(name) => write!(f, "the header {name}, which is not to be sent"),
            Self::RepeatedHeader(name) => write!(f, "the header {name} twice"),
            Self::MissingHeader(name) => write!(f, "no header {name}"),
            Self::TooLarge => f.write_str("more bytes than the account may send"),
            Self::Size { announced, found } => {
                write!(f, "{found} bytes where {announced} were announced")
            }
            Self::Unterminated => f.write_str("a last line without its end"),
        }
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests;
