//! The outcome of an invocation.

use std::sync::OnceLock;

use smtp_connector_smtp::failure::Refusal;
use smtp_connector_smtp::{ForwardPath, Issue, Reply};

use super::sent::Sent;

/// The result of an action: JSON, and methods that read it.
///
/// The methods read results of `send-mail`. For other actions, they return `None` or empty lists.
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
    /// Read at the first call of a method that needs it.
    sent: OnceLock<Sent>,
}

/// The status of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// The server accepted the mail for all recipients.
    Sent,
    /// The server accepted the mail for some recipients.
    Partial,
    /// The mail was built but not sent.
    DryRun,
}

/// A file that is attached to a mail.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AttachedFile {
    /// The file name, if there is one.
    pub filename: Option<String>,
    /// The media type.
    pub content_type: String,
    /// The size in bytes, before encoding.
    pub size: u64,
    /// The SHA-256 digest, in hexadecimal.
    pub sha256: String,
    /// The content id, if the HTML refers to the file.
    pub cid: Option<String>,
}

/// The findings of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The problems to fix. If the list is empty, the input is valid.
    pub issues: Vec<Issue>,
    /// The warnings: what was corrected automatically, or may be unintended.
    pub warnings: Vec<Issue>,
}

impl Outcome {
    pub(super) fn new(json: String, memory_bytes: usize) -> Self {
        Self { json, memory_bytes, sent: OnceLock::new() }
    }

    /// Returns the bytes of memory that the component used. This helps to choose
    /// [`Limits::memory_bytes`](crate::Limits).
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Returns the result as text, which is a JSON object.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// Parses the result into a type of your choice.
    ///
    /// # Errors
    ///
    /// Returns an error if the result does not have the shape of `T`.
    pub fn parse<'a, T: serde::Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(&self.json)
    }

    /// Returns the status of the mail.
    pub fn status(&self) -> Option<Status> {
        self.sent().status
    }

    /// Returns the mail's Message-ID, with its angle brackets.
    pub fn message_id(&self) -> Option<&str> {
        self.sent().message_id.as_deref()
    }

    /// Returns the recipients that the server accepted.
    pub fn accepted(&self) -> &[ForwardPath] {
        &self.sent().accepted
    }

    /// Returns the recipients that the server refused, and the reasons.
    pub fn rejected(&self) -> &[Refusal] {
        &self.sent().refusals
    }

    /// Returns the server's reply to the end of the mail.
    pub fn reply(&self) -> Option<&Reply> {
        self.sent().reply.as_ref()
    }

    /// Returns the server's queue id for the mail.
    pub fn queue_id(&self) -> Option<&str> {
        self.sent().queue_id.as_deref()
    }

    /// Returns the mail's size in bytes, as it is sent.
    pub fn message_size(&self) -> Option<u64> {
        self.sent().message_size
    }

    /// Returns the files that are attached to the mail.
    pub fn attachments(&self) -> &[AttachedFile] {
        &self.sent().attachments
    }

    /// Returns the whole message, in a dry run.
    pub fn message(&self) -> Option<&str> {
        self.sent().message.as_deref()
    }

    /// Returns the warnings: what was corrected automatically, or may be unintended.
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
    /// Reports whether the input is valid.
    pub fn is_valid(&self) -> bool {
        self.issues.is_empty()
    }
}
