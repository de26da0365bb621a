//! A message that arrived, and where it is stored before it is accepted.

use std::io;
use std::time::SystemTime;

/// Stores each message before an inbox accepts it: [`Mailbox`](super::Mailbox) does, and a test may do so slowly, or fail.
///
/// The client is answered when [`store`](Self::store) returns, so a message that was accepted is stored.
pub trait Store: Send + Sync + 'static {
    /// Stores a message and returns its number, which the client is told. Runs on a thread that may block.
    ///
    /// # Errors
    ///
    /// A message that cannot be stored. It is refused with a temporary error: `452` where the disk is full
    /// ([`io::ErrorKind::StorageFull`]), `451` otherwise.
    fn store(&self, message: &Received) -> io::Result<u64>;
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number, as the client was told: `queued as 1`.
    pub id: u64,
    /// When its end arrived.
    pub at: SystemTime,
    /// What the client called itself.
    pub client_name: String,
    /// Whether it came through TLS.
    pub encrypted: bool,
    /// Who was logged in.
    pub user: Option<String>,
    /// MAIL FROM; empty for the null reverse-path.
    pub sender: String,
    /// What else stood in MAIL FROM.
    pub parameters: Vec<String>,
    /// RCPT TO, in order.
    pub recipients: Vec<String>,
    /// The message, dots unstuffed.
    pub content: Vec<u8>,
}

impl Received {
    /// The approximate memory that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        let texts = self.parameters.iter().chain(&self.recipients);
        let texts: usize = texts.map(|text| size_of::<String>() + text.len()).sum();
        let user = self.user.as_ref().map_or(0, String::len);
        let names = self.client_name.len() + user + self.sender.len();
        size_of::<Self>() + names + texts + self.content.len()
    }
}
