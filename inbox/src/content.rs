//! Reads the content of a message after DATA, up to the final dot (RFC 5321 section 4.5.2).

/// A strict reader of dot-stuffed content. It rejects a bare CR or LF: some servers treat it as a line end and others
/// do not, which allows SMTP smuggling.
#[derive(Debug, Default)]
pub(super) struct ContentReader {
    message: Vec<u8>,
    state: State,
    limit: usize,
    overflow: bool,
}

/// The state after the last octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The start of a line.
    #[default]
    LineStart,
    /// Within a line.
    Line,
    /// After a CR within a line.
    Cr,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot at the start of a line, and a CR.
    DotCr,
}

/// The result of reading some octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The message is not complete yet.
    More,
    /// The message is complete. It ends after this number of the octets.
    End(usize),
    /// The content has a bare CR or LF.
    LoneLineEnd,
}

impl ContentReader {
    /// Creates a reader that keeps at most `limit` octets. A longer message is read to its end but not kept.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Reads the next octets.
    pub(super) fn push(&mut self, octets: &[u8]) -> Progress {
        for (index, &octet) in octets.iter().enumerate() {
            self.state = match (self.state, octet) {
                (State::LineStart, b'.') => State::Dot,
                (State::Dot, b'\r') => State::DotCr,
                (State::DotCr, b'\n') => return Progress::End(index + 1),
                (State::Cr, b'\n') => {
                    self.keep(b"\r\n");
                    State::LineStart
                }
                (State::Cr | State::DotCr, _) | (_, b'\n') => return Progress::LoneLineEnd,
                (_, b'\r') => State::Cr,
                // The dot that was added by dot-stuffing is not kept.
                (_, octet) => {
                    self.keep(&[octet]);
                    State::Line
                }
            };
        }
        Progress::More
    }

    /// Returns the number of octets kept so far.
    pub(super) fn kept(&self) -> usize {
        self.message.len()
    }

    /// Drops the message, and reads the rest without keeping it.
    pub(super) fn give_up(&mut self) {
        self.overflow = true;
        self.message = Vec::new();
    }

    /// Returns the message, or `None` if it was dropped or too long.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (!self.overflow).then_some(self.message)
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.message.len() + octets.len() > self.limit {
            self.give_up();
        }
        if !self.overflow {
            self.message.extend_from_slice(octets);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wire: &str) -> Result<(String, usize), Progress> {
        let mut reader = ContentReader::new(1000);
        for (index, octet) in wire.bytes().enumerate() {
            match reader.push(&[octet]) {
                Progress::More => {}
                Progress::End(_) => {
                    let message = reader.finish().unwrap();
                    return Ok((String::from_utf8(message).unwrap(), index + 1));
                }
                other => return Err(other),
            }
        }
        Err(Progress::More)
    }

    #[test]
    fn dots_are_unstuffed_and_the_last_ends_the_message() {
        for (wire, message) in [
            ("a\r\n.\r\n", "a\r\n"),
            (".\r\n", ""),
            ("..\r\n...x\r\n.y\r\n.\r\n", ".\r\n..x\r\ny\r\n"),
            ("\r\n.\r\n", "\r\n"),
        ] {
            assert_eq!(read(wire), Ok((message.to_owned(), wire.len())), "{wire:?}");
        }
        let mut reader = ContentReader::new(1000);
        assert_eq!(reader.push(b"a\r\n.\r\nQUIT\r\n"), Progress::End(6));
    }

    #[test]
    fn lone_line_ends_are_refused() {
        for wire in ["a\n.\n", "a\r.\r", "a\r\n.\n", "a\r\n.\rb", "a\n.\r\n", "\n", "\r\r\n"] {
            assert_eq!(read(wire), Err(Progress::LoneLineEnd), "{wire:?}");
        }
    }

    #[test]
    fn a_message_beyond_the_limit_is_read_and_not_kept() {
        let mut reader = ContentReader::new(10);
        assert_eq!(reader.push(&[b'a'; 100]), Progress::More);
        assert_eq!(reader.push(b"\r\n.\r\n"), Progress::End(5));
        assert_eq!(reader.finish(), None);
    }
}
