//! `accounts remove`: removes an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::question;
use super::super::stop::Outcome;
use smtp_connector_host::accounts::Account;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::AuthSecret;

/// Remove an account and its stored password
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// Name of the account
    name: String,

    /// Remove without asking
    #[arg(long)]
    force: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let found = match accounts.all()?.remove(&self.name) {
            Some(found) => found,
            // This is the error for an account that does not exist.
            None => Ok(accounts.get(&self.name)?),
        };
        let kept: Vec<_> = match &found {
            Ok(account) => {
                let entry = accounts.keyring_entry_of(account)?;
                let entry = entry.map(|entry| format!("the keyring entry {}", entry.name()));
                kept_with(account).map(str::to_owned).into_iter().chain(entry).collect()
            }
            Err(_) => Vec::new(),
        };
        let too: String = kept.iter().map(|kept| format!(" and {kept}")).collect();
        let with = match &found {
            Ok(_) => too.clone(),
            Err(error) => format!(", whose settings have a mistake ({error})"),
        };
        let action = format!("remove the account {:?}{with}", self.name);
        question::confirm_or_force(self.force, &action)?;
        accounts.remove(&self.name)?;
        context.uses().forget(&self.name);
        context.output.document(&json!({ "removed": self.name }))?;
        context.output.say(format_args!("removed the account {:?}{too}", self.name))?;
        Ok(Exit::Done)
    }
}

/// Names the secret in the accounts file that is removed with the account.
fn kept_with(account: &Account) -> Option<&'static str> {
    match &account.credentials()?.secret {
        AuthSecret::Password(SecretSource::Text(_)) => Some("its stored password"),
        AuthSecret::Password(_) => None,
        AuthSecret::OAuth2(_) => Some("its stored OAuth 2 settings"),
    }
}
