//! The server's side of a conversation.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};

use super::script::{Act, Script, Stage};
use super::server::{Connection, Record, Shared, State, lock};

pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let offers = lock(&shared.script).offers;
        // Replies go out at once, without waiting for the client to acknowledge earlier ones.
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let state = State {
            stream: Some(Arc::clone(&stream)),
            record: Record { offers, ..Record::default() },
            answered: 0,
            is_busy: true,
            is_mute: false,
            has_envelope: false,
            recipients: 0,
            message: None,
            is_disturbed: false,
        };
        let connection = Arc::new(Connection { offers, state: Mutex::new(state) });
        lock(&shared.connections).push(Arc::clone(&connection));
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut session = Session { shared, connection, stream };
            // The session ends when either side closes the connection.
            let _ = session.serve().await;
            let mut state = lock(&session.connection.state);
            state.stream = None;
            state.record.is_closed = true;
        });
    }
}

/// The connection has ended.
struct Over;

/// A conversation with a client.
struct Session {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    stream: Arc<TcpStream>,
}

impl Session {
    async fn serve(&mut self) -> Result<(), Over> {
        self.act(Stage::Greeting, "220 mx.test\r\n").await?;
        loop {
            while let Some(event) = self.event() {
                self.answer(event).await?;
            }
            self.read().await?;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.connection.state)
    }

    fn script(&self) -> Arc<Script> {
        Arc::clone(&lock(&self.shared.script))
    }

    /// Returns the position within a message at which the script acts.
    fn disturbance(&self) -> Option<(usize, Stage)> {
        self.script().rules.iter().find_map(|(stage, _)| match stage {
            Stage::Body(after) => Some((*after, *stage)),
            _ => None,
        })
    }

    async fn read(&self) -> Result<(), Over> {
        let mut buffer = vec![0; 64 << 10];
        let script = self.script();
        self.state().is_busy = false;
        loop {
            self.stream.readable().await.map_err(|_| Over)?;
            let mut state = self.state();
            let mut most = if script.is_slow { 7 } else { buffer.len() };
            // The server does not read past the position where the script acts.
            if let (Some(message), Some((after, _)), false) =
                (state.message, self.disturbance(), state.is_disturbed)
            {
                most = most.min((message + after).saturating_sub(state.record.input.len()).max(1));
            }
            match self.stream.try_read(&mut buffer[..most]) {
                Ok(0) => return Err(Over),
                Ok(length) => {
                    state.record.input.extend_from_slice(&buffer[..length]);
                    state.is_busy = true;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Over),
            }
        }
    }

    /// Returns the next command, or the end of a message.
    fn event(&self) -> Option<Event> {
        let disturbance = self.disturbance();
        let mut state = self.state();
        if state.is_mute {
            return None;
        }
        let from = state.answered;
        if let Some(message) = state.message {
            if let (Some((after, stage)), false) = (disturbance, state.is_disturbed)
                && state.record.input.len() >= message + after
            {
                state.is_disturbed = true;
                return Some(Event::Disturb(stage));
            }
            // The CRLF before the dot may be that of DATA.
            let from = from.saturating_sub(4).max(message - 2);
            let end =
                memmem::find(&state.record.input[from..], b"\r\n.\r\n").map(|at| from + at + 5);
            state.answered = end.unwrap_or(state.record.input.len());
            end?;
            state.message = None;
            state.has_envelope = false;
            return Some(Event::Dot);
        }
        let length = memmem::find(&state.record.input[from..], b"\r\n")? + 2;
        state.answered = from + length;
        let line = &state.record.input[from..from + length];
        Some(Event::Command(String::from_utf8_lossy(line).to_ascii_uppercase()))
    }

    async fn answer(&mut self, event: Event) -> Result<(), Over> {
        let line = match event {
            Event::Dot => {
                let number = 1 + self.shared.dots.fetch_add(1, Ordering::SeqCst);
                return self
                    .act(Stage::Dot(number), "250 2.0.0 Ok: queued as 1\r\n")
                    .await
                    .map(drop);
            }
            Event::Disturb(stage) => return self.act(stage, "").await.map(drop),
            Event::Command(line) => line,
        };
        let (has_envelope, recipients) = {
            let state = self.state();
            (state.has_envelope, state.recipients)
        };
        let is_ok = |reply: &str| reply.starts_with("250 ");
        match line.get(..4).unwrap_or_default() {
            "EHLO" => {
                let offers = self.connection.offers;
                let mut reply = "250-mx.test\r\n".to_owned();
                offers.iter().for_each(|offer| reply.push_str(&format!("250-{offer}\r\n")));
                reply.push_str("250 HELP\r\n");
                self.act(Stage::Ehlo, &reply).await?;
            }
            "HELO" => drop(self.act(Stage::Helo, "250 mx.test\r\n").await?),
            "MAIL" => {
                let is_taken = is_ok(&self.act(Stage::Mail, "250 2.1.0 ok\r\n").await?);
                let mut state = self.state();
                state.has_envelope |= is_taken;
                state.recipients = 0;
            }
            "RCPT" => {
                let number = {
                    let mut state = self.state();
                    state.recipients += 1;
                    state.recipients
                };
                let usual = if has_envelope { "250 2.1.5 ok\r\n" } else { "503 5.5.1 no\r\n" };
                self.act(Stage::Rcpt(number), usual).await?;
            }
            "DATA" => {
                let is_ready = has_envelope && recipients > 0;
                let usual = if is_ready { "354 go\r\n" } else { "503 5.5.1 no\r\n" };
                self.act(Stage::Data, usual).await?;
            }
            "RSET" => {
                if is_ok(&self.act(Stage::Rset, "250 2.0.0 ok\r\n").await?) {
                    self.state().has_envelope = false;
                }
            }
            "QUIT" => {
                self.say("221 2.0.0 bye\r\n").await?;
                return Err(Over);
            }
            _ => self.say("500 5.5.2 what\r\n").await?,
        }
        Ok(())
    }

    /// Performs the script's action at a stage, or sends the usual reply. Returns what was sent.
    async fn act(&mut self, stage: Stage, usual: &str) -> Result<String, Over> {
        let script = self.script();
        let rule = script.rules.iter().find(|(at, _)| *at == stage).map(|(_, act)| *act);
        match rule {
            None => self.say(usual).await.map(|()| usual.to_owned()),
            Some(Act::Reply(text)) => self.say(text).await.map(|()| text.to_owned()),
            Some(Act::ReplyAndClose(text)) => {
                self.say(text).await?;
                Err(Over)
            }
            Some(Act::Close) => Err(Over),
            Some(Act::Reset) => {
                let _ = self.stream.set_zero_linger();
                Err(Over)
            }
            Some(Act::Stall(milliseconds)) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                self.say(usual).await.map(|()| usual.to_owned())
            }
            Some(Act::Abandon) => {
                self.state().is_mute = true;
                self.shared.abandoned.notify_one();
                Ok(String::new())
            }
        }
    }

    async fn say(&self, text: &str) -> Result<(), Over> {
        {
            // Recorded first, so that the client's answer comes after it.
            let mut state = self.state();
            let after = state.answered;
            state.record.replies.push((after, text.to_owned()));
            if text.starts_with("354") {
                state.message = Some(after);
                state.is_disturbed = false;
            }
        }
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            self.stream.writable().await.map_err(|_| Over)?;
            match self.stream.try_write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Over),
            }
        }
        Ok(())
    }
}

/// An event that needs an answer.
enum Event {
    Command(String),
    /// The script's action within a message.
    Disturb(Stage),
    Dot,
}
