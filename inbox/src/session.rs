//! The SMTP session of one client.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::command::Command;
use super::content::{ContentReader, Progress};
use super::failures::{FailureAct, FailureStage};
use super::line::Lines;
use super::received::Received;
use super::room::Hold;
use super::settings::{Encryption, Settings};

/// The maximum number of recipients of one message (RFC 5321 section 4.5.3.1.8 requires at least 100).
const MAX_RECIPIENTS: usize = 1000;
/// The maximum number of commands for one message: five times the recipients.
const MAX_COMMANDS: u32 = 5000;
/// The maximum number of failed commands for one message, as in Postfix (smtpd_hard_error_limit).
const MAX_MISTAKES: u32 = 20;
/// The maximum number of failed logins on one connection.
const MAX_LOGINS: u32 = 5;

const FULL: &str = "452 4.3.1 the inbox is full: take messages out of it";

/// Returns the reply for a message that cannot be stored. The reason is not sent, since it may name the owner's files.
fn not_stored(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "452 4.3.1 the disk is full: the message was not stored"
        }
        _ => "451 4.3.0 the message could not be stored",
    }
}

/// A session and its state.
pub(super) struct Session {
    settings: Arc<Settings>,
    lines: Lines,
    client_name: Option<String>,
    encrypted: bool,
    user: Option<String>,
    transaction: Option<Transaction>,
    /// The commands since the last message.
    commands: u32,
    /// The failed commands since the last message.
    mistakes: u32,
    /// The failed logins on this connection.
    failed_logins: u32,
}

/// A message whose envelope is being received.
struct Transaction {
    /// The memory reserved so far.
    hold: Hold,
    sender: String,
    parameters: Vec<String>,
    recipients: Vec<String>,
}

/// The next step after a command.
enum Next {
    Go,
    Starttls,
    Stop,
}

impl Session {
    pub(super) fn new(settings: Arc<Settings>, lines: Lines, encrypted: bool) -> Self {
        Self {
            settings,
            lines,
            client_name: None,
            encrypted,
            user: None,
            transaction: None,
            commands: 0,
            mistakes: 0,
            failed_logins: 0,
        }
    }

