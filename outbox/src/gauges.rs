//! What the crate `metrics` records about an outbox.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::error::Result;
use crate::event::EventKind;
use crate::outbox::Outbox;
use crate::run::RunState;
use crate::timestamp::Timestamp;

const RUNS: &str = "smtp_connector_outbox_runs";
const OLDEST_DUE: &str = "smtp_connector_outbox_oldest_due_seconds";
const PAUSED: &str = "smtp_connector_outbox_paused_accounts";
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
        describe();
        for &state in RunState::ALL {
            gauge!(RUNS, "state" => state.as_str()).set(counts.of(state) as f64);
        }
        let waits = counts.oldest_due.map(|due| Timestamp::now().since(due));
        gauge!(OLDEST_DUE).set(waits.unwrap_or_default().as_secs_f64());
        gauge!(PAUSED).set(paused.len() as f64);
        // A rate cannot be computed from a counter that appears with its first attempt.
        OF_ATTEMPTS.iter().for_each(|kind| attempts(*kind).increment(0));
        Ok(())
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
    describe_counter!(
        ATTEMPTS,
        Unit::Count,
        "The attempts of this worker that have ended, by the event that they made."
    );
}
