//! `accounts default`: shows or sets the default account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;

/// Set the account to use if no --account is given, or show it
#[derive(Args, Debug)]
pub(crate) struct Default {
    /// Name of the account
    name: Option<String>,
}

impl Default {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        if let Some(name) = &self.name {
            accounts.set_default(name)?;
        }
        let name = accounts.default_name()?;
        context.output.document(&json!({ "default": name }))?;
        match name {
            Some(name) => context.output.say(format_args!("the default account is {name:?}"))?,
            None => context.output.say(
                "there is no default account; set one: smtp-connector accounts default NAME",
            )?,
        }
        Ok(Exit::Done)
    }
}
