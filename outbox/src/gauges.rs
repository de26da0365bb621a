//! What the crate `metrics` records about an outbox.

use std::collections::BTreeMap;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::error::Result;
use crate::event::EventKind;
use crate::outbox::Outbox;
use crate::run::RunState;
use crate::timestamp::Timestamp;
use crate::webhook::WebhookState;

const RUNS: &str = "smtp_connector_outbox_runs";
const OLDEST_DUE: &str = "smtp_connector_outbox_oldest_due_seconds";
const PAUSED: &str = "smtp_connector_outbox_paused_accounts";
const WEBHOOK_BEHIND: &str = "smtp_connector_outbox_webhook_events_behind";
const WEBHOOK_FAILURES: &str = "smtp_connector_outbox_webhook_failures";
const ATTEMPTS: &str = "smtp_connector_outbox_attempts_total";

/// The events that an attempt can have.
const OF_ATTEMPTS: [EventKind; 4] =
    [EventKind::Sent, EventKind::Deferred, EventKind::Failed, EventKind::Unknown];

impl Outbox {
    /// Records the gauges of the outbox with the crate [`metrics`]. Call it before your program renders its metrics: the
    /// outbox counts its runs only when it is asked. All processes that use one outbox get the same values.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be read. Then the gauges keep their values.
    pub async fn record_gauges(&self) -> Result<()> {
        let counts = self.counts().await?;
        let paused = self.paused_accounts().await?;
        let webhooks = self.webhooks().await?;
        describe();
        for &state in RunState::ALL {
            gauge!(RUNS, "state" => state.as_str()).set(counts.of(state) as f64);
        }
        let waits = counts.oldest_due.map(|due| Timestamp::now().since(due));
        gauge!(OLDEST_DUE).set(waits.unwrap_or_default().as_secs_f64());
        gauge!(PAUSED).set(paused.len() as f64);
        record_webhooks(&webhooks);
        // A rate cannot be computed from a counter that appears with its first attempt.
        OF_ATTEMPTS.iter().for_each(|kind| attempts(*kind).increment(0));
        Ok(())
    }
}

/// Records the webhooks. Of those with the same host, the worst counts: the rest of a URL may contain a token.
fn record_webhooks(webhooks: &[WebhookState]) {
    let mut worst = BTreeMap::<&str, (u64, u32)>::new();
    for one in webhooks {
        let (behind, failures) = worst.entry(&one.webhook).or_default();
        *behind = one.events_behind.max(*behind);
        *failures = one.failures.max(*failures);
    }
    for (webhook, (behind, failures)) in worst {
        gauge!(WEBHOOK_BEHIND, "webhook" => webhook.to_owned()).set(behind as f64);
        gauge!(WEBHOOK_FAILURES, "webhook" => webhook.to_owned()).set(f64::from(failures));
    }
}

/// Counts an attempt that ended.
pub(crate) fn count_attempt(event: EventKind) {
    attempts(event).increment(1);
}

fn attempts(event: EventKind) -> metrics::Counter {
    counter!(ATTEMPTS, "event" => event.as_str())
}

fn describe() {
    describe_gauge!(RUNS, Unit::Count, "The mails in the outbox, by state.");
    describe_gauge!(
        OLDEST_DUE,
        Unit::Seconds,
        "How long the oldest mail that is due has waited. Mails of paused accounts count."
    );
    describe_gauge!(
        PAUSED,
        Unit::Count,
        "The accounts whose mails wait, because each of them would fail."
    );
    describe_gauge!(
        WEBHOOK_BEHIND,
        Unit::Count,
        "The events that a webhook has not accepted. Of the webhooks of one host, the largest number."
    );
    describe_gauge!(
        WEBHOOK_FAILURES,
        Unit::Count,
        "The posts in a row that a webhook did not accept. Of the webhooks of one host, the largest number."
    );
    describe_counter!(
        ATTEMPTS,
        Unit::Count,
        "The attempts of this worker that have ended, by the event that they made."
    );
}
