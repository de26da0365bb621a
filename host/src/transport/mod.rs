//! Taking a message to a server: what is asked for, what comes back, and who does it.

pub(crate) mod checked;
mod guard;
mod originator;
mod progress;
mod recording;
mod smtp;

pub use guard::{Breach, Guard};
pub use recording::{Recorded, RecordingTransport};

pub(crate) use checked::{CheckedError, CheckedTransport, is_routed};
pub(crate) use progress::{Progress, Seen};

use std::sync::Arc;

use crate::accounts::{Account, BoxFuture};
use crate::error::Issue;
use crate::failure::{Failure, Refusal, Reply};

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
    pub notification: Option<Notification>,
}

/// A delivery status notification (RFC 3461).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Report that the message arrived.
    pub success: bool,
    /// Report that it will not arrive.
    pub failure: bool,
    /// Report that it is late.
    pub delay: bool,
    /// How much of the message a report holds.
    pub report: Option<Report>,
    /// What a report calls the message: printable ASCII, at most 100 octets.
    pub envelope_id: Option<String>,
}

/// How much of the message a report holds (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
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

/// Takes messages to an account's server.
///
/// The host checks envelope and bytes before they get here, whatever transport there is.
pub trait Transport: Send + Sync + 'static {
    /// Begins a message: as far as the server's go-ahead for its content.
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>>;
}

/// A message under way. Dropped before it is finished, it was never sent.
///
/// Each call takes the message, and a write gives it back only if it succeeded. After a failure, or where the future was
/// dropped, part of a chunk may be on the wire: whatever followed could be read as another command.
pub trait Outgoing: Send {
    /// Sends the next bytes: CRLF lines, not dot-stuffed.
    fn write(
        self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>>;

    /// Ends the message.
    ///
    /// A failure that cannot tell whether the server has the message says so:
    /// [`Delivered::Unknown`](crate::Delivered::Unknown).
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>>;

    /// What is done otherwise than the envelope asks for, such as a delivery report that the server does not offer.
    /// Default: nothing. It is asked once, when the message has begun, and stands among the result's warnings.
    ///
    /// The contract's `receipt` has no place for it, and needs none: the host writes it into the result, as it does all
    /// else that a server said. A transport that wraps another hands its warnings on.
    fn warnings(&self) -> Vec<Issue> {
        Vec::new()
    }
}
