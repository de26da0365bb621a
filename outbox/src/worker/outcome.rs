//! What an attempt means for its run and its account.

use std::time::Duration;

use serde_json::{Value, json};
use smtp_connector_host::{
    Delivered, Error, FailureCode, ForwardPath, Outcome, Phase, Refusal, Retry,
};

use super::attempt::Attempted;
use crate::event::EventKind;
use crate::retries::RetrySchedule;
use crate::run::{RecipientState, RunRecipient, RunState};
use crate::store::{Claimed, Effect, Settlement};
use crate::timestamp::Timestamp;

/// The first pause of an account whose server cannot be reached. It doubles each time.
const NO_SERVER: Duration = Duration::from_secs(60);
/// The first pause of an account that does not log in, or whose settings are wrong. Providers block addresses from which
/// many logins fail, so this is not short. A person who mends the account resumes it.
const NO_LOGIN: Duration = Duration::from_secs(15 * 60);

/// Returns what to store about an attempt.
pub(super) fn settlement(
    claimed: &Claimed,
    attempted: Attempted,
    retries: &RetrySchedule,
    now: Timestamp,
) -> Settlement {
    let pause = retries.pause(claimed.attempt, random());
    let settled = match attempted.outcome {
        Ok(outcome) => of_outcome(claimed, &outcome),
        Err(error) => of_error(claimed, &error, &attempted.envelope),
    };
    let event = match settled.state {
        RunState::Sent => EventKind::Sent,
        RunState::Failed => EventKind::Failed,
        RunState::Unknown => EventKind::Unknown,
        _ => EventKind::Deferred,
    };
    let next_try = match settled.effect {
        // The pause of the account decides.
        Effect::Pause { .. } => now,
        _ => now.after(pause),
    };
    Settlement {
        claim: claimed.claim,
        state: settled.state,
        next_try,
        result: settled.result.to_string(),
        recipients: settled.recipients,
        event,
        effect: settled.effect,
    }
}

struct Settled {
    state: RunState,
    result: Value,
    recipients: Vec<RunRecipient>,
    effect: Effect,
}

/// The server accepted the message for some recipients.
fn of_outcome(claimed: &Claimed, outcome: &Outcome) -> Settled {
    let accepted = outcome.accepted().iter().map(accepted);
    let refused = outcome.rejected().iter().map(refused);
    let recipients = joined(&claimed.recipients, accepted.chain(refused).collect());
    let is_pending = recipients.iter().any(|one| one.state == RecipientState::Pending);
    // The host wrote it as JSON.
    let result = serde_json::from_str(outcome.as_json()).unwrap_or(Value::Null);
    Settled {
        state: if is_pending { RunState::Ready } else { RunState::Sent },
        result: whole(result, &recipients, &claimed.recipients),
        recipients,
        effect: Effect::Works,
    }
}

fn of_error(claimed: &Claimed, error: &Error, envelope: &[ForwardPath]) -> Settled {
    let result = json!({ "error": error.to_json() });
    let unchanged = claimed.recipients.clone();
    if error.delivered() == Delivered::Unknown {
        let recipients = joined(&unchanged, envelope.iter().map(pending).collect());
        return Settled { state: RunState::Unknown, result, recipients, effect: Effect::None };
    }
    let effect = effect(error);
    if matches!(effect, Effect::Pause { .. }) {
        return Settled { state: RunState::Ready, result, recipients: unchanged, effect };
    }
    let all_refused = error.refusals().len() == envelope.len() && !envelope.is_empty();
    let recipients = match all_refused {
        true => joined(&unchanged, error.refusals().iter().map(refused).collect()),
        false => unchanged,
    };
    let is_pending = recipients.iter().any(|one| one.state == RecipientState::Pending);
    let has_any = recipients.iter().any(|one| one.state == RecipientState::Accepted);
    let state = match error.retry() {
        Retry::Later => RunState::Ready,
        // Some recipients are refused for good, and others only for now.
        _ if all_refused && is_pending => RunState::Ready,
        // Others got the mail in an earlier attempt.
        _ if has_any => RunState::Sent,
        _ => RunState::Failed,
    };
    let recipients = match state {
        RunState::Sent => given_up(recipients),
        _ => recipients,
    };
    let effect = if reached_server(error) { Effect::Works } else { Effect::None };
    Settled { state, result, recipients, effect }
}

