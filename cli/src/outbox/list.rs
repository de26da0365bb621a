//! `outbox list`: lists the runs.

use clap::Args;
use serde_json::json;
use smtp_connector_outbox::{Filter, Outbox, Run, RunId, RunState, WebhookState};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::super::text;

/// List the mails, the newest last, with paused accounts and webhooks that fail
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
        let webhooks = outbox.webhooks().await?;
        let output = context.output;
        let states: serde_json::Map<_, _> = counts
            .states
            .iter()
            .map(|(state, number)| (state.to_string(), json!(number)))
            .collect();
        output.document(&json!({
            "runs": runs, "counts": states, "pausedAccounts": paused, "webhooks": webhooks,
        }))?;
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
        for one in webhooks.iter().filter(|one| one.failures > 0) {
            output.say(failing(one))?;
        }
        if !counts.states.is_empty() {
            let counts = counts.states.iter().map(|(state, number)| format!("{number} {state}"));
            output.note(counts.collect::<Vec<_>>().join(", "));
        }
        Ok(Exit::Done)
    }
}

/// Returns the line of a webhook that does not accept events.
fn failing(one: &WebhookState) -> String {
    let behind = usize::try_from(one.events_behind).unwrap_or(usize::MAX);
    let behind = text::count(behind, "event");
    let reason = one.reason.as_deref().unwrap_or_default();
    let next = match one.next_try {
        _ if one.is_given_up => "given up".to_owned(),
        Some(next) => format!("next try {}", to_the_second(&next.to_string())),
        None => "next try now".to_owned(),
    };
    format!("the webhook {} is {behind} behind, {next}: {reason}", one.webhook)
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
