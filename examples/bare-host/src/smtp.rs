//! A minimal SMTP client without encryption or login, for a relay on this machine.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::imports::connectors::smtp::transport::{Envelope, Receipt};
use crate::imports::connectors::smtp::types::{Delivered, Failure, Phase, Refusal, Reply, Retry};

/// The longest time that the server may be silent.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A message that is being sent.
#[expect(unreachable_pub, reason = "generated code names it")]
pub struct Message {
    server: Server,
    accepted: Vec<String>,
    refused: Vec<Refusal>,
    /// The last two octets, to detect the start of a line: a dot there is doubled, even between chunks.
    tail: [u8; 2],
}

struct Server(BufReader<TcpStream>);

impl Message {
    pub(crate) fn begin(host: &str, port: u16, envelope: &Envelope) -> Result<Self, Failure> {
        let mut server =
            Server::connect(host, port).map_err(|error| lost(Phase::Connect, &error))?;
        server.expect(Phase::Greeting, "", 220)?;
        let offers = server.expect(Phase::Ehlo, "EHLO localhost", 250)?.text;
        let parameters = parameters(envelope, &offers)?;
        server.expect(
            Phase::MailFrom,
            &format!("MAIL FROM:<{}>{parameters}", envelope.sender),
            250,
        )?;
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for recipient in &envelope.recipients {
            let reply = server.say(&format!("RCPT TO:<{recipient}>"));
            let reply = reply.map_err(|error| lost(Phase::RcptTo, &error))?;
            match reply.code {
                250 | 251 => accepted.push(recipient.clone()),
                _ => refused.push(Refusal {
                    recipient: recipient.clone(),
                    field: None,
                    retry: retry(&reply),
                    reply,
                }),
            }
        }
        if let Some(last) =
            refused.last().filter(|_| accepted.is_empty() || !envelope.allow_partial)
        {
            let failure = refusal(Phase::RcptTo, &last.reply);
            return Err(Failure { refusals: refused, ..failure });
        }
        server.expect(Phase::Data, "DATA", 354)?;
        Ok(Self { server, accepted, refused, tail: *b"\r\n" })
    }

    pub(crate) fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut stuffed = Vec::with_capacity(chunk.len() + 16);
        for &octet in chunk {
            if self.tail == *b"\r\n" && octet == b'.' {
                stuffed.push(b'.');
            }
            stuffed.push(octet);
            self.tail = [self.tail[1], octet];
        }
        self.server.0.get_mut().write_all(&stuffed).map_err(|error| {
            // A part of the chunk may be sent. Whatever the component writes next must not be.
            let _ = self.server.0.get_ref().shutdown(Shutdown::Both);
            lost(Phase::Body, &error)
        })
    }

    pub(crate) fn finish(mut self) -> Result<Receipt, Failure> {
        let reply = self.server.expect(Phase::FinalReply, ".", 250)?;
        let name = reply.text.split_once("queued as ").and_then(|(_, rest)| rest.split(' ').next());
        let queue_id = name.map(str::to_owned);
        Ok(Receipt { queue_id, reply, accepted: self.accepted, refused: self.refused })
    }
}

impl Server {
    fn connect(host: &str, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port))?;
        // Without this, the message's end waits 40 ms for the server to acknowledge earlier data.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a line and reads the reply. An empty line is not sent.
    fn say(&mut self, line: &str) -> io::Result<Reply> {
        if !line.is_empty() {
            self.0.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        }
        let mut reply = Reply { code: 0, enhanced: None, text: String::new() };
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let line = line.trim_end();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            reply.code = code.ok_or_else(|| io::Error::other("the server does not speak SMTP"))?;
            let text = line.get(4..).unwrap_or_default();
            let (enhanced, text) = match text.split_once(' ') {
                Some((code, rest)) if is_enhanced(code) => (Some(code.to_owned()), rest),
                _ => (None, text),
            };
            reply.enhanced = reply.enhanced.or(enhanced);
            reply.text =
                if reply.text.is_empty() { text.to_owned() } else { reply.text + "\n" + text };
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(reply);
            }
        }
    }

    fn expect(&mut self, phase: Phase, line: &str, code: u16) -> Result<Reply, Failure> {
        let reply = self.say(line).map_err(|error| lost(phase, &error))?;
        if reply.code == code { Ok(reply) } else { Err(refusal(phase, &reply)) }
    }
}

fn is_enhanced(word: &str) -> bool {
    word.split('.').count() == 3 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn parameters(envelope: &Envelope, offers: &str) -> Result<String, Failure> {
    let offered = |name: &str| offers.lines().any(|line| line.split(' ').next() == Some(name));
    let mut parameters = String::new();
    if let Some(size) = envelope.size.filter(|_| offered("SIZE")) {
        parameters += &format!(" SIZE={size}");
    }
    let mut addresses = envelope.recipients.iter().chain([&envelope.sender]);
    if envelope.utf8_headers || !addresses.all(|address| address.is_ascii()) {
        if !offered("SMTPUTF8") {
            let message = "the server does not take addresses beyond ASCII".to_owned();
            return Err(failure("recipients", message, Phase::MailFrom, Retry::Never));
        }
        parameters += " BODY=8BITMIME SMTPUTF8";
    }
    Ok(parameters)
}

/// The server refused.
fn refusal(phase: Phase, reply: &Reply) -> Failure {
    let code = match phase {
        _ if reply.code == 552 => "too-large",
        Phase::MailFrom => "sender",
        Phase::RcptTo => "recipients",
        Phase::Data | Phase::Body | Phase::FinalReply => "data",
        _ => "connect",
    };
    let message = format!("the server says no: {} {}", reply.code, reply.text);
    Failure { reply: Some(reply.clone()), ..failure(code, message, phase, retry(reply)) }
}

/// The server did not answer.
fn lost(phase: Phase, error: &io::Error) -> Failure {
    let message = format!("the server cannot be reached: {error}");
    let unknown = phase == Phase::FinalReply;
    // After the message's end was sent, the delivery is unknown, and there is no automatic retry.
    let retry = if unknown { Retry::Never } else { Retry::Later };
    let delivered = if unknown { Delivered::Unknown } else { Delivered::No };
    Failure { delivered, ..failure("connect", message, phase, retry) }
}

fn retry(reply: &Reply) -> Retry {
    let by_policy = reply.enhanced.as_deref().is_some_and(|code| code.starts_with("5.7."));
    match reply.code {
        ..500 => Retry::Later,
        _ if by_policy => Retry::AfterConfigChange,
        _ => Retry::Never,
    }
}

fn failure(code: &str, message: String, phase: Phase, retry: Retry) -> Failure {
    Failure {
        code: code.to_owned(),
        message,
        hint: None,
        phase,
        retry,
        delivered: Delivered::No,
        reply: None,
        refusals: Vec::new(),
        message_id: None,
    }
}
