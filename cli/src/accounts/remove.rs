//! `accounts remove`: takes an account away.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::question;
use super::super::stop::Outcome;
use smtp_connector_host::accounts::Account;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::AuthSecret;

/// Take an account away, and the password that is stored with it.
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The account
    name: String,

    /// Do not ask
    #[arg(long)]
    force: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        // With --force, the removal itself says what is wrong.
        let kept = match accounts.get(&self.name) {
            Ok(account) => kept_with(&account),
            Err(_) if self.force => None,
            Err(error) => return Err(error.into()),
        };
        let with = kept.map_or(String::new(), |kept| format!(" with {kept}"));
        let action = format!("remove the account {:?}{with}", self.name);
        question::confirm_or_force(self.force, &action)?;
        accounts.remove(&self.name)?;
        context.output.document(&json!({ "removed": self.name }))?;
        let too = kept.map_or(String::new(), |kept| format!(", and {kept}"));
        context.output.say(format_args!("the account {:?} is gone{too}", self.name))?;
        Ok(Exit::Done)
    }
}

/// The secret that is in the file of accounts itself, and so goes with the account.
fn kept_with(account: &Account) -> Option<&'static str> {
    match &account.credentials()?.secret {
        AuthSecret::Password(SecretSource::Text(_)) => Some("the password that is stored with it"),
        AuthSecret::Password(_) => None,
        AuthSecret::OAuth2(_) => Some("the OAuth 2 settings that are stored with it"),
    }
}
