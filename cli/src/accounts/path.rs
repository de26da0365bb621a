//! `accounts path`: prints the path of the accounts file.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;

/// Print the path of the accounts file
#[derive(Args, Debug)]
pub(crate) struct Path {}

impl Path {
    pub(crate) fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let path = accounts.path().display();
        context.output.document(&json!({ "path": path.to_string() }))?;
        context.output.say(path)?;
        Ok(Exit::Done)
    }
}
