//! Changes of single runs.

use clap::Args;
use serde_json::json;
use smtp_connector_outbox::RunId;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::{Outcome, Stop};

/// The runs to change.
#[derive(Args, Debug)]
pub(crate) struct Runs {
    /// Ids of the mails
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

impl Runs {
    /// Changes each run. An id that cannot be changed does not stop the others.
    pub(super) async fn change(
        &self,
        context: &Context<'_>,
        done: &str,
        change: impl AsyncFn(&RunId) -> smtp_connector_outbox::Result<()>,
    ) -> Outcome {
        let mut changed = Vec::new();
        let mut failed = None;
        for id in self.ids.iter().map(|id| RunId::from(id.as_str())) {
            match change(&id).await {
                Ok(()) => {
                    context.output.say(format_args!("{done} {id}"))?;
                    changed.push(id);
                }
                Err(error) => {
                    if let Some(earlier) = failed.replace(error) {
                        context.output.warn(earlier);
                    }
                }
            }
        }
        match failed {
            Some(error) => Err(Stop::Outbox(error)),
            None => {
                context.output.document(&json!({ done: changed }))?;
                Ok(Exit::Done)
            }
        }
    }
}
