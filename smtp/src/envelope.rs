//! Who gets a message, on what terms, and what a server said of it.

use std::fmt;
use std::str::FromStr;

use crate::address::{ForwardPath, ReversePath};
use crate::failure::Refusal;
use crate::reply::Reply;
use crate::setters;

/// Who gets a message, and on what terms.
///
/// ```
/// use smtp_connector_smtp::Envelope;
///
/// let envelope = Envelope::new("alice@example.com".parse()?, vec!["bob@example.net".parse()?]).size(1200);
/// assert_eq!(envelope.recipients[0].local_part(), "bob");
/// # Ok::<(), smtp_connector_smtp::address::InvalidPath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// MAIL FROM.
    pub sender: ReversePath,
    /// RCPT TO, each once.
    pub recipients: Vec<ForwardPath>,
    /// Send to those that the server accepts, rather than to nobody, when it refuses some.
    pub allow_partial: bool,
    /// Whether the message's headers hold anything outside ASCII (RFC 6531).
    pub utf8_headers: bool,
    /// The whole message's size in bytes, where it is known.
    pub size: Option<u64>,
    /// Reports that the sender wants.
    pub notification: Option<DsnOptions>,
}

/// A delivery status notification (RFC 3461). Default: no report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DsnOptions {
    /// Report that the message arrived.
    pub success: bool,
    /// Report that it will not arrive.
    pub failure: bool,
    /// Report that it is late.
    pub delay: bool,
    /// How much of the message a report holds.
    pub report: Option<DsnReturn>,
    /// What a report calls the message.
    pub envelope_id: Option<EnvelopeId>,
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

/// What a report calls a message (RFC 3461 section 4.4): 1 to 100 octets of printable ASCII, no blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeId(String);

/// A text that is no envelope id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEnvelopeId;

/// What a server said of a message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The reply to the message's end.
    pub reply: Reply,
    /// Recipients that the server took it for.
    pub accepted: Vec<ForwardPath>,
    /// Recipients that it refused.
    pub refused: Vec<Refusal>,
    /// The server's own name for the message, where its reply tells.
    pub queue_id: Option<String>,
}

impl Envelope {
    /// An envelope: all recipients or nobody, ASCII headers, a size that nobody knows, no reports.
    pub fn new(sender: ReversePath, recipients: Vec<ForwardPath>) -> Self {
        Self {
            sender,
            recipients,
            allow_partial: false,
            utf8_headers: false,
            size: None,
            notification: None,
        }
    }

    /// The sender, if it is not null, and the recipients.
    pub fn paths(&self) -> impl Iterator<Item = &ForwardPath> {
        self.sender.path().into_iter().chain(&self.recipients)
    }
}

setters!(Envelope { allow_partial: bool, utf8_headers: bool } optional { size: u64, notification: DsnOptions });

setters!(DsnOptions { success: bool, failure: bool, delay: bool } optional { report: DsnReturn, envelope_id: EnvelopeId });

setters!(Receipt { refused: Vec<Refusal> } optional { queue_id: String });

impl Receipt {
    /// A receipt for all recipients.
    pub fn new(reply: Reply, accepted: Vec<ForwardPath>) -> Self {
        Self { reply, accepted, refused: Vec::new(), queue_id: None }
    }
}

impl EnvelopeId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EnvelopeId {
    type Err = InvalidEnvelopeId;

    fn from_str(text: &str) -> Result<Self, InvalidEnvelopeId> {
        let fits = (1..=100).contains(&text.len());
        match fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidEnvelopeId),
        }
    }
}

impl fmt::Display for InvalidEnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope id is 1 to 100 octets of printable ASCII without blanks")
    }
}

impl std::error::Error for InvalidEnvelopeId {}
