//! The envelope of a message in a folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::received::Received;

/// A message in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// The message's number.
    pub id: u64,
    /// The time of its arrival, in seconds since 1970.
    pub at: u64,
    /// The client's name in EHLO or HELO.
    pub client_name: String,
    /// Whether it was sent over TLS.
    pub encrypted: bool,
    /// The user who was logged in.
    pub user: Option<String>,
    /// The sender in MAIL FROM.
    pub sender: String,
    /// The parameters of MAIL FROM.
    pub parameters: Vec<String>,
    /// The recipients in RCPT TO.
    pub recipients: Vec<String>,
    /// The size in bytes.
    pub size: u64,
}

impl Stored {
    /// Creates the entry of a message with its number.
    pub fn of(message: &Received, id: u64) -> Self {
        Self {
            id,
            at: message.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            client_name: message.client_name.clone(),
            encrypted: message.encrypted,
            user: message.user.clone(),
            sender: message.sender.clone(),
            parameters: message.parameters.clone(),
            recipients: message.recipients.clone(),
            size: message.content.len() as u64,
        }
    }

    /// Returns the time of its arrival.
    pub fn arrived(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.at)
    }
}
