//! What came of an invocation.

use std::sync::OnceLock;

use smtp_connector_smtp::failure::Refusal;
use smtp_connector_smtp::{ForwardPath, Issue, Reply};

use super::sent::Sent;

/// The result of an action: JSON, and questions about it.
///
/// The questions are about `send-mail`. A result of another action answers them with nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> smtp_connector_host::Result<()> {
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
/// use smtp_connector_host::transport::RecordingTransport;
/// use smtp_connector_host::{Connector, Host, Invocation, Status};
///
/// let account = Account::builder("work", "smtp.example.com").sender("alice@example.com").build()?;
/// let host = Host::builder().transport(RecordingTransport::new()).build()?;
/// let mail = Invocation::send_mail(r#"{"to": "bob@example.net", "body": "Hi!"}"#).with_account(account);
/// let outcome = Connector::builtin(&host)?.invoke(mail).await?;
/// assert_eq!(outcome.status(), Some(Status::Sent));
/// assert_eq!(outcome.accepted(), ["bob@example.net"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Outcome {
    json: String,
    memory_bytes: usize,
    /// Read when the first question is asked.
    sent: OnceLock<Sent>,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// The server took it for all recipients.
    Sent,
    /// The server took it for some recipients.
    Partial,
    /// It was assembled, and not sent.
    DryRun,
}

/// A file that a mail has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttachedFile {
    /// Its name, if it has one.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes, before it was encoded.
    pub size: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its content id, if the HTML refers to it.
    pub cid: Option<String>,
}

/// Everything that a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be mended. None: the input is valid.
    pub issues: Vec<Issue>,
    /// What was mended on the way, or may not be meant.
    pub warnings: Vec<Issue>,
}

impl Outcome {
    pub(super) fn new(json: String, memory_bytes: usize) -> Self {
        Self { json, memory_bytes, sent: OnceLock::new() }
    }

    /// Bytes of memory that the component took, for an embedder who sets
    /// [`Limits::memory_bytes`](crate::Limits).
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The result: a JSON object.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The result as a value.
    ///
    /// # Errors
    ///
    /// A component whose result is no JSON of that shape.
    pub fn parse<'a, T: serde::Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(&self.json)
    }

    /// What became of the mail.
    pub fn status(&self) -> Option<Status> {
        self.sent().status
    }

    /// The mail's Message-ID, with its brackets.
    pub fn message_id(&self) -> Option<&str> {
        self.sent().message_id.as_deref()
    }

    /// Recipients that the server took the mail for.
    pub fn accepted(&self) -> &[ForwardPath] {
        &self.sent().accepted
    }

    /// Recipients that the server refused, and why.
    pub fn rejected(&self) -> &[Refusal] {
        &self.sent().refusals
    }

    /// What the server said to the mail's end.
    pub fn reply(&self) -> Option<&Reply> {
        self.sent().reply.as_ref()
    }

    /// The server's own id for the mail.
    pub fn queue_id(&self) -> Option<&str> {
        self.sent().queue_id.as_deref()
    }

    /// The mail's size in bytes, as it is on the wire.
    pub fn message_size(&self) -> Option<u64> {
        self.sent().message_size
    }

    /// The mail's files.
    pub fn attachments(&self) -> &[AttachedFile] {
        &self.sent().attachments
    }

    /// The whole message, in a dry run.
    pub fn message(&self) -> Option<&str> {
        self.sent().message.as_deref()
    }

    /// What was mended on the way, or may not be meant.
    pub fn warnings(&self) -> &[Issue] {
        &self.sent().warnings
    }

    fn sent(&self) -> &Sent {
        self.sent.get_or_init(|| Sent::read(&self.json))
    }
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json && self.memory_bytes == other.memory_bytes
    }
}

impl Eq for Outcome {}

impl Findings {
    /// Whether nothing must be mended.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }
}
