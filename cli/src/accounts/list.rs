//! `accounts list`: lists the accounts.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use mail_parser::DateTime;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::super::text;
use super::json_of;
use smtp_connector_host::Account;
use smtp_connector_smtp::secret::{KeyringEntry, KeyringState, SecretSource};
use smtp_connector_smtp::settings::AuthSecret;

/// List the accounts
///
/// The default account has a star. The last use is the last mail that this command sent, or tried to send, with the
/// account. An account with invalid settings is listed with its error; the other accounts still work.
#[derive(Args, Debug)]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let output = context.output;
        let accounts = context.accounts().all()?;
        let default = context.accounts().default_name()?;
        let uses = context.uses();
        let is_default = |name: &str| default.as_deref() == Some(name);
        let listed: Vec<_> = accounts
            .iter()
            .map(|(name, account)| {
                let mut json = match account {
                    Ok(account) => json_of(account),
                    Err(error) => json!({ "name": name, "error": error.to_json() }),
                };
                json["default"] = is_default(name).into();
                json["lastUse"] = uses.last(name).map(rfc3339).into();
                json
            })
            .collect();
        output.document(&json!({ "accounts": listed }))?;
        if accounts.is_empty() {
            output.say("there is no account yet; add one: smtp-connector accounts add")?;
            return Ok(Exit::Done);
        }
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        for (name, account) in &accounts {
            let mark = if is_default(name) { "*" } else { "" };
            if let Ok(account) = account {
                rows.push(row(account, mark, uses.last(name)).await);
            }
        }
        for line in aligned(&rows) {
            output.say(line)?;
        }
        for (name, account) in &accounts {
            if let Err(error) = account {
                output.say(format_args!("{name} cannot be used: {error}"))?;
                output.say(format_args!("  hint: {}", error.hint().unwrap_or_default()))?;
            }
        }
        Ok(Exit::Done)
    }
}

const HEADINGS: [&str; 6] = ["NAME", "SERVER", "SECURITY", "LOGIN", "SECRET", "LAST USE"];

async fn row(account: &Account, mark: &str, last_use: Option<SystemTime>) -> [String; 6] {
    let (login, secret) = match account.credentials() {
        None => ("none".to_owned(), String::new()),
        Some(one) => (one.username.clone(), state(&one.secret).await),
    };
    [
        format!("{}{mark}", account.name()),
        format!("{}:{}", account.host(), account.port()),
        account.security().to_string(),
        login,
        secret,
        last_use.map_or_else(|| "never".to_owned(), text::ago),
    ]
}

fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    DateTime::from_timestamp(i64::try_from(seconds).unwrap_or(0)).to_rfc3339()
}

/// Describes where a secret is kept, and whether it can be read. Commands are not run for it, and a keyring is not
/// unlocked.
async fn state(secret: &AuthSecret) -> String {
    match secret {
        AuthSecret::OAuth2(oauth2) => format!("OAuth 2, {}", oauth2.grant()),
        AuthSecret::Password(SecretSource::Text(_)) => "stored".to_owned(),
        AuthSecret::Password(source @ SecretSource::Command(_)) => source.to_string(),
        AuthSecret::Password(source @ SecretSource::Keyring(name)) => {
            match KeyringEntry::new(name).state() {
                KeyringState::Found => source.to_string(),
                KeyringState::Missing => format!("missing: {source}"),
                KeyringState::Locked => format!("locked: {source}"),
                _ => format!("no keyring: {source}"),
            }
        }
        AuthSecret::Password(source) => match source.resolve("password").await {
            Ok(_) => source.to_string(),
            Err(_) => format!("missing: {source}"),
        },
    }
}

/// Pads the columns of a table.
fn aligned(rows: &[[String; 6]]) -> impl Iterator<Item = String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..HEADINGS.len()).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter().map(move |row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
        cells.collect::<String>().trim_end().to_owned()
    })
}
