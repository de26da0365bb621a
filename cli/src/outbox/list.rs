//! `outbox list`: lists the runs.

use clap::Args;
use serde_json::json;
use smtp_connector_outbox::{Filter, Outbox, Run, RunId, RunState};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;

/// List the mails, the newest last, with the paused accounts
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only mails in this state; repeatable
    #[arg(long, value_name = "STATE")]
    state: Vec<RunState>,
    /// Only mails of this account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// At most this many, the newest
    #[arg(long, value_name = "N", default_value = "20")]
    limit: u32,
    /// Only mails that were queued before this one
    #[arg(long, value_name = "ID")]
    before: Option<String>,
}

impl List {
    pub(super) async fn run(&self, context: &Context<'_>, outbox: &Outbox) -> Outcome {
        let filter = Filter::default()
            .states(self.state.clone())
            .account(self.account.clone())
            .before(self.before.as_deref().map(RunId::from))
            .limit(self.limit);
        let mut runs = outbox.list(filter).await?;
        runs.reverse();
        let counts = outbox.counts().await?;
        let paused = outbox.paused_accounts().await?;
        let output = context.output;
        let states: serde_json::Map<_, _> = counts
            .states
            .iter()
            .map(|(state, number)| (state.to_string(), json!(number)))
            .collect();
        output.document(&json!({ "runs": runs, "counts": states, "pausedAccounts": paused }))?;
        if runs.is_empty() {
            output.say("there is no mail to list")?;
        } else {
            output.say(format_args!(
                "{:<36}  {:<9}  {:<20}  {:>8}  {:<16}  NEXT TRY",
                "ID", "STATE", "QUEUED", "ATTEMPTS", "ACCOUNT"
            ))?;
            runs.iter().try_for_each(|run| output.say(line(run)))?;
        }
        for one in &paused {
            output.say(format_args!(
                "the account {} is paused until {}: {}",
                one.account, one.until, one.reason
            ))?;
        }
        if !counts.states.is_empty() {
            let counts = counts.states.iter().map(|(state, number)| format!("{number} {state}"));
            output.note(counts.collect::<Vec<_>>().join(", "));
        }
        Ok(Exit::Done)
    }
}

fn line(run: &Run) -> String {
    let next = match run.state {
        RunState::Ready => to_the_second(&run.next_try.to_string()),
        _ => String::new(),
    };
    let queued = to_the_second(&run.created_at.to_string());
    format!(
        "{:<36}  {:<9}  {queued:<20}  {:>8}  {:<16}  {next}",
        run.id, run.state, run.attempts, run.account
    )
    .trim_end()
    .to_owned()
}

/// Cuts the milliseconds of a time: `2026-11-27T12:00:00Z`.
pub(super) fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}
