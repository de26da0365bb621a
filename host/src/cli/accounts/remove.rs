//! `accounts remove`: takes an account away.

use clap::Args;
use serde_json::json;

use super::super::Outcome;
use super::super::context::Context;
use super::super::exit::Exit;

/// Take an account away.
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The account
    name: String,
}

impl Remove {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        context.accounts().remove(&self.name)?;
        context.output.document(&json!({ "removed": self.name }))?;
        context.output.say(format_args!("the account {:?} is gone", self.name))?;
        Ok(Exit::Done)
    }
}
