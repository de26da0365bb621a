//! The rules that every outgoing message must follow, from any component.
//!
//! The host does not trust a component to write to the connection. A message that breaks these rules can make a server
//! see a second message in the first (SMTP smuggling), show hidden recipients, or read a different header than the one
//! that was checked. The rules are those of RFC 5321 section 2.3.8 and RFC 5322 sections 2 and 3.6.

use std::fmt;

use memchr::{memchr2, memchr3};

/// A validator that checks a message while it is sent.
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
    /// The number of octets in the current line.
    line: usize,
    /// Whether the last octet was a CR that waits for its LF.
    after_cr: bool,
    /// The header block. `None` once the body has begun.
    header: Option<HeaderBlock>,
    /// The headers that are kept once the body has begun.
    kept: KeptHeaders,
}

/// The unfolded values of some headers.
#[derive(Debug, Default)]
struct KeptHeaders {
    /// The values of From and Sender.
    originators: Vec<String>,
    message_id: Option<String>,
}

/// A rule that a message breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A bare CR or LF.
    LineBreak,
    /// A NUL octet.
    Nul,
    /// An octet beyond ASCII, although UTF-8 was not announced.
    EightBit,
    /// A line of more than 998 octets.
    LongLine,
    /// A header block of more than 1 MiB, or without its end.
    HeaderBlock,
    /// A line of the header block that is not a header.
    HeaderLine,
    /// A header that reveals hidden recipients, or that only servers write.
    ForbiddenHeader(String),
    /// A repeated header that must be unique.
    RepeatedHeader(String),
    /// A required header that is missing.
    MissingHeader(&'static str),
    /// A message that is larger than the account allows.
    TooLarge,
    /// A size that differs from the announced one.
    Size {
        /// The announced number of octets.
        announced: u64,
        /// The actual number of octets.
        found: u64,
    },
    /// A last line without a line end.
    Unterminated,
}

/// The longest line, without the CRLF (RFC 5321 section 4.5.3.1.6).
const MAX_LINE: usize = 998;
/// The largest header block. A hundred headers of 8 KiB and all recipients fit.
const MAX_HEADER_BLOCK: usize = 1 << 20;
/// The headers that may occur at most once (RFC 5322 section 3.6).
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
/// Headers that reveal hidden recipients, or that only servers write. A reader would trust the latter as a server's
/// statement.
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
/// Prefixes of forbidden headers. They tell who resent a message (RFC 5322 section 3.6.6), and what servers on the way
/// vouch for (RFC 8617).
const FORBIDDEN_PREFIXES: &[&str] = &["arc-", "resent-"];
/// The headers that every message must have.
const REQUIRED: &[&str] = &["from", "date", "message-id"];

impl MessageValidator {
    /// Creates a validator for a message of at most `limit` bytes. `allow_utf8` permits octets beyond ASCII.
    pub fn new(limit: u64, allow_utf8: bool) -> Self {
        let header = Some(HeaderBlock::default());
        let kept = KeptHeaders::default();
        Self { limit, allow_utf8, size: 0, line: 0, after_cr: false, header, kept }
    }

    /// Checks the next bytes.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the bytes break. The rest of the message must then not be sent.
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

    /// Checks the complete message, at its end.
    ///
    /// # Errors
    ///
    /// Returns an error if the message is incomplete, or if its size differs from the announced one.
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

    /// Reports whether the header block has ended.
    pub fn in_body(&self) -> bool {
        self.header.is_none()
    }

    /// Returns the unfolded values of From and Sender that have been read so far.
    pub fn originators(&self) -> &[String] {
        &self.kept().originators
    }

    /// Returns the message's Message-ID, once it has been read.
    pub fn message_id(&self) -> Option<&str> {
        self.kept().message_id.as_deref().map(str::trim_ascii)
    }

    fn kept(&self) -> &KeptHeaders {
        self.header.as_ref().map_or(&self.kept, |header| &header.kept)
    }

    /// Returns the number of bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Checks octets within a line.
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
    /// The names of [`SINGLE`] and [`REQUIRED`] headers that were seen.
    seen: Vec<&'static str>,
    kept: KeptHeaders,
    /// The kept value that a folded line belongs to.
    current: Current,
}

/// The header that the current line belongs to.
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
            // A folded line continues another line, and is not blank (RFC 5322 section 3.2.2).
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
                // Any header can be followed by a folded line.
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
            Self::EightBit => {
                f.write_str("an octet beyond ASCII, although UTF-8 was not announced")
            }
            Self::LongLine => write!(f, "a line of more than {MAX_LINE} octets"),
            Self::HeaderBlock => f.write_str("a header block that is too large or does not end"),
            Self::HeaderLine => f.write_str("a line in the header block that is not a header"),
            Self::ForbiddenHeader(name) => write!(f, "the header {name}, which must not be sent"),
            Self::RepeatedHeader(name) => write!(f, "the header {name} twice"),
            Self::MissingHeader(name) => write!(f, "no header {name}"),
            Self::TooLarge => f.write_str("a message that is larger than the account allows"),
            Self::Size { announced, found } => {
                write!(f, "{found} bytes, although {announced} were announced")
            }
            Self::Unterminated => f.write_str("a last line without a line end"),
        }
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests;
