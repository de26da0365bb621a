//! The envelope of a message, and the receipt of a server that accepted it.

use std::fmt;
use std::str::FromStr;

use crate::address::{ForwardPath, ReversePath};
use crate::failure::Refusal;
use crate::reply::Reply;
use crate::setters;

/// The sender, recipients and delivery options of a message.
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
    /// The sender, for MAIL FROM.
    pub sender: ReversePath,
    /// The recipients, for RCPT TO, without duplicates.
    pub recipients: Vec<ForwardPath>,
    /// Whether to send the message to the accepted recipients if the server refuses others.
    pub allow_partial: bool,
    /// Whether the message's headers contain non-ASCII characters (RFC 6531).
    pub utf8_headers: bool,
    /// The size of the whole message in bytes, if it is known.
    pub size: Option<u64>,
    /// The delivery reports that the sender requests.
    pub notification: Option<DsnOptions>,
}

/// The options for delivery status notifications (RFC 3461). Default: no report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DsnOptions {
    /// Whether to report that the message arrived.
    pub success: bool,
    /// Whether to report that it will not arrive.
    pub failure: bool,
    /// Whether to report that it is delayed.
    pub delay: bool,
    /// The part of the message that a report contains.
    pub report: Option<DsnReturn>,
    /// The id of the message in a report.
    pub envelope_id: Option<EnvelopeId>,
}

/// The part of the message that a report contains (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsnReturn {
    /// The whole message.
    Full,
    /// Only the headers.
    Headers,
}

/// The id of a message in a report (RFC 3461 section 4.4): 1 to 100 octets of printable ASCII, without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeId(String);

/// The error for a text that is not an envelope id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEnvelopeId;

/// A server's confirmation that it accepted a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The reply to the end of the message.
    pub reply: Reply,
    /// The recipients that the server accepted.
    pub accepted: Vec<ForwardPath>,
    /// The recipients that the server refused.
    pub refused: Vec<Refusal>,
    /// The server's id for the message, if the reply has one.
    pub queue_id: Option<String>,
}

impl Envelope {
    /// Creates an envelope with ASCII headers, unknown size and no reports, which fails if any recipient is refused.
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

    /// Returns the sender, if it is not null, and the recipients.
    pub fn paths(&self) -> impl Iterator<Item = &ForwardPath> {
        self.sender.path().into_iter().chain(&self.recipients)
    }
}

setters!(Envelope { allow_partial: bool, utf8_headers: bool } optional { size: u64, notification: DsnOptions });

setters!(DsnOptions { success: bool, failure: bool, delay: bool } optional { report: DsnReturn, envelope_id: EnvelopeId });

setters!(Receipt { refused: Vec<Refusal> } optional { queue_id: String });

impl Receipt {
    /// Creates a receipt without refused recipients.
    pub fn new(reply: Reply, accepted: Vec<ForwardPath>) -> Self {
        Self { reply, accepted, refused: Vec::new(), queue_id: None }
    }
}

impl EnvelopeId {
    /// Returns the id as text.
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
        f.write_str("an envelope id is 1 to 100 octets of printable ASCII without spaces")
    }
}

impl std::error::Error for InvalidEnvelopeId {}
