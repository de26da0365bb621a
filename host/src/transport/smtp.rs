//! Sending over SMTP: the transport that most hosts use.

use std::sync::Arc;

use super::{Envelope, Outgoing, Transport};
use crate::accounts::{Account, BoxFuture};
use crate::failure::Failure;
use crate::smtp::SmtpTransport;

impl Transport for SmtpTransport {
    fn begin<'a>(
        &'a self,
        account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(self.begin_message(account.server(), envelope))
    }
}
