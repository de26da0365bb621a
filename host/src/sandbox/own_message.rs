//! A message that the host's program made itself. No component runs.

use std::sync::Arc;

use serde_json::json;

use super::connector::ACCOUNT;
use super::deadline::{in_time, unless_stopped};
use super::host::Host;
use super::observation::observed;
use super::outcome::Outcome;
use crate::error::Result;
use crate::policy::{DeliveryState, PolicyError};
use crate::services::{Invocation, of_failure, of_result};
use crate::transport::{Attempt, Envelope};

/// A message that the program around the host made itself, such as a delivery report of a queue.
#[derive(Clone)]
#[must_use]
pub struct OwnMessage {
    account: String,
    envelope: Envelope,
    content: Vec<u8>,
    attempt: Option<Arc<dyn Attempt>>,
}

impl OwnMessage {
    /// Creates a message from its content (RFC 5322, with CRLF after each line), which goes to an account's server.
    pub fn new(
        account: impl Into<String>,
        envelope: Envelope,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        Self { account: account.into(), envelope, content: content.into(), attempt: None }
    }

    /// Sets the queue's part in this attempt. See [`Invocation::attempt`].
    pub fn attempt(self, attempt: Arc<dyn Attempt>) -> Self {
        Self { attempt: Some(attempt), ..self }
    }
}

impl Host {
    /// Sends a message that the program made itself, until it is done or `stop` completes. The account's policy and
    /// limits hold as for a component's message. The result is that of the action `send-mail`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use smtp_connector_host::accounts::{Account, AccountsInMemory};
    /// use smtp_connector_host::transport::{Envelope, RecordingTransport};
    /// use smtp_connector_host::{Host, OwnMessage, ReversePath};
    ///
    /// let account = Account::builder("work", "smtp.example.com").build()?;
    /// let accounts = AccountsInMemory::from_iter([account]);
    /// let host = Host::builder().accounts(accounts).transport(RecordingTransport::new()).build()?;
    /// let envelope = Envelope::new(ReversePath::Null, vec!["alice@example.com".parse()?]);
    /// let content = "From: mail@example.com\r\nTo: alice@example.com\r\n\
    ///                Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nIt expired.\r\n";
    /// let report = OwnMessage::new("work", envelope, content);
    /// let outcome = host.send(report, std::future::pending()).await?;
    /// assert_eq!(outcome.accepted(), ["alice@example.com"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Connector::invoke_until`](crate::Connector::invoke_until) that do not come from a
    /// component.
    pub async fn send(
        &self,
        message: OwnMessage,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome> {
        let OwnMessage { account, envelope, content, attempt } = message;
        // The allowlist of recipients comes from an input.
        let input = json!({ "to": envelope.recipients });
        let invocation = Invocation::send_mail(input.to_string()).account(account);
        let invocation = match attempt {
            Some(attempt) => invocation.attempt(attempt),
            None => invocation,
        };
        let delivery = Arc::<DeliveryState>::default();
        let sent = in_time(self.services.limits(), &delivery, async {
            self.deliver(&invocation, &delivery, envelope, &content).await?;
            let result = json!({ "status": "sent", "messageId": delivery.seen().message_id });
            Ok(Outcome::new(of_result(&result.to_string(), &delivery)?, 0))
        });
        let sent = unless_stopped(sent, stop, &delivery);
        observed("send", &invocation, Arc::clone(&delivery), sent).await
    }

    async fn deliver(
        &self,
        invocation: &Invocation,
        delivery: &Arc<DeliveryState>,
        envelope: Envelope,
        content: &[u8],
    ) -> Result<()> {
        let account = delivery.waiting_for(ACCOUNT, self.services.account(invocation)).await?;
        let run = self.services.sending_run(invocation, account, delivery)?;
        let transport = run.transport.expect("the invocation names an account, and it sends");
        let failed = |error: PolicyError| of_failure(error.into_failure(), delivery);
        let begun = delivery.waiting_for(SERVER, transport.begin(envelope)).await;
        let mut outgoing = begun.map_err(failed)?;
        for chunk in content.chunks(CHUNK) {
            let written = delivery.waiting_for(SERVER, outgoing.write(chunk.to_vec())).await;
            written.map_err(failed)?;
        }
        delivery.waiting_for(SERVER, outgoing.finish()).await.map_err(failed)?;
        Ok(())
    }
}

/// The name of the mail server in the error of a run that is out of time.
const SERVER: &str = "the mail server";

/// The bytes of one write. A component writes as many.
const CHUNK: usize = 64 << 10;

impl std::fmt::Debug for OwnMessage {
    /// Shows no content, which is private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnMessage")
            .field("account", &self.account)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}
