//! The `account` import: the public part of the account, or defaults without an account.

use super::View;
use super::bindings::connectors::smtp::account::{Host, Profile};
use crate::accounts::AccountLimits;

impl Host for View<'_> {
    async fn current(&mut self) -> wasmtime::Result<Profile> {
        self.count_call()?;
        let account = self.run.account.as_deref();
        let limits = account.map_or_else(AccountLimits::default, |account| account.limits.clone());
        Ok(Profile {
            name: account.map_or("", |account| account.name()).to_owned(),
            default_sender: account.and_then(|account| account.sender.clone()),
            default_reply_to: account.and_then(|account| account.reply_to.clone()),
            domain: account.and_then(|account| account.domain()).map(str::to_owned),
            max_message_bytes: limits.message_bytes,
            max_recipients: limits.recipients,
            max_attachments: limits.attachments,
        })
    }
}
