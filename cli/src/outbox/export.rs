//! `outbox export`: prints all runs.

use clap::Args;
use serde_json::json;
use smtp_connector_outbox::{Filter, Outbox, RunState};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;

/// Print all mails as JSON, one on each line, the newest first
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Only mails in this state; repeatable
    #[arg(long, value_name = "STATE")]
    state: Vec<RunState>,
    /// With their inputs, which hold the mails' texts
    #[arg(long)]
    inputs: bool,
}

/// The runs that are read at once: a long read would keep SQLite's log from being cut.
const PAGE: u32 = 500;

impl Export {
    pub(super) async fn run(&self, context: &Context<'_>, outbox: &Outbox) -> Outcome {
        let mut before = None;
        loop {
            let filter = Filter::default().states(self.state.clone()).before(before).limit(PAGE);
            let page = outbox.list(filter).await?;
            let Some(last) = page.last() else { return Ok(Exit::Done) };
            before = Some(last.id.clone());
            for run in &page {
                let mut document = json!(run);
                if self.inputs
                    && let Some((input, keywords)) = outbox.input(&run.id).await?
                {
                    document["input"] = json!(input);
                    document["keywords"] = json!(keywords);
                }
                context.output.print_json(&document.to_string())?;
            }
        }
    }
}
