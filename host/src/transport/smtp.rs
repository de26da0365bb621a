//! The SMTP transport, which most hosts use.

use std::sync::Arc;

use super::Transport;
use crate::accounts::Account;
use smtp_connector_smtp::BoxFuture;
use smtp_connector_smtp::SmtpTransport;
use smtp_connector_smtp::failure::Failure;
use smtp_connector_smtp::{Envelope, Outgoing};

impl Transport for SmtpTransport {
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(self.begin_message(account.server(), envelope))
    }
}
