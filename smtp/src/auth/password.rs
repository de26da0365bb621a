//! PLAIN and LOGIN, which send the password itself.

use super::{Exchange, Message};
use crate::secret::Secret;

/// PLAIN (RFC 4616).
#[derive(Default)]
pub(crate) struct Plain {
    message: Option<Message>,
}

/// LOGIN, which has no standard, but is the only mechanism of some servers. Its prompts have a fixed order, but no
/// fixed text.
pub(crate) struct Login {
    answers: std::vec::IntoIter<Message>,
}

impl Plain {
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        let parts = [b"\0", username.as_bytes(), b"\0", password.expose().as_bytes()];
        Self { message: Some(Message::new(parts.concat())) }
    }
}

impl Exchange for Plain {
    fn start(&mut self) -> Option<Message> {
        self.message.take()
    }

    fn answer(&mut self, _: &[u8]) -> Result<Message, &'static str> {
        Err("the server asks for more than one message")
    }
}

impl Login {
    pub(crate) fn new(username: &str, password: &Secret) -> Self {
        let answers = [username, password.expose()].map(|text| Message::new(text.into()));
        Self { answers: Vec::from(answers).into_iter() }
    }
}

impl Exchange for Login {
    fn answer(&mut self, _: &[u8]) -> Result<Message, &'static str> {
        self.answers.next().ok_or("the server asks for more than a user name and a password")
    }
}
