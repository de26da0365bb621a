//! Who gets a message, on what terms, and what a server said of it.

use crate::failure::{Refusal, Reply};

/// Who gets a message, and on what terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// MAIL FROM; empty for the null reverse-path.
    pub sender: String,
    /// RCPT TO, each once.
    pub recipients: Vec<String>,
    /// Send to those that the server accepts, rather than to nobody, when it refuses some.
    pub allow_partial: bool,
    /// Whether the message's headers hold anything outside ASCII (RFC 6531).
    pub utf8_headers: bool,
    /// The whole message's size in bytes, where it is known.
    pub size: Option<u64>,
    /// Reports that the sender wants.
    pub notification: Option<DsnOptions>,
}

/// A delivery status notification (RFC 3461).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsnOptions {
    /// Report that the message arrived.
    pub success: bool,
    /// Report that it will not arrive.
    pub failure: bool,
    /// Report that it is late.
    pub delay: bool,
    /// How much of the message a report holds.
    pub report: Option<DsnReturn>,
    /// What a report calls the message: printable ASCII, at most 100 octets.
    pub envelope_id: Option<String>,
}

/// How much of the message a report holds (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsnReturn {
    /// All of it.
    Full,
    /// Its headers.
    Headers,
}

/// What a server said of a message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The reply to the message's end.
    pub reply: Reply,
    /// Recipients that the server took it for.
    pub accepted: Vec<String>,
    /// Recipients that it refused.
    pub refused: Vec<Refusal>,
    /// The server's own name for the message, where its reply tells.
    pub queue_id: Option<String>,
}
