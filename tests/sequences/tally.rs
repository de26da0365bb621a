//! Reports about runs: how each ended, and all details of a wrong one.

use std::collections::BTreeMap;

use smtp_connector_host::Delivered;

use super::case::Case;
use super::invariants::{Seen, messages};

/// Returns how a run ended and what became of its messages, for the tally.
pub(crate) fn ends(case: &Case, seen: &Seen) -> Vec<String> {
    let mut ends = vec![end(case, seen)];
    ends.extend(messages(seen).into_iter().map(|what| format!("    a message {what}")));
    ends
}

fn end(case: &Case, seen: &Seen) -> String {
    let error = match &seen.outcome {
        None => return "dropped".to_owned(),
        Some(Ok(_)) if case.validates => return "validated".to_owned(),
        Some(Ok(_)) if case.is_dry => return "dry run".to_owned(),
        Some(Ok(json)) if json.contains("dry-run") => return "nothing sent".to_owned(),
        Some(Ok(_)) => return "sent".to_owned(),
        Some(Err(error)) => error,
    };
    let message = error.to_string();
    if error.delivered() == Delivered::Unknown {
        return format!("{} after the message's end", error.code().as_str());
    }
    match message.split_once("was stopped: it ") {
        Some((_, why)) if why.ends_with("not an address") => "stopped: not an address".to_owned(),
        Some((_, why)) if why.ends_with("announced") => "stopped: not as announced".to_owned(),
        Some((_, why)) => format!("stopped: {why}"),
        None if message.contains("crashed") => "trapped".to_owned(),
        None => error.code().as_str().to_owned(),
    }
}

/// The number of runs by outcome.
pub(crate) type Tally = BTreeMap<String, u64>;

pub(crate) fn report(number: usize, wrong: &str, case: &Case, seen: &Seen) -> String {
    format!("sequence {number}: {wrong}\n{case:#?}\n{}", shown(seen))
}

pub(crate) fn shown(seen: &Seen) -> String {
    let mut text = format!("outcome: {:?}\n", seen.outcome);
    for record in &seen.records {
        let input = &record.input[..record.input.len().min(4000)];
        let input = String::from_utf8_lossy(input).replace('\n', "\n    ");
        text.push_str(&format!(
            "connection, from byte {}:\n    {input}\n{:?}\n",
            record.start, record.replies
        ));
    }
    text
}
