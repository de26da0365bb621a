//! One client's conversation.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio_rustls::TlsAcceptor;

use super::Received;
use super::command::Command;
use super::content::{ContentReader, Progress};
use super::line::Lines;
use super::server::{Encryption, Settings};

/// A client that says nothing for so long is let go (RFC 5321 section 4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(300);
/// The most recipients of one message (RFC 5321 section 4.5.3.1.8 asks for a hundred).
const MAX_RECIPIENTS: usize = 1000;

/// A conversation, and how far it got.
pub(super) struct Session {
    settings: Arc<Settings>,
    lines: Lines,
    client_name: Option<String>,
    encrypted: bool,
    user: Option<String>,
    transaction: Option<Transaction>,
}

/// A message whose envelope is being given.
struct Transaction {
    sender: String,
    parameters: Vec<String>,
    recipients: Vec<String>,
}

/// What a command leads to.
enum Next {
    Go,
    Starttls,
    Stop,
}

impl Session {
    pub(super) fn new(settings: Arc<Settings>, lines: Lines, encrypted: bool) -> Self {
        Self { settings, lines, client_name: None, encrypted, user: None, transaction: None }
    }

    /// Converses until the client goes, and hands over each message that arrives.
    pub(super) async fn run(mut self, deliver: impl Fn(Received)) -> io::Result<()> {
        self.lines.reply("220 smtp-connector inbox ESMTP");
        loop {
            let line = match tokio::time::timeout(PATIENCE, self.lines.next()).await {
                Ok(line) => line?,
                Err(_) => {
                    self.lines.reply("421 4.4.2 you have been silent for too long");
                    return self.lines.flush().await;
                }
            };
            let Some(line) = line else { return Ok(()) };
            match self.answer(Command::parse(&line), &deliver).await? {
                Next::Go => {}
                Next::Stop => return self.lines.flush().await,
                Next::Starttls => self = self.starttls().await?,
            }
        }
    }

    async fn answer(&mut self, command: Command, deliver: &impl Fn(Received)) -> io::Result<Next> {
        match command {
            Command::Ehlo(name) => {
                self.greet(name);
                self.extensions();
            }
            Command::Helo(name) => {
                self.greet(name);
                self.lines.reply("250 smtp-connector inbox");
            }
            Command::Mail { sender, parameters } => self.mail(sender, parameters),
            Command::Rcpt { recipient, parameters } => self.rcpt(recipient, &parameters),
            Command::Data => return self.data(deliver).await,
            Command::Rset => {
                self.transaction = None;
                self.lines.reply("250 2.0.0 ok");
            }
            Command::Noop => self.lines.reply("250 2.0.0 ok"),
            Command::Vrfy => self.lines.reply("252 2.1.5 send it and see"),
            Command::Quit => {
                self.lines.reply("221 2.0.0 bye");
                return Ok(Next::Stop);
            }
            Command::Starttls if self.offers_starttls() => {
                self.lines.reply("220 2.0.0 go ahead");
                self.lines.flush().await?;
                return Ok(Next::Starttls);
            }
            Command::Starttls => self.lines.reply("502 5.5.1 there is no TLS here"),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await?,
            Command::Malformed => self.lines.reply("501 5.5.4 that is not how it is written"),
            Command::Unknown => self.lines.reply("500 5.5.1 there is no such command"),
        }
        Ok(Next::Go)
    }

    fn greet(&mut self, name: String) {
        self.client_name = Some(name);
        self.transaction = None;
    }