/// Returns what an error shows about the account: whether each of its runs would fail in the same way.
fn effect(error: &Error) -> Effect {
    let wait = match (error.account_wait(), error.retry()) {
        (Some(wait), _) => wait,
        (None, Retry::AfterConfigChange) if is_of_account(error) => NO_LOGIN,
        (None, Retry::Later) if is_of_server(error) => NO_SERVER,
        _ => return Effect::None,
    };
    Effect::Pause { wait, code: error.code().to_string(), reason: error.to_string() }
}

/// Reports whether the account's settings or its login are wrong, whatever the message.
fn is_of_account(error: &Error) -> bool {
    let is_opening = (Phase::Resolve..=Phase::Auth).contains(&error.phase());
    is_opening || matches!(error.code(), FailureCode::Account | FailureCode::Auth)
}

/// Reports whether the server cannot be reached, or does not take mail now.
fn is_of_server(error: &Error) -> bool {
    (Phase::Resolve..=Phase::Auth).contains(&error.phase())
        && error.code() != FailureCode::Cancelled
}

/// Reports whether the server accepted the login.
fn reached_server(error: &Error) -> bool {
    error.phase() > Phase::Auth
}

/// Adds what an attempt reached to what is known.
fn joined(known: &[RunRecipient], new: Vec<RunRecipient>) -> Vec<RunRecipient> {
    let is_new = |old: &&RunRecipient| !new.iter().any(|one| one.address == old.address);
    let mut all: Vec<_> = known.iter().filter(is_new).cloned().collect();
    all.extend(new);
    all
}

/// Returns the result of all attempts together: the recipients of earlier ones are in it too.
fn whole(mut result: Value, all: &[RunRecipient], earlier: &[RunRecipient]) -> Value {
    if earlier.is_empty() {
        return result;
    }
    let accepted: Vec<_> = all.iter().filter(|one| one.state == RecipientState::Accepted).collect();
    let rejected: Vec<_> = all.iter().filter(|one| one.state != RecipientState::Accepted).collect();
    let addresses =
        |of: &[&RunRecipient]| json!(of.iter().map(|one| &one.address).collect::<Vec<_>>());
    let every: Vec<_> = all.iter().map(|one| &one.address).collect();
    result["status"] = json!(if rejected.is_empty() { "sent" } else { "partial" });
    result["envelope"]["to"] = json!(every);
    result["accepted"] = addresses(&accepted);
    result["rejected"] = addresses(&rejected);
    result["rejectedErrors"] = rejected.iter().map(|one| rejected_error(one)).collect();
    result
}

fn rejected_error(one: &RunRecipient) -> Value {
    let retry = match one.state {
        RecipientState::Pending => Retry::Later,
        RecipientState::Accepted | RecipientState::Refused => Retry::Never,
    };
    json!({
        "recipient": one.address, "field": one.field, "responseCode": one.code, "enhancedCode": one.enhanced,
        "response": one.reply, "retry": retry,
    })
}

fn given_up(recipients: Vec<RunRecipient>) -> Vec<RunRecipient> {
    let refused = |one: RunRecipient| match one.state {
        RecipientState::Pending => RunRecipient { state: RecipientState::Refused, ..one },
        RecipientState::Accepted | RecipientState::Refused => one,
    };
    recipients.into_iter().map(refused).collect()
}

fn accepted(path: &ForwardPath) -> RunRecipient {
    RunRecipient { state: RecipientState::Accepted, ..pending(path) }
}

fn pending(path: &ForwardPath) -> RunRecipient {
    RunRecipient {
        address: path.as_str().to_owned(),
        field: None,
        state: RecipientState::Pending,
        code: None,
        enhanced: None,
        reply: None,
    }
}

fn refused(refusal: &Refusal) -> RunRecipient {
    let state = match refusal.retry {
        Retry::Later => RecipientState::Pending,
        Retry::Never | Retry::AfterConfigChange => RecipientState::Refused,
    };
    RunRecipient {
        field: refusal.field.clone(),
        state,
        code: Some(refusal.reply.code.get()),
        enhanced: refusal.reply.enhanced.map(|code| code.to_string()),
        reply: Some(refusal.reply.text.clone()),
        ..pending(&refusal.recipient)
    }
}

/// Returns a number from 0 up to 1, for the jitter. An id has more random bits than it needs.
pub(super) fn random() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
