//! `accounts`: manages accounts.

mod add;
mod ask;
mod authorize;
mod browser;
mod consent;
mod default;
mod edit;
mod flow;
mod keyring;
mod list;
mod path;
mod remove;
mod rename;
mod settings;
mod show;
mod test;

pub(super) use settings::Password;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::stop::Outcome;
use smtp_connector_host::Account;
use smtp_connector_host::accounts::EhloName;
use smtp_connector_smtp::settings::AuthSecret;

/// Manage accounts
#[derive(Args, Debug)]
pub(crate) struct Accounts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Box<add::Add>),
    Authorize(Box<authorize::Authorize>),
    List(list::List),
    Show(show::Show),
    Test(test::Test),
    Edit(Box<edit::Edit>),
    Rename(rename::Rename),
    Default(default::Default),
    Remove(remove::Remove),
    Path(path::Path),
}

impl Accounts {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        match &self.command {
            Command::Add(command) => command.run(context).await,
            Command::Authorize(command) => command.run(context).await,
            Command::List(command) => command.run(context).await,
            Command::Show(command) => command.run(context),
            Command::Test(command) => command.run(context).await,
            Command::Edit(command) => command.run(context).await,
            Command::Rename(command) => command.run(context),
            Command::Default(command) => command.run(context),
            Command::Remove(command) => command.run(context),
            Command::Path(command) => command.run(context),
        }
    }
}

/// Returns an account as JSON, without its password.
fn json_of(account: &Account) -> Value {
    let credentials = account.credentials();
    let (password_from, grant) = match credentials.map(|one| &one.secret) {
        Some(AuthSecret::Password(password)) => (Some(password.to_string()), None),
        Some(AuthSecret::OAuth2(oauth2)) => (None, Some(oauth2.grant())),
        None => (None, None),
    };
    json!({
        "name": account.name(),
        "provider": account.provider().map(|preset| preset.id),
        "host": account.host().to_string(),
        "port": account.port(),
        "security": account.security().to_string(),
        "username": credentials.map(|one| one.username.as_str()),
        "passwordFrom": password_from,
        "oauth2": grant,
        "auth": account.auth().to_string(),
        "proxy": account.server().proxy().map(ToString::to_string),
        "from": account.sender(),
        "replyTo": account.reply_to(),
        "ehloName": account.server().ehlo_name().map(EhloName::as_str),
        "pipelining": account.server().pipelining(),
    })
}
