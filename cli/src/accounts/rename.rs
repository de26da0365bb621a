//! `accounts rename`: renames an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;

/// Rename an account
#[derive(Args, Debug)]
pub(crate) struct Rename {
    /// Current name
    name: String,

    /// New name
    new_name: String,
}

impl Rename {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let before = accounts.get(&self.name).ok();
        let entry = before.map_or(Ok(None), |account| accounts.keyring_entry_of(&account))?;
        accounts.rename(&self.name, &self.new_name).map_err(|error| context.explain(error))?;
        context.uses().rename(&self.name, &self.new_name);
        context.output.document(&json!({ "renamed": self.name, "name": self.new_name }))?;
        context
            .output
            .say(format_args!("renamed the account {:?} to {:?}", self.name, self.new_name))?;
        if entry.is_some() {
            context.output.say("  its keyring entry is renamed too")?;
        }
        Ok(Exit::Done)
    }
}
