//! A strict parser of what came on a connection, independent of the host's code.

use memchr::memmem;

use super::server::Record;

/// A transaction, possibly incomplete.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// The position of MAIL in the input.
    pub(crate) start: usize,
    pub(crate) sender: String,
    /// The recipients, each with the code of its reply.
    pub(crate) recipients: Vec<(String, Option<u16>)>,
    pub(crate) content: Option<Content>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// The message, with doubled dots removed.
    pub(crate) message: Vec<u8>,
    /// True if the final dot came.
    pub(crate) is_complete: bool,
    /// The code of the reply to the final dot; `None` if there was no reply or it was invalid.
    pub(crate) reply: Option<u16>,
    /// True if the server replied within the message.
    pub(crate) was_interrupted: bool,
}

/// Returns the transactions of a connection, or why its bytes are not SMTP as the host speaks it.
pub(crate) fn transactions(record: &Record) -> Result<Vec<Transaction>, String> {
    let mut reader = Reader { record, at: 0, greeted: 0, found: Vec::new(), is_open: false };
    reader.read()?;
    Ok(reader.found)
}

struct Reader<'r> {
    record: &'r Record,
    at: usize,
    /// The number of EHLO and HELO commands.
    greeted: usize,
    found: Vec<Transaction>,
    /// True if the server has an envelope, or a MAIL that it has not answered.
    is_open: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), String> {
        while self.at < self.record.input.len() {
            let start = self.at;
            let rest = &self.record.input[start..];
            let Some(length) = memmem::find(rest, b"\r\n") else {
                return self.partial(rest);
            };
            self.silent_after_too_much(&rest[..length])?;
            self.at += length + 2;
            let line =
                std::str::from_utf8(&rest[..length]).map_err(|_| "a command is not UTF-8")?;
            self.command(start, line)?;
        }
        Ok(())
    }

    fn command(&mut self, start: usize, line: &str) -> Result<(), String> {
        let reply = self.reply(self.at);
        let is_first = self.greeted == 0;
        match line {
            "EHLO client.test" if is_first => self.greeted = 1,
            "HELO client.test" if self.greeted == 1 && self.found.is_empty() => self.greeted = 2,
            _ if is_first => return Err(format!("{line:?} before EHLO")),
            "RSET" => self.is_open &= !is_positive(reply),
            "QUIT" if self.at == self.record.input.len() => {}
            "DATA" => self.data(reply)?,
            _ if line.starts_with("MAIL FROM:<") => {
                if self.is_open {
                    return Err("a transaction within another".to_owned());
                }
                let sender = self.path(line, "MAIL FROM:<")?;
                self.is_open = true;
                self.found.push(Transaction { start, sender, ..Transaction::default() });
            }
            _ if line.starts_with("RCPT TO:<") && self.is_open => {
                let recipient = self.path(line, "RCPT TO:<")?;
                let last = self.found.last_mut().ok_or("RCPT without MAIL")?;
                last.recipients.push((recipient, reply));
            }
            _ => return Err(format!("the command {line:?}")),
        }
        Ok(())
    }

    /// Parses a path, and parameters of extensions that the server offers.
    fn path(&self, line: &str, verb: &str) -> Result<String, String> {
        let wrong = |what: &str| format!("{what} in {line:?}");
        let (path, rest) = line[verb.len()..].split_once('>').ok_or_else(|| wrong("no path"))?;
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "<>()\",;:\\[]".contains(c);
        let is_null = path.is_empty() && verb.starts_with("MAIL");
        if !is_null && (path.contains(is_odd) || !path.contains('@')) {
            return Err(wrong("a path that is not an address"));
        }
        for parameter in rest.split_terminator(' ').skip(1) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let extension = match (verb.starts_with("MAIL"), name) {
                (true, "SIZE") if value.bytes().all(|b| b.is_ascii_digit()) => "SIZE",
                (true, "BODY") if value == "8BITMIME" => "8BITMIME",
                (true, "SMTPUTF8") if parameter == name => "SMTPUTF8",
                (true, "RET") if ["FULL", "HDRS"].contains(&value) => "DSN",
                (true, "ENVID") if is_xtext(value) => "DSN",
                (false, "NOTIFY") if is_notify(value) => "DSN",
                _ => return Err(wrong("a parameter")),
            };
            if !self.record.offers.iter().any(|offer| offer.starts_with(extension)) {
                return Err(wrong("a parameter that is not offered"));
            }
        }
        match rest {
            "" => Ok(path.to_owned()),
            _ if rest.starts_with(' ') && !rest.contains("  ") => Ok(path.to_owned()),
            _ => Err(wrong("something after the path")),
        }
    }

    fn data(&mut self, reply: Option<u16>) -> Result<(), String> {
        let last = self.found.last_mut().filter(|_| self.is_open).ok_or("DATA without MAIL")?;
        if reply != Some(354) {
            return Ok(());
        }
        let mut content = Content::default();
        let start = self.at;
        let said = |end: usize| {
            let mut replies = self.record.replies.iter();
            let is_other = |text: &str| !text.is_empty() && !text.starts_with("354");
            replies.any(|(after, text)| (start..end).contains(after) && is_other(text))
        };
        loop {
            let rest = &self.record.input[self.at..];
            let Some(length) = memmem::find(rest, b"\r\n") else {
                // The last dot may be one to be doubled, or the start of the end marker.
                let rest = match rest {
                    b".\r" => b"",
                    [b'.', rest @ ..] | rest => rest,
                };
                content.message.extend_from_slice(rest);
                self.at = self.record.input.len();
                break;
            };
            self.at += length + 2;
            match &rest[..length] {
                b"." => {
                    content.is_complete = true;
                    content.reply = code_after(self.record, self.at);
                    break;
                }
                [b'.', line @ ..] if line.first() != Some(&b'.') => {
                    return Err(format!("a dot that is not doubled before {line:?}"));
                }
                [b'.', line @ ..] | line => content.message.extend_from_slice(line),
            }
            content.message.extend_from_slice(b"\r\n");
        }
        content.was_interrupted = said(self.at);
        self.is_open = !content.is_complete;
        last.content = Some(content);
        Ok(())
    }

    fn reply(&self, after: usize) -> Option<u16> {
        code_after(self.record, after)
    }

    /// Checks the last bytes of a connection, which are not a complete command.
    fn partial(&mut self, rest: &[u8]) -> Result<(), String> {
        let known = [&b"EHLO client.test"[..], b"HELO client.test", b"RSET", b"QUIT", b"DATA"];
        let fits = known.iter().any(|command| command.starts_with(rest.trim_ascii_end()))
            || [&b"MAIL FROM:<"[..], b"RCPT TO:<"]
                .iter()
                .any(|start| rest.starts_with(start) || start.starts_with(rest));
        self.at = self.record.input.len();
        match fits && self.record.is_closed {
            true => Ok(()),
            false => Err(format!("{:?} at the end", String::from_utf8_lossy(rest))),
        }
    }

    /// Checks that after an unexpected reply, which puts a connection out of step, only QUIT follows.
    fn silent_after_too_much(&self, line: &[u8]) -> Result<(), String> {
        let is_too_much = |(after, text): &&(usize, String)| {
            let lines =
                text.split_inclusive('\n').filter(|line| line.as_bytes().get(3) != Some(&b'-'));
            let same =
                self.record.replies.iter().filter(|(at, text)| at == after && !text.is_empty());
            let is_idle = same.count() > 1;
            *after <= self.at && *after > 0 && !text.is_empty() && (lines.count() > 1 || is_idle)
        };
        match self.record.replies.iter().find(is_too_much) {
            Some((_, text)) if line != b"QUIT" => {
                Err(format!("{:?} after the server said {text:?}", String::from_utf8_lossy(line)))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn is_positive(code: Option<u16>) -> bool {
    code.is_some_and(|code| code / 100 == 2)
}

/// Returns the code of the first reply at this position, if it is valid.
fn code_after(record: &Record, after: usize) -> Option<u16> {
    let (_, text) = record.replies.iter().find(|(at, _)| *at == after)?;
    let mut code = None;
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix("\r\n")?;
        let number = line.get(..3)?.parse().ok()?;
        if code.is_some_and(|code| code != number) {
            return None;
        }
        code = Some(number);
        if line.as_bytes().get(3) != Some(&b'-') {
            return code;
        }
    }
    None
}

/// Reports whether a value is xtext (RFC 3461 section 4).
fn is_xtext(value: &str) -> bool {
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let is_hex =
            |byte: Option<u8>| byte.is_some_and(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        let fits = match byte {
            b'+' => is_hex(bytes.next()) && is_hex(bytes.next()),
            b'=' => false,
            other => other.is_ascii_graphic(),
        };
        if !fits {
            return false;
        }
    }
    true
}

fn is_notify(value: &str) -> bool {
    let known = ["SUCCESS", "FAILURE", "DELAY"];
    value == "NEVER" || value.split(',').all(|word| known.contains(&word))
}
