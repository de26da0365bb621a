//! Results that the outbox writes itself: of runs that expired, and of runs whose worker died.

use serde_json::{Value, json};
use smtp_connector_host::{Delivered, FailureCode, Phase, Retry};

/// Returns the result of a run that expired, from the result of its last attempt.
pub(super) fn expired(last: Option<&Value>) -> Value {
    let last = last.and_then(|last| last.get("error"));
    let text = |key: &str| last.and_then(|last| last.get(key)?.as_str());
    let mut error =
        last.cloned().unwrap_or_else(|| error(FailureCode::Timeout, Phase::Connect, Delivered::No));
    error["message"] = match text("message") {
        Some(reason) => json!(format!("the mail expired; the last attempt failed: {reason}")),
        None => json!("the mail expired before an attempt could be made"),
    };
    let hint =
        text("hint").unwrap_or("check that a worker runs, and that the account is not paused");
    error["hint"] = json!(hint);
    error["retry"] = json!(Retry::Never);
    json!({ "error": error })
}

/// Returns the result of a run whose worker died after the mark.
pub(super) fn died_sending(run_id: &str) -> Value {
    let mut error = error(FailureCode::Cancelled, Phase::FinalReply, Delivered::Unknown);
    error["message"] = json!(
        "the worker died while it sent the end of the message, so it is unknown whether it was delivered"
    );
    error["hint"] = json!(format!(
        "look for the run's id {run_id} in the Message-IDs of the server's log; then retry or cancel the run"
    ));
    json!({ "error": error })
}

/// Returns the result of a run that its workers died with.
pub(super) fn died_often(times: u32) -> Value {
    let mut error = error(FailureCode::Internal, Phase::Build, Delivered::No);
    error["message"] =
        json!(format!("the worker died {times} times with this mail, which was not delivered"));
    error["hint"] = json!("check the worker's log; then retry the run");
    json!({ "error": error })
}

fn error(code: FailureCode, phase: Phase, delivered: Delivered) -> Value {
    json!({
        "code": code, "phase": phase, "retry": Retry::Never, "delivered": delivered,
        "issues": [], "rejectedErrors": [],
    })
}
