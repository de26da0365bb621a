//! A received message, and the store that it is written to before it is accepted.

use std::io;
use std::time::SystemTime;

/// A store for messages. An inbox stores each message before it accepts it.
///
/// [`Mailbox`](super::Mailbox) is a store. A test can implement one that is slow or fails. The client gets its reply
/// when [`store`](Self::store) returns, so every accepted message is stored.
pub trait Store: Send + Sync + 'static {
    /// Stores a message and returns its number, which is part of the reply to the client. Runs on a thread that may
    /// block.
    ///
    /// # Errors
    ///
    /// Returns an error if the message cannot be stored. The message is then refused with a temporary error: `452` if
    /// the disk is full ([`io::ErrorKind::StorageFull`]), otherwise `451`.
    fn store(&self, message: &Received) -> io::Result<u64>;
}

/// A message that an inbox received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message's number, which is in the reply to the client: `queued as 1`.
    pub id: u64,
    /// The time when its end arrived.
    pub at: SystemTime,
    /// The client's name in EHLO or HELO.
    pub client_name: String,
    /// Whether it was sent over TLS.
    pub encrypted: bool,
    /// The user who was logged in.
    pub user: Option<String>,
    /// The sender in MAIL FROM; empty for the null reverse-path.
    pub sender: String,
    /// The parameters of MAIL FROM.
    pub parameters: Vec<String>,
    /// The recipients in RCPT TO, in order.
    pub recipients: Vec<String>,
    /// The message, without dot-stuffing.
    pub content: Vec<u8>,
}

impl Received {
    /// Returns the approximate memory that the message uses, in bytes.
    pub(super) fn held_bytes(&self) -> usize {
        let texts = self.parameters.iter().chain(&self.recipients);
        let texts: usize = texts.map(|text| size_of::<String>() + text.len()).sum();
        let user = self.user.as_ref().map_or(0, String::len);
        let names = self.client_name.len() + user + self.sender.len();
        size_of::<Self>() + names + texts + self.content.len()
    }
}
