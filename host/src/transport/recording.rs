//! A transport that records messages instead of sending them, for tests of embedders.

use std::sync::{Arc, Mutex, PoisonError};

use super::Transport;
use crate::accounts::Account;
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::failure::Failure;
use smtp_connector_smtp::{Envelope, Outgoing, Receipt};
use smtp_connector_smtp::{Reply, ReplyCode};

/// A transport that records messages instead of sending them. Clones share the recorded messages.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> smtp_connector_host::Result<()> {
/// use smtp_connector_host::accounts::{Account, AccountsInMemory};
/// use smtp_connector_host::transport::RecordingTransport;
/// use smtp_connector_host::{Connector, Host, Invocation};
///
/// let account = Account::builder("work", "smtp.example.com").sender("alice@example.com").build()?;
/// let transport = RecordingTransport::new();
/// let host = Host::builder()
///     .accounts(AccountsInMemory::from_iter([account]))
///     .transport(transport.clone())
///     .build()?;
/// let mail = Invocation::send_mail(r#"{"to": "bob@example.net", "subject": "Hi", "body": "Hi!"}"#);
/// Connector::builtin(&host)?.invoke(mail.account("work")).await?;
///
/// let sent = transport.take();
/// assert_eq!(sent[0].envelope.recipients, ["bob@example.net"]);
/// assert!(sent[0].message.starts_with(b"From: "));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordingTransport {
    recorded: Arc<Mutex<Vec<Recorded>>>,
}

/// A recorded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The account's name.
    pub account: String,
    /// The sender and the recipients.
    pub envelope: Envelope,
    /// The bytes of the message, without dot-stuffing.
    pub message: Vec<u8>,
}

impl RecordingTransport {
    /// Returns a transport without recorded messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the messages recorded since the last call.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.recorded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for RecordingTransport {
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        let message =
            Recorded { account: account.name().to_owned(), envelope, message: Vec::new() };
        let outgoing = Recording { to: self.clone(), message };
        Box::pin(async move { Ok(Box::new(outgoing) as Box<dyn Outgoing>) })
    }
}

/// A message that is being recorded.
struct Recording {
    to: RecordingTransport,
    message: Recorded,
}

impl Outgoing for Recording {
    fn write(
        mut self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>> {
        self.message.message.extend_from_slice(&chunk);
        Box::pin(async move { Ok(self as Box<dyn Outgoing>) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        Box::pin(async move {
            let Self { to, message } = *self;
            let accepted = message.envelope.recipients.clone();
            to.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            Ok(Receipt::new(Reply::new(ReplyCode::OK, "recorded"), accepted))
        })
    }
}
