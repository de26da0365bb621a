//! An SMTP server that misbehaves as its scenario says, and records what it receives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smtp_connector_host::Account;
use smtp_connector_host::accounts::{AccountBuilder, Security};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::scenario::{Act, AtOnce, Scenario, Stage};

/// The record of what the server received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The number of connections that were opened.
    pub(crate) connections: usize,
    /// The number of connections that are open.
    pub(crate) open: usize,
    /// The highest number of connections open at once.
    pub(crate) most_open: usize,
    /// The command lines.
    pub(crate) commands: Vec<String>,
    /// The lines that answered AUTH's challenges.
    pub(crate) answers: Vec<String>,
    /// The messages, with dots still doubled: the complete ones, and the last one even if it is incomplete.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The number of complete messages.
    pub(crate) complete: usize,
}

/// A server that follows a scenario.
pub(crate) struct FaultServer {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

const USUAL: &[&str] = &[
    "PIPELINING",
    "SIZE 35882577",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "AUTH PLAIN LOGIN",
];

impl FaultServer {
    pub(crate) async fn start(scenario: Scenario) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback is free");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let scenario = Arc::new(scenario);
        let record = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (scenario, record) = (Arc::clone(&scenario), Arc::clone(&record));
                tokio::spawn(async move {
                    let change = |change: fn(&mut Seen)| {
                        change(&mut record.lock().expect("no thread panics while holding it"));
                    };
                    change(|seen| {
                        seen.connections += 1;
                        seen.open += 1;
                        seen.most_open = seen.most_open.max(seen.open);
                    });
                    converse(stream, &scenario, &record).await;
                    change(|seen| seen.open -= 1);
                });
            }
        });
        Self { address, seen, task }
    }

    /// Returns an account named `work` on this server.
    pub(crate) fn account(&self) -> AccountBuilder {
        Account::builder("work", "127.0.0.1")
            .port(self.port())
            .security(Security::None)
            .sender("alice@example.com")
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until every connection has ended, and returns the record.
    pub(crate) async fn ended(&self) -> Seen {
        loop {
            let seen = self.seen();
            if seen.connections > 0 && seen.open == 0 {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the record so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().expect("no thread panics while holding it").clone()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// The conversation has ended, for any reason.
struct Over;

struct Conversation<'s> {
    pipe: Box<dyn Pipe>,
    buffer: Vec<u8>,
    scenario: &'s Scenario,
    seen: &'s Mutex<Seen>,
    encrypted: bool,
    recipients: usize,
    mails: usize,
    has_paused: bool,
}

async fn converse(stream: TcpStream, scenario: &Scenario, seen: &Mutex<Seen>) {
    let resets = scenario.rules.iter().any(|(_, act)| matches!(act, Act::Reset));
    if resets {
        // Closing with a linger time of zero sends a reset.
        stream.set_zero_linger().expect("a socket option");
    }
    let pipe: Box<dyn Pipe> = match &scenario.offers.implicit {
        Some(config) => match TlsAcceptor::from(Arc::clone(config)).accept(stream).await {
            Ok(stream) => Box::new(stream),
            Err(_) => return,
        },
        None => Box::new(stream),
    };
    let encrypted = scenario.offers.implicit.is_some();
    let conversation = Conversation {
        pipe,
        buffer: Vec::new(),
        scenario,
        seen,
        encrypted,
        recipients: 0,
        mails: 0,
        has_paused: false,
    };
    // The connection is over, however it ended.
    let _ = conversation.run().await;
}

impl Conversation<'_> {
    async fn run(mut self) -> Result<(), Over> {
        let open = self.seen.lock().expect("no thread panics while holding it").open;
        if self.scenario.offers.most.is_some_and(|most| open > most) {
            return self.say("421 4.7.0 too many connections\r\n").await;
        }
        self.act(Stage::Greeting, "220 mx.test ESMTP\r\n").await?;
        loop {
            let line = self.line().await?;
            self.note(|seen| seen.commands.push(line.clone()));
            if !self.buffer.is_empty() && self.at_once().await? {
                continue;
            }
            let verb: String = line.chars().take(4).collect::<String>().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.ehlo().await?,
                "HELO" => self.act(Stage::Helo, "250 mx.test\r\n").await?,
                "STAR" => self = self.starttls().await?,
                "AUTH" => self.auth(&line).await?,
                "MAIL" => {
                    self.mails += 1;
                    let stage = match self.mails {
                        _ if line.starts_with("MAIL FROM:<>") => Stage::MailFromNull,
                        1 => Stage::Mail,
                        _ => Stage::MailAgain,
                    };
                    self.act(stage, "250 2.1.0 ok\r\n").await?;
                }
                "RSET" => self.say("250 2.0.0 ok\r\n").await?,
                "RCPT" => {
                    self.recipients += 1;
                    self.act(Stage::Rcpt(self.recipients), "250 2.1.5 ok\r\n").await?;
                }
                "DATA" => self.data().await?,
                "QUIT" => {
                    self.act(Stage::Quit, "221 2.0.0 bye\r\n").await?;
                    return Ok(());
                }
                _ => self.say("500 5.5.1 what\r\n").await?,
            }
        }
    }

    /// Handles a command that has more input behind it in the buffer. Returns whether it was answered in an unusual
    /// way.
    async fn at_once(&mut self) -> Result<bool, Over> {
        match self.scenario.offers.at_once {
            AtOnce::Answered => Ok(false),
            AtOnce::Lost => {
                self.buffer.clear();
                Ok(false)
            }
            AtOnce::LostBetween => {
                self.buffer.clear();
                self.say("250 2.1.0 ok\r\n503 5.5.1 RCPT first\r\n").await?;
                Ok(true)
            }
            AtOnce::Dropped => {
                self.say("250 2.1.0 ok\r\n").await?;
                Err(Over)
            }
            AtOnce::AllLost => {
                self.buffer.clear();
                Ok(true)
            }
            AtOnce::Refused(text) => {
                self.buffer.clear();
                self.say(text).await?;
                Ok(true)
            }
        }
    }

    async fn ehlo(&mut self) -> Result<(), Over> {
        let offers = &self.scenario.offers;
        let mut lines = offers.extensions.clone().unwrap_or_else(|| USUAL.to_vec());
        if offers.starttls.is_some() && !self.encrypted {
            lines = vec!["STARTTLS"];
        }
        lines.insert(0, "mx.test");
        let last = lines.len() - 1;
        let reply: String = lines
            .iter()
            .enumerate()
            .map(|(index, line)| format!("250{}{line}\r\n", if index == last { ' ' } else { '-' }))
            .collect();
        self.act(Stage::Ehlo, &reply).await
    }

    async fn starttls(mut self) -> Result<Self, Over> {
        let config = self.scenario.offers.starttls.clone();
        let usual = if config.is_some() { "220 2.0.0 go ahead\r\n" } else { "502 5.5.1 no\r\n" };
        self.act(Stage::Starttls, usual).await?;
        let Some(config) = config else { return Ok(self) };
        let stream = TlsAcceptor::from(config).accept(self.pipe).await.map_err(|_| Over)?;
        Ok(Self { pipe: Box::new(stream), buffer: Vec::new(), encrypted: true, ..self })
    }

    async fn auth(&mut self, line: &str) -> Result<(), Over> {
        let by = |stage: Stage| matches!(stage, Stage::AuthBy(name) if line.split(' ').nth(1) == Some(name));
        if let Some((stage, _)) = self.scenario.rules.iter().find(|(stage, _)| by(*stage)) {
            return self.act(*stage, "").await;
        }
        if line.to_ascii_uppercase().starts_with("AUTH LOGIN") && self.rule(Stage::Auth).is_none() {
            self.say("334 VXNlcm5hbWU6\r\n").await?;
            self.line().await?;
            self.say("334 UGFzc3dvcmQ6\r\n").await?;
            self.line().await?;
        }
        let mut stage = Stage::Auth;
        for number in 1.. {
            self.act(stage, "235 2.7.0 welcome\r\n").await?;
            if !matches!(self.rule(stage), Some(Act::Reply(text)) if text.starts_with("334")) {
                break;
            }
            stage = Stage::AuthAnswer(number);
            let answer = self.line().await?;
            self.note(|seen| seen.answers.push(answer));
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<(), Over> {
        let refused =
            matches!(self.rule(Stage::Data), Some(Act::Reply(text)) if !text.starts_with("354"));
        self.act(Stage::Data, "354 go ahead\r\n").await?;
        if refused {
            return Ok(());
        }
        self.note(|seen| seen.messages.push(Vec::new()));
        let mut message = Vec::new();
        loop {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            // The end marker may begin in the previous piece.
            let from = message.len().saturating_sub(4);
            let known = message.len();
            message.append(&mut self.buffer);
            let end = message[from..].windows(5).position(|window| window == b"\r\n.\r\n");
            let end = end.map(|at| from + at + 5);
            if let Some(end) = end {
                self.buffer = message.split_off(end);
            }
            self.note(|seen| {
                let kept = seen.messages.last_mut().expect("pushed above");
                kept.extend_from_slice(&message[known..]);
            });
            if end.is_some() {
                self.note(|seen| seen.complete += 1);
                let stage = if self.mails > 1 { Stage::DotAgain } else { Stage::Dot };
                return self.act(stage, "250 2.0.0 Ok: queued as 1\r\n").await;
            }
            self.act(Stage::Body, "").await?;
        }
    }

    fn rule(&self, stage: Stage) -> Option<Act> {
        self.scenario.rules.iter().find(|(at, _)| *at == stage).map(|(_, act)| *act)
    }

    async fn act(&mut self, stage: Stage, usual: &str) -> Result<(), Over> {
        match self.rule(stage) {
            None => self.say(usual).await,
            Some(Act::Reply(text)) => self.say(text).await,
            Some(Act::ReplyAndDrop(text)) => {
                self.say(text).await?;
                Err(Over)
            }
            Some(Act::Drip(text)) => {
                for byte in text.bytes() {
                    self.write(&[byte]).await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok(())
            }
            Some(Act::Drop | Act::Reset) => Err(Over),
            Some(Act::Hang) => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Err(Over)
            }
            Some(Act::Pause(time)) => {
                if !std::mem::replace(&mut self.has_paused, true) {
                    tokio::time::sleep(time).await;
                }
                self.say(usual).await
            }
            Some(Act::EndlessLine) => loop {
                self.write(&[b'A'; 4096]).await?;
            },
            Some(Act::EndlessLines) => loop {
                self.write(
                    "250-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n".as_bytes(),
                )
                .await?;
            },
        }
    }

    async fn say(&mut self, text: &str) -> Result<(), Over> {
        self.write(text.as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.pipe.write_all(bytes).await.map_err(|_| Over)?;
        self.pipe.flush().await.map_err(|_| Over)
    }

    async fn fill(&mut self) -> Result<(), Over> {
        if self.scenario.offers.at_once != AtOnce::Answered {
            // Leaves room in the buffer, so that commands sent together are read together.
            self.buffer.reserve(4096);
        }
        match self.pipe.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Over),
            Ok(_) => Ok(()),
        }
    }

    async fn line(&mut self) -> Result<String, Over> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.fill().await?;
        }
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().expect("no thread panics while holding it"));
    }
}
