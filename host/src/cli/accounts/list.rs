//! `accounts list`: lists the accounts.

use clap::Args;
use serde_json::json;

use super::super::Outcome;
use super::super::context::Context;
use super::super::exit::Exit;
use super::json_of;

/// List the accounts.
#[derive(Args, Debug)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let output = context.output;
        let accounts = context.accounts().all()?;
        let listed: Vec<_> = accounts.values().map(|account| json_of(account)).collect();
        output.document(&json!({ "accounts": listed }))?;
        if accounts.is_empty() {
            output.say(
                "there is no account yet; add one: smtp-connector accounts add NAME --host ...",
            )?;
        }
        for account in accounts.values() {
            let server = format!("{}:{}", account.host(), account.port());
            let user = account.credentials().map_or("no login", |one| one.username.as_str());
            let security = account.security().to_string();
            output
                .say(format_args!("{:<20} {server:<40} {security:<18} {user}", account.name()))?;
        }
        Ok(Exit::Done)
    }
}
