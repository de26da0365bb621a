//! The transport that most hosts use: a connection to the account's server for each message.

use std::fmt;
use std::sync::Arc;

use super::handshake::Opener;
use super::transaction::Transaction;
use super::transcript::Transcript;
use crate::accounts::{Account, BoxFuture};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::network::Reach;
use crate::oauth2::Tokens;
use crate::transport::{Envelope, Outgoing, Receipt, Transport};

/// Sends over SMTP.
#[derive(Clone)]
pub struct SmtpTransport {
    opener: Opener,
}

impl SmtpTransport {
    /// A transport to servers on the public internet.
    pub fn new() -> Self {
        let tokens = Arc::new(Tokens::default());
        Self { opener: Opener { reach: Reach::Public, transcript: None, tokens } }
    }

    /// Also to servers on this machine and on private networks: for a program that runs on its user's own
    /// machine, and for tests. A platform whose customers choose the host must not do this.
    #[must_use]
    pub fn allow_private_hosts(self) -> Self {
        Self { opener: Opener { reach: Reach::Anywhere, ..self.opener } }
    }

    /// Shows conversations to somebody, credentials left out.
    #[must_use]
    pub fn transcript(self, transcript: Arc<dyn Transcript>) -> Self {
        Self { opener: Opener { transcript: Some(transcript), ..self.opener } }
    }

    /// Resolves, connects, encrypts and logs in, as a message would, and sends none.
    ///
    /// # Errors
    ///
    /// What a message would fail with.
    pub async fn test(&self, account: &Arc<Account>) -> Result<()> {
        let connection = self.opener.open(account).await;
        connection.map_err(Error::from)?.quit().await;
        Ok(())
    }
}

impl Default for SmtpTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport").field("reach", &self.opener.reach).finish_non_exhaustive()
    }
}

impl Transport for SmtpTransport {
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(async move {
            let connection = self.opener.open(account).await?;
            let transaction = Transaction::begin(connection, envelope).await?;
            Ok(Box::new(SmtpOutgoing(transaction)) as Box<dyn Outgoing>)
        })
    }
}

struct SmtpOutgoing(Transaction);

impl Outgoing for SmtpOutgoing {
    fn write(&mut self, chunk: Vec<u8>) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.0.write(&chunk).await })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        Box::pin(self.0.finish())
    }
}
