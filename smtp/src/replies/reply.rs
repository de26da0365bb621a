//! The reply parser: reads line by line, within size limits, and tolerates common deviations.

use std::fmt;

use memchr::memchr;

use crate::reply::ReplyCode;

/// A reply as the server sent it (RFC 5321 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReply {
    pub(crate) code: ReplyCode,
    /// The text of each line, after the code and the separator.
    pub(crate) lines: Vec<String>,
}

/// The reason why the bytes are not a valid reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// A line that does not start with a reply code.
    Line(String),
    /// Lines of one reply with different codes.
    MixedCodes,
    /// A line of more than 2 KiB, a reply of more than 64 KiB, or a session of more than 1 MiB.
    TooLong,
}

/// A parser that turns bytes from a server into replies.
#[derive(Debug, Default)]
pub(crate) struct ReplyReader {
    /// Bytes that are not yet part of a reply.
    pub(crate) buffer: Vec<u8>,
    /// The lines of the reply so far.
    partial: Option<RawReply>,
    /// Octets of the reply so far.
    length: usize,
    /// Octets of the session so far.
    total: usize,
}

/// The longest line. RFC 5321 section 4.5.3.1.5 allows 512 octets, but servers with long explanations send more.
const MAX_LINE: usize = 2 * 1024;
/// The longest reply. Real EHLO replies have a few hundred octets.
const MAX_REPLY: usize = 64 * 1024;
/// The longest session. 100 recipients with a reply of several lines each use a tenth of it.
const MAX_CONVERSATION: usize = 1024 * 1024;

impl RawReply {
    pub(crate) fn is_positive(&self) -> bool {
        self.code.is_positive()
    }

    pub(crate) fn is_transient(&self) -> bool {
        self.code.is_transient()
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.code.is_permanent()
    }
}

impl ReplyReader {
    /// Returns the next complete reply in the buffer, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<RawReply>, Malformed> {
        while let Some(end) = memchr(b'\n', &self.buffer) {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            self.count(line.len())?;
            if let Some(reply) = self.add(&line)? {
                return Ok(Some(reply));
            }
        }
        if self.buffer.len() > MAX_LINE {
            return Err(Malformed::TooLong);
        }
        Ok(None)
    }

    /// Resets the session size for the next message on a kept connection.
    pub(crate) fn begin_again(&mut self) {
        self.total = 0;
    }

    /// Reports whether the buffer holds bytes of an unfinished reply.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty() || self.partial.is_some()
    }

    fn count(&mut self, length: usize) -> Result<(), Malformed> {
        self.length += length;
        self.total += length;
        let fits = length <= MAX_LINE && self.length <= MAX_REPLY && self.total <= MAX_CONVERSATION;
        if fits { Ok(()) } else { Err(Malformed::TooLong) }
    }

    /// Adds a line. Returns the reply if this line ends it.
    fn add(&mut self, line: &[u8]) -> Result<Option<RawReply>, Malformed> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, last, text) = split(line)
            .ok_or_else(|| Malformed::Line(String::from_utf8_lossy(line).into_owned()))?;
        let reply = self.partial.get_or_insert_with(|| RawReply { code, lines: Vec::new() });
        if reply.code != code {
            return Err(Malformed::MixedCodes);
        }
        reply.lines.push(String::from_utf8_lossy(text).into_owned());
        if !last {
            return Ok(None);
        }
        self.length = 0;
        Ok(self.partial.take())
    }
}

/// Splits a line into its code, whether it is the last line, and its text. A bare code is a last line (RFC 5321 section
/// 4.2.1).
fn split(line: &[u8]) -> Option<(ReplyCode, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let code = ReplyCode::new(code)?;
    match rest {
        [] => Some((code, true, rest)),
        [b' ' | b'\t', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(_) => f.write_str("the server's reply is not SMTP"),
            Self::MixedCodes => f.write_str("the server's reply has lines with different codes"),
            Self::TooLong => f.write_str("the server's reply is too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses all replies in bytes that arrive in pieces of `size`.
    fn read_in(bytes: &[u8], size: usize) -> Result<Vec<RawReply>, Malformed> {
        let mut reader = ReplyReader::default();
        let mut replies = Vec::new();
        for piece in bytes.chunks(size) {
            reader.buffer.extend_from_slice(piece);
            while let Some(reply) = reader.next()? {
                replies.push(reply);
            }
        }
        Ok(replies)
    }

    fn read(text: &str) -> Result<Vec<(u16, String)>, Malformed> {
        let whole = read_in(text.as_bytes(), text.len().max(1));
        assert_eq!(read_in(text.as_bytes(), 1), whole, "{text:?}");
        Ok(whole?.into_iter().map(|reply| (reply.code.get(), reply.lines.join("|"))).collect())
    }

    #[test]
    fn replies_of_one_line_and_of_several() {
        let replies = read("220 mx.test ESMTP\r\n250-a\r\n250-\r\n250 c\r\n").expect("replies");
        assert_eq!(replies, [(220, "mx.test ESMTP".into()), (250, "a||c".into())]);
    }

    #[test]
    fn tolerated_protocol_errors() {
        for (text, reply) in [
            ("250\r\n", (250, String::new())),
            ("250 \r\n", (250, String::new())),
            ("250 ok\n", (250, "ok".into())),
            ("250- \r\n250 \r\n", (250, " |".into())),
            ("354\tgo\r\n", (354, "go".into())),
        ] {
            assert_eq!(read(text), Ok(vec![reply]), "{text:?}");
        }
        let replies = read_in(b"250 caf\xe9\r\n", 3).expect("a reply");
        assert_eq!(replies[0].lines, ["caf\u{fffd}"]);
    }

    #[test]
    fn invalid_replies_are_refused() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "-ERR\r\n",
            "\r\n",
            "25 ok\r\n",
            "199 x\r\n",
            "600 x\r\n",
            "250x\r\n",
        ] {
            assert!(matches!(read(text), Err(Malformed::Line(_))), "{text:?}");
        }
        assert_eq!(read("250-a\r\n251 b\r\n"), Err(Malformed::MixedCodes));
    }

    #[test]
    fn replies_are_bounded() {
        let long_line = format!("250 {}\r\n", "a".repeat(MAX_LINE));
        assert_eq!(read_in(long_line.as_bytes(), 512), Err(Malformed::TooLong));
        assert_eq!(read_in(&vec![b'A'; 3 * MAX_LINE], 512), Err(Malformed::TooLong));
        let endless = "250-AAAAAAAAAAAA\r\n".repeat(10_000);
        assert_eq!(read_in(endless.as_bytes(), 512), Err(Malformed::TooLong));
        let chatty = "250 ok\r\n".repeat(200_000);
        assert_eq!(read_in(chatty.as_bytes(), 65_536), Err(Malformed::TooLong));
    }
}
