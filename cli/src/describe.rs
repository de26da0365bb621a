//! `describe`: prints the manifest.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::context::Context;
use super::exit::Exit;
use super::send::unreadable;
use super::stop::Outcome;
use smtp_connector_host::accounts::{AccountForm, AccountsInMemory};

/// Print the manifest, from which a platform builds its forms
#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// Print only this part
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
    /// Form of an account: its settings in groups, its secrets, and the values of each provider
    AccountForm,
}

impl Describe {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let host = context.host(AccountsInMemory::default())?;
        let connector = context.connector(&host)?;
        let manifest = connector.describe().await.map_err(|error| context.explain(error))?;
        let form;
        let whole: Value = serde_json::from_str(&manifest).map_err(|reason| unreadable(&reason))?;
        let part = match self.schema {
            None => &whole,
            Some(Schema::Input) => &whole["actions"][0]["input"],
            Some(Schema::Output) => &whole["actions"][0]["output"],
            Some(Schema::Account) => &whole["account"]["schema"],
            Some(Schema::AccountForm) => {
                form =
                    AccountForm::of_manifest(&manifest).map_err(|error| context.explain(error))?;
                form.to_json()
            }
        };
        context.output.print_json(&format!("{part:#}"))?;
        Ok(Exit::Done)
    }
}
