//! `describe`: prints the manifest.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::context::Context;
use super::exit::Exit;
use super::send::unreadable;
use super::stop::Outcome;
use smtp_connector_host::accounts::AccountsInMemory;

/// Print the manifest, from which a platform builds its forms
#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// Print only this schema
    #[arg(long, value_name = "WHICH")]
    schema: Option<Schema>,
}

/// The schemas in the manifest.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Schema {
    /// Input of the action
    Input,
    /// Result of the action
    Output,
    /// Settings of an account
    Account,
}

impl Describe {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let host = context.host(AccountsInMemory::default())?;
        let connector = context.connector(&host)?;
        let manifest = connector.describe().await.map_err(|error| context.explain(error))?;
        let manifest: Value =
            serde_json::from_str(&manifest).map_err(|reason| unreadable(&reason))?;
        let part = match self.schema {
            None => &manifest,
            Some(Schema::Input) => &manifest["actions"][0]["input"],
            Some(Schema::Output) => &manifest["actions"][0]["output"],
            Some(Schema::Account) => &manifest["account"]["schema"],
        };
        context.output.print_json(&format!("{part:#}"))?;
        Ok(Exit::Done)
    }
}