    fn extensions(&mut self) {
        let size = format!("SIZE {}", self.settings.max_message_bytes);
        let mut lines = vec![
            "smtp-connector inbox",
            &size,
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
            "ENHANCEDSTATUSCODES",
            "DSN",
        ];
        if self.offers_starttls() {
            lines.push("STARTTLS");
        }
        if self.offers_auth() {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.len() - 1;
        for (index, line) in lines.into_iter().enumerate() {
            self.lines.reply(&format!("250{}{line}", if index == last { ' ' } else { '-' }));
        }
    }

    fn offers_starttls(&self) -> bool {
        !self.encrypted && matches!(self.settings.encryption, Some(Encryption::Starttls(_)))
    }

    /// Where there is TLS, logging in waits for it.
    fn offers_auth(&self) -> bool {
        self.encrypted || self.settings.encryption.is_none()
    }

    fn mail(&mut self, sender: String, parameters: Vec<String>) {
        let size =
            parameters.iter().find_map(|one| one.strip_prefix("SIZE=")?.parse::<usize>().ok());
        if self.client_name.is_none() {
            self.lines.reply("503 5.5.1 say EHLO first");
        } else if self.settings.login.is_some() && self.user.is_none() {
            self.lines.reply("530 5.7.0 log in first");
        } else if self.transaction.is_some() {
            self.lines.reply("503 5.5.1 one message at a time");
        } else if size.is_some_and(|size| size > self.settings.max_message_bytes) {
            self.lines.reply("552 5.3.4 that is too large");
        } else {
            self.transaction = Some(Transaction { sender, parameters, recipients: Vec::new() });
            self.lines.reply("250 2.1.0 ok");
        }
    }

    fn rcpt(&mut self, recipient: String, parameters: &[String]) {
        let refusal = self.settings.refused.iter().find(|(address, _)| *address == recipient);
        let Some(transaction) = &mut self.transaction else {
            return self.lines.reply("503 5.5.1 say MAIL first");
        };
        let known = ["NOTIFY=", "ORCPT="];
        if let Some((_, reply)) = refusal {
            self.lines.reply(reply);
        } else if parameters.iter().any(|one| !known.iter().any(|name| one.starts_with(name))) {
            self.lines.reply("555 5.5.4 there is no such parameter");
        } else if transaction.recipients.len() >= MAX_RECIPIENTS {
            self.lines.reply("452 4.5.3 that is too many recipients");
        } else {
            transaction.recipients.push(recipient);
            self.lines.reply("250 2.1.5 ok");
        }
    }

    async fn data(&mut self, deliver: &impl Fn(Received)) -> io::Result<Next> {
        let Some(transaction) = self.transaction.take_if(|one| !one.recipients.is_empty()) else {
            let nobody = self.transaction.is_some();
            self.lines.reply(if nobody {
                "554 5.5.1 to nobody?"
            } else {
                "503 5.5.1 say MAIL first"
            });
            return Ok(Next::Go);
        };
        self.lines.reply("354 go ahead, and end with a dot");
        let mut reader = ContentReader::new(self.settings.max_message_bytes);
        loop {
            let chunk = match tokio::time::timeout(PATIENCE, self.lines.chunk()).await {
                Ok(chunk) => chunk?,
                Err(_) => return Ok(Next::Stop),
            };
            if chunk.is_empty() {
                return Ok(Next::Stop);
            }
            match reader.push(&chunk) {
                Progress::More => {}
                Progress::End(length) => {
                    self.lines.put_back(chunk[length..].to_vec());
                    break;
                }
                Progress::LoneLineEnd => {
                    self.lines.reply("521 5.5.2 a CR or an LF alone: see https://smtpfix.org");
                    return Ok(Next::Stop);
                }
            }
        }
        match reader.finish() {
            None => self.lines.reply("552 5.3.4 that is too large"),
            Some(content) => {
                deliver(Received {
                    at: SystemTime::now(),
                    client_name: self.client_name.clone().unwrap_or_default(),
                    encrypted: self.encrypted,
                    user: self.user.clone(),
                    sender: transaction.sender,
                    parameters: transaction.parameters,
                    recipients: transaction.recipients,
                    content,
                });
                self.lines.reply(&format!("250 2.0.0 ok: queued as {}", self.settings.next_id()));
            }
        }
        Ok(Next::Go)
    }

    async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> io::Result<()> {
        if !self.offers_auth() || self.user.is_some() {
            self.lines.reply("503 5.5.1 not now");
            return Ok(());
        }
        let credentials = match mechanism {
            "PLAIN" => {
                let response = self.response(initial, "").await?;
                let mut parts = response.splitn(3, |byte| *byte == 0).skip(1).map(<[u8]>::to_vec);
                parts.next().zip(parts.next())
            }
            "LOGIN" => {
                let user = self.response(initial, "Username:").await?;
                let password = self.response(None, "Password:").await?;
                Some((user, password))
            }
            _ => {
                self.lines.reply("504 5.5.4 there is no such mechanism");
                return Ok(());
            }
        };
        let right = |(user, password): &(Vec<u8>, Vec<u8>)| match &self.settings.login {
            Some((name, secret)) => user == name.as_bytes() && password == secret.as_bytes(),
            None => true,
        };
        match credentials.filter(right) {
            Some((user, _)) => {
                self.user = Some(String::from_utf8_lossy(&user).into_owned());
                self.lines.reply("235 2.7.0 welcome");
            }
            None => self.lines.reply("535 5.7.8 that is not right"),
        }
        Ok(())
    }

    /// A response in base64: the one that came along, or the answer to a prompt.
    async fn response(&mut self, initial: Option<String>, prompt: &str) -> io::Result<Vec<u8>> {
        let text = match initial {
            Some(text) => text.into_bytes(),
            None => {
                self.lines.reply(&format!("334 {}", STANDARD.encode(prompt)));
                self.lines.next().await?.unwrap_or_default()
            }
        };
        Ok(STANDARD.decode(text).unwrap_or_default())
    }

    async fn starttls(self) -> io::Result<Self> {
        let Some(Encryption::Starttls(config)) = &self.settings.encryption else { return Ok(self) };
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        let stream = acceptor.accept(self.lines.into_stream()).await?;
        Ok(Self::new(self.settings, Lines::new(stream), true))
    }
}