    /// Runs the session until the client disconnects, and passes each received message to `deliver`.
    pub(super) async fn run(mut self, deliver: impl Fn(Received)) -> io::Result<()> {
        match self.fail(FailureStage::Connect).await? {
            Some(_) => return self.lines.flush().await,
            None => self.lines.reply("220 smtp-connector inbox ESMTP"),
        }
        loop {
            match self.turn(&deliver).await {
                Ok(Next::Go) => {}
                Ok(Next::Stop) => return self.lines.flush().await,
                Ok(Next::Starttls) => self = self.starttls().await?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.lines.reply("421 4.4.2 timeout");
                    return self.lines.flush().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads and answers one command.
    async fn turn(&mut self, deliver: &impl Fn(Received)) -> io::Result<Next> {
        let Some(line) = self.lines.next().await? else { return Ok(Next::Stop) };
        self.commands += 1;
        let next = self.answer(Command::parse(&line), deliver).await?;
        let too_many = self.commands > MAX_COMMANDS
            || self.mistakes > MAX_MISTAKES
            || self.failed_logins >= MAX_LOGINS;
        if too_many && matches!(next, Next::Go) {
            self.lines.reply("421 4.7.0 too many commands or errors");
            return Ok(Next::Stop);
        }
        Ok(next)
    }

    /// Replies to a failed command and counts it.
    fn mistake(&mut self, reply: &str) {
        self.mistakes += 1;
        self.lines.reply(reply);
    }

    async fn answer(&mut self, command: Command, deliver: &impl Fn(Received)) -> io::Result<Next> {
        if let Some(stage) = command.failure_stage()
            && let Some(next) = self.fail(stage).await?
        {
            return Ok(next);
        }
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
            Command::Vrfy => self.lines.reply("252 2.1.5 cannot verify; send the message to try"),
            Command::Quit => {
                self.lines.reply("221 2.0.0 bye");
                return Ok(Next::Stop);
            }
            Command::Starttls if self.offers_starttls() => {
                self.lines.reply("220 2.0.0 go ahead");
                self.lines.flush().await?;
                return Ok(Next::Starttls);
            }
            Command::Starttls => self.mistake("502 5.5.1 STARTTLS is not available"),
            Command::Auth { mechanism, initial } => self.auth(&mechanism, initial).await?,
            Command::Malformed => self.mistake("501 5.5.4 invalid arguments"),
            Command::Unknown => self.mistake("500 5.5.1 unknown command"),
        }
        Ok(Next::Go)
    }

    /// Fails on purpose, if that is asked for at this stage. Returns `None` to go on as usual.
    async fn fail(&mut self, stage: FailureStage) -> io::Result<Option<Next>> {
        let Some(act) = self.settings.failures.next(stage) else { return Ok(None) };
        Ok(match act {
            FailureAct::Reply(reply) => {
                self.lines.reply(&reply);
                // RFC 5321 section 4.2.2: 421 closes the connection.
                Some(if reply.starts_with("421") { Next::Stop } else { Next::Go })
            }
            FailureAct::Delay(time) => {
                self.lines.flush().await?;
                tokio::time::sleep(time).await;
                None
            }
            FailureAct::Drop => Some(Next::Stop),
        })
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

    /// Reports whether AUTH is offered. An inbox with TLS offers it only on encrypted connections.
    fn offers_auth(&self) -> bool {
        self.encrypted || self.settings.encryption.is_none()
    }

    fn mail(&mut self, sender: String, parameters: Vec<String>) {
        let size =
            parameters.iter().find_map(|one| one.strip_prefix("SIZE=")?.parse::<usize>().ok());
        if self.client_name.is_none() {
            self.mistake("503 5.5.1 send EHLO first");
        } else if self.settings.login.is_some() && self.user.is_none() {
            self.mistake("530 5.7.0 log in first");
        } else if self.transaction.is_some() {
            self.mistake("503 5.5.1 one message at a time");
        } else if size.is_some_and(|size| size > self.settings.max_message_bytes) {
            self.lines.reply("552 5.3.4 the message is too large");
        } else {
            let mut hold = Hold::of(&self.settings.room);
            let parameters_bytes: usize = parameters.iter().map(String::len).sum();
            if !hold.grow(sender.len() + parameters_bytes) {
                return self.lines.reply(FULL);
            }
            let recipients = Vec::new();
            self.transaction = Some(Transaction { hold, sender, parameters, recipients });
            self.lines.reply("250 2.1.0 ok");
        }
    }

    fn rcpt(&mut self, recipient: String, parameters: &[String]) {
        let refusal = self.settings.refused.iter().find(|(address, _)| *address == recipient);
        let Some(transaction) = &mut self.transaction else {
            return self.mistake("503 5.5.1 send MAIL first");
        };
        let known = ["NOTIFY=", "ORCPT="];
        if let Some((_, reply)) = refusal {
            self.lines.reply(reply);
        } else if parameters.iter().any(|one| !known.iter().any(|name| one.starts_with(name))) {
            self.lines.reply("555 5.5.4 unknown parameter");
        } else if transaction.recipients.len() >= MAX_RECIPIENTS {
            self.lines.reply("452 4.5.3 too many recipients");
        } else if !transaction.hold.grow(size_of::<String>() + recipient.len()) {
            self.lines.reply(FULL);
        } else {
            transaction.recipients.push(recipient);
            self.lines.reply("250 2.1.5 ok");
        }
    }

    async fn data(&mut self, deliver: &impl Fn(Received)) -> io::Result<Next> {
        let Some(transaction) = self.transaction.take_if(|one| !one.recipients.is_empty()) else {
            let nobody = self.transaction.is_some();
            self.mistake(if nobody {
                "554 5.5.1 no valid recipients"
            } else {
                "503 5.5.1 send MAIL first"
            });
            return Ok(Next::Go);
        };
        self.lines.reply("354 go ahead, and end with a dot");
        let mut reader = ContentReader::new(self.settings.max_message_bytes);
        let mut hold = transaction.hold;
        loop {
            let chunk = self.lines.chunk().await?;
            if chunk.is_empty() {
                return Ok(Next::Stop);
            }
            let before = reader.kept();
            let progress = reader.push(&chunk);
            if !hold.grow(reader.kept().saturating_sub(before)) {
                reader.give_up();
            }
            match progress {
                Progress::More => {}
                Progress::End(length) => {
                    self.lines.put_back(chunk[length..].to_vec());
                    break;
                }
                Progress::LoneLineEnd => {
                    self.lines
                        .reply("521 5.5.2 a bare CR or LF is not allowed: see https://smtpfix.org");
                    return Ok(Next::Stop);
                }
            }
        }
        self.lines.begin_again();
        (self.commands, self.mistakes) = (0, 0);
        let Some(content) = reader.finish() else {
            let is_full = hold.was_refused();
            self.lines.reply(if is_full { FULL } else { "552 5.3.4 the message is too large" });
            return Ok(Next::Go);
        };
        if let Some(next) = self.fail(FailureStage::End).await? {
            return Ok(next);
        }
        let message = Received {
            id: 0,
            at: SystemTime::now(),
            client_name: self.client_name.clone().unwrap_or_default(),
            encrypted: self.encrypted,
            user: self.user.clone(),
            sender: transaction.sender,
            parameters: transaction.parameters,
            recipients: transaction.recipients,
            content,
        };
        let bytes = message.held_bytes();
        if !hold.reserve(bytes) {
            self.lines.reply(FULL);
            return Ok(Next::Go);
        }
        match self.settings.store(message).await {
            Ok(message) => {
                let id = message.id;
                hold.keep(bytes);
                deliver(message);
                self.lines.reply(&format!("250 2.0.0 ok: queued as {id}"));
            }
            Err(reason) => self.lines.reply(not_stored(&reason)),
        }
        Ok(Next::Go)
    }

    async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> io::Result<()> {
        if !self.offers_auth() || self.user.is_some() {
            self.mistake("503 5.5.1 AUTH is not allowed now");
            return Ok(());
        }
        let credentials = match mechanism {
            "PLAIN" => self.response(initial, "").await?.and_then(|response| {
                let mut parts = response.splitn(3, |byte| *byte == 0).skip(1).map(<[u8]>::to_vec);
                parts.next().zip(parts.next())
            }),
            "LOGIN" => match self.response(initial, "Username:").await? {
                Some(user) => {
                    self.response(None, "Password:").await?.map(|password| (user, password))
                }
                None => None,
            },
            _ => {
                self.mistake("504 5.5.4 unknown mechanism");
                return Ok(());
            }
        };
        let Some((user, password)) = credentials else {
            self.failed_logins += 1;
            self.mistake("501 5.5.2 malformed credentials");
            return Ok(());
        };
        let is_right =
            self.settings.login.as_ref().is_none_or(|(name, secret)| {
                user == name.as_bytes() && password == secret.as_bytes()
            });
        if is_right {
            self.user = Some(String::from_utf8_lossy(&user).into_owned());
            self.lines.reply("235 2.7.0 welcome");
        } else {
            self.failed_logins += 1;
            self.mistake("535 5.7.8 wrong user name or password");
        }
        Ok(())
    }

    /// Returns the decoded response: the initial one, or the answer to a prompt. Returns `None` if it is not base64,
    /// such as the `*` that cancels a login (RFC 4954 section 4).
    async fn response(
        &mut self,
        initial: Option<String>,
        prompt: &str,
    ) -> io::Result<Option<Vec<u8>>> {
        let text = match initial {
            // `=` stands for an empty initial response.
            Some(text) if text == "=" => return Ok(Some(Vec::new())),
            Some(text) => text.into_bytes(),
            None => {
                self.lines.reply(&format!("334 {}", STANDARD.encode(prompt)));
                let line = self.lines.next().await?;
                line.ok_or(io::ErrorKind::UnexpectedEof)?
            }
        };
        Ok(STANDARD.decode(text).ok())
    }

    async fn starttls(self) -> io::Result<Self> {
        let Some(Encryption::Starttls(config)) = &self.settings.encryption else { return Ok(self) };
        let accepted = TlsAcceptor::from(Arc::clone(config)).accept(self.lines.into_stream());
        let patience = self.settings.patience;
        let stream = timeout(patience.step, accepted).await??;
        // The session starts again (RFC 3207 section 4.2), but keeps its counts.
        let counts = (self.commands, self.mistakes, self.failed_logins);
        let mut session = Self::new(self.settings, Lines::new(stream, patience), true);
        (session.commands, session.mistakes, session.failed_logins) = counts;
        Ok(session)
    }
}
