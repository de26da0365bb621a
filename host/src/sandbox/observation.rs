//! The observability of a run: a span for `tracing`, counters and histograms for `metrics`.
//!
//! They never contain an address or a text of the mail. Of the account, they contain only the name.

use std::sync::Arc;
use std::time::Instant;

use tracing::Instrument as _;
use tracing::field::Empty;

use crate::error::Result;
use crate::policy::DeliveryState;
use crate::services::Invocation;

/// Records a call of a component: `describe`, `validate` or `invoke`. The crate documentation lists the measurements
/// and their names.
pub(super) async fn observed<T>(
    call: &'static str,
    invocation: &Invocation,
    delivery: Arc<DeliveryState>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let account = invocation.account_name().unwrap_or_default();
    let span = tracing::info_span!(
        "run", call, action = %invocation.action, account, phase = Empty, outcome = Empty, bytes = Empty,
    );
    let started = Instant::now();
    let outcome = work.instrument(span.clone()).await;
    let told = match &outcome {
        Ok(_) => "ok",
        Err(error) => {
            span.record("phase", error.phase().as_str());
            error.code().as_str()
        }
    };
    let bytes = delivery.bytes();
    span.record("outcome", told).record("bytes", bytes);
    let took = started.elapsed();
    span.in_scope(|| tracing::debug!(milliseconds = took.as_secs_f64() * 1000.0, "over"));
    metrics::counter!("smtp_connector_runs_total", "call" => call, "outcome" => told).increment(1);
    metrics::histogram!("smtp_connector_run_seconds", "call" => call).record(took);
    if delivery.was_sent() {
        metrics::histogram!("smtp_connector_message_bytes").record(bytes as f64);
    }
    outcome
}
