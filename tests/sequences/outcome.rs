//! Compares what a caller is told with what the server saw.

use smtp_connector_host::{Delivered, Error, Retry};

use super::invariants::{Checked, Seen};
use super::reader::{Content, Transaction, is_positive, transactions};

pub(crate) fn check_outcome(outcome: &Result<String, Error>, own: &[Transaction]) -> Checked {
    let ended: Vec<_> = own
        .iter()
        .filter_map(|transaction| transaction.content.as_ref())
        .filter(|content| content.is_complete)
        .collect();
    let was_taken = ended.iter().any(|content| is_positive(content.reply));
    // A reply within a message counts as the reply to its end, if the client had sent the end by then.
    let is_unanswered = |content: &&&Content| {
        !content.was_interrupted
            && !content.reply.is_some_and(|code| matches!(code / 100, 2 | 4 | 5))
    };
    let is_open = ended.iter().any(|content| is_unanswered(&content));
    let error = match outcome {
        Ok(json) => {
            let claims = json.contains("\"sent\"") || json.contains("\"partial\"");
            return match claims == was_taken && !is_open {
                true => Ok(()),
                false => Err(format!("the result {json}, and the server took it: {was_taken}")),
            };
        }
        Err(error) => error,
    };
    let may_repeat = error.delivered() != Delivered::Unknown
        || error.retry() != Retry::Never
        || error.is_transient();
    match (was_taken || is_open) && may_repeat {
        true => Err(format!("an error that may be retried after the message's end: {error:?}")),
        false => Ok(()),
    }
}

/// Checks that the recipients in the result are those that the server accepted.
///
/// The host sets them, because a component may return anything.
pub(crate) fn check_accepted_recipients(seen: &Seen) -> Checked {
    let Some(Ok(json)) = &seen.outcome else { return Ok(()) };
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if value["status"] == "dry-run" {
        return Ok(());
    }
    let mut accepted = Vec::new();
    for record in &seen.records {
        let all = transactions(record)?;
        let taken = all.into_iter().filter(|one| {
            let reply = one.content.as_ref().filter(|content| content.is_complete);
            one.start >= record.start && is_positive(reply.and_then(|content| content.reply))
        });
        let recipients = taken.flat_map(|one| one.recipients);
        accepted.extend(recipients.filter(|one| is_positive(one.1)).map(|one| one.0));
    }
    let told: Vec<_> = value["accepted"].as_array().into_iter().flatten().collect();
    let is_told = |one: &String| told.iter().any(|told| told.as_str() == Some(one));
    match told.len() == accepted.len() && accepted.iter().all(is_told) {
        true => Ok(()),
        false => Err(format!("{accepted:?} were accepted, and the result says {json}")),
    }
}
