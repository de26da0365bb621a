//! `accounts show`: shows an account's settings.

use clap::Args;
use serde_json::{Value, json};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::json_of;

/// Show the settings of an account, without its password
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Name of the account
    name: String,
}

impl Show {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let account = context.accounts().get(&self.name)?;
        let json = json_of(&account);
        context.output.document(&json!({ "account": json }))?;
        for key in [
            "name",
            "provider",
            "host",
            "port",
            "security",
            "username",
            "passwordFrom",
            "oauth2",
            "auth",
            "proxy",
            "from",
            "replyTo",
            "ehloName",
            "pipelining",
        ] {
            let text = match &json[key] {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            context.output.say(format_args!("{key:<14}{text}"))?;
        }
        Ok(Exit::Done)
    }
}
