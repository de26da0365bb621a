//! `accounts list`: lists the accounts.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::json_of;
use smtp_connector_host::Account;

/// List the accounts
///
/// An account with invalid settings is listed with its error. The other accounts still work.
#[derive(Args, Debug)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let output = context.output;
        let accounts = context.accounts().all()?;
        let listed: Vec<_> = accounts
            .iter()
            .map(|(name, account)| match account {
                Ok(account) => json_of(account),
                Err(error) => json!({ "name": name, "error": error.to_json() }),
            })
            .collect();
        output.document(&json!({ "accounts": listed }))?;
        if accounts.is_empty() {
            output.say(
                "there is no account yet; add one: smtp-connector accounts add NAME --provider ... (or --host ...)",
            )?;
        }
        for (name, account) in &accounts {
            match account {
                Ok(account) => output.say(line(account))?,
                Err(error) => {
                    output.say(format_args!("{name:<20} cannot be used: {error}"))?;
                    let hint = error.hint().unwrap_or_default();
                    output.say(format_args!("{:<20} hint: {hint}", ""))?;
                }
            }
        }
        Ok(Exit::Done)
    }
}

fn line(account: &Account) -> String {
    let server = format!("{}:{}", account.host(), account.port());
    let user = account.credentials().map_or("no login", |one| one.username.as_str());
    let security = account.security().to_string();
    format!("{:<20} {server:<40} {security:<18} {user}", account.name())
}
