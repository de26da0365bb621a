//! `accounts edit`: changes the settings of an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::{Outcome, Stop};
use super::json_of;
use super::settings::Settings;
use smtp_connector_host::Issue;
use smtp_connector_host::accounts::{Account, AccountBuilder};

/// Change the settings of an account
///
/// Settings without an option stay as they are, and so do the comments in the file. A change of the provider replaces
/// the host, the port and the encryption.
#[derive(Args, Debug)]
pub(crate) struct Edit {
    /// Name of the account
    name: String,

    #[command(flatten)]
    settings: Settings,

    /// Remove the login
    #[arg(long, conflicts_with_all = ["username", "password_prompt", "password_stdin", "password_env", "password_file"])]
    no_login: bool,
}

impl Edit {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let proxy = context.proxy_to_save()?;
        if self.settings.is_empty() && !self.no_login && proxy.is_none() {
            let path = accounts.path().display();
            return Err(Stop::UsageWithHint(
                "there is nothing to change; give at least one option".to_owned(),
                format!(
                    "smtp-connector accounts edit --help lists the options; {path} has all settings"
                ),
            ));
        }
        let before = accounts.get(&self.name)?;
        let mut builder = self.builder(&before)?;
        if let Some(proxy) = proxy {
            builder = builder.proxy(proxy);
        }
        let account = builder.build()?;
        accounts.put(&account)?;
        let warnings = account.warnings();
        let listed: Vec<_> = warnings.iter().map(Issue::to_json).collect();
        context.output.document(&json!({ "account": json_of(&account), "warnings": listed }))?;
        context.output.say(format_args!("changed the account {:?}", self.name))?;
        context.output.warn_of(&warnings);
        Ok(Exit::Done)
    }

    fn builder(&self, before: &Account) -> Result<AccountBuilder, Stop> {
        let mut builder = before.to_builder();
        if let Some(preset) = self.settings.preset()? {
            builder = builder.settings_of(preset);
        }
        builder = self.settings.apply(builder);
        if self.no_login {
            return Ok(builder.without_login());
        }
        let before = before.credentials();
        let username = self.settings.username.as_ref().or(before.map(|one| &one.username));
        let Some(username) = username else {
            return match self.settings.password.is_given() {
                true => Err(Stop::Usage("a password needs a user: add --username NAME".to_owned())),
                false => Ok(builder),
            };
        };
        // A user who had no password yet is asked for one.
        match self.settings.password.is_given() || before.is_none() {
            true => Ok(builder.credentials(username, self.settings.password.source()?)),
            false => Ok(builder.username(username)),
        }
    }
}
