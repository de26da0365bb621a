//! The final result of a run. The host relies on what it saw, not on what the component reports.

use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};

use crate::error::Error;
use crate::policy::DeliveryState;

/// Corrects an error with what the host saw. If a component fails after the message's end was sent, it cannot report
/// that the message was not delivered.
pub(crate) fn of_error(error: Error, delivery: &DeliveryState) -> Error {
    if !delivery.may_have_been_sent() || error.delivered() == Delivered::Unknown {
        return error;
    }
    let what = match delivery.was_sent() {
        true => "the message was sent, and then",
        false => "it is unknown whether the message was sent:",
    };
    let failure = Failure {
        delivered: Delivered::Unknown,
        retry: Retry::Never,
        message_id: error.message_id().map(str::to_owned).or_else(|| delivery.seen().message_id),
        ..Failure::new(error.code(), Phase::FinalReply, format!("{what} {error}"))
    };
    let hint = "check whether the message arrived before you send it again";
    Error::from(failure.hint(hint)).with_source(error)
}

/// Returns the error of a run that was stopped from outside.
pub(crate) fn of_stop(delivery: &DeliveryState) -> Error {
    let stopped = |phase, message: &str| {
        Error::from(Failure::new(FailureCode::Cancelled, phase, message).later())
    };
    if delivery.may_have_been_sent() {
        let message = "the run was stopped before the server answered";
        return of_error(stopped(Phase::FinalReply, message), delivery);
    }
    let was_begun = delivery.seen().envelope.is_some();
    match (was_begun, delivery.bytes()) {
        (false, _) => stopped(
            Phase::Build,
            "stopped while the message was being prepared; it was not delivered",
        ),
        (true, 0) => {
            stopped(Phase::Connect, "stopped before the message was sent; it was not delivered")
        }
        (true, _) => stopped(
            Phase::Body,
            "stopped while the message was being sent; the server did not get its end, so it was not delivered",
        ),
    }
}

/// Corrects a failure that a component reports with what the host saw.
///
/// If the transport failed, its failure is the result. The component adds only the field of each recipient, and the
/// Message-ID. Otherwise no message was sent and no server replied. A retry is useful only if something temporary
/// failed.
pub(crate) fn of_failure(told: Failure, delivery: &DeliveryState) -> Error {
    let failure = match delivery.seen().failure {
        Some(seen) => {
            let refusals = with_fields(seen.refusals, |recipient| {
                let same = told.refusals.iter().find(|one| one.recipient == *recipient);
                same.and_then(|one| one.field.clone())
            });
            Failure { message_id: told.message_id, refusals, ..seen }
        }
        None => Failure {
            delivered: Delivered::No,
            reply: None,
            refusals: Vec::new(),
            retry: match told.retry {
                Retry::Later if !delivery.met_something_temporary() => Retry::Never,
                retry => retry,
            },
            ..told
        },
    };
    of_error(failure.into(), delivery)
}

fn with_fields(
    refusals: Vec<Refusal>,
    field: impl Fn(&ForwardPath) -> Option<String>,
) -> Vec<Refusal> {
    let named = |refusal: Refusal| {
        let field = field(&refusal.recipient).filter(|name| FIELDS.contains(&name.as_str()));
        refusal.field(field)
    };
    refusals.into_iter().map(named).collect()
}

/// The fields that a refused recipient may come from.
const FIELDS: &[&str] = &["to", "cc", "bcc"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_run_reports_whether_the_message_may_have_been_delivered() {
        let delivery = DeliveryState::default();
        let error = of_stop(&delivery);
        assert_eq!((error.code(), error.phase()), (FailureCode::Cancelled, Phase::Build));
        assert_eq!((error.delivered(), error.retry()), (Delivered::No, Retry::Later));
        delivery.end();
        let error = of_stop(&delivery);
        assert_eq!((error.code(), error.phase()), (FailureCode::Cancelled, Phase::FinalReply));
        assert_eq!((error.delivered(), error.retry()), (Delivered::Unknown, Retry::Never));
    }

    #[test]
    fn a_failure_says_what_the_host_saw() {
        let told = |retry| Failure {
            retry,
            delivered: Delivered::Unknown,
            message_id: Some("<1@x.test>".to_owned()),
            ..Failure::new(FailureCode::Data, Phase::Data, "told")
        };
        let nothing = DeliveryState::default();
        let error = of_failure(told(Retry::Later), &nothing);
        assert_eq!((error.retry(), error.delivered()), (Retry::Never, Delivered::No));
        assert_eq!(error.to_string(), "told");
        nothing.meet_something_temporary();
        assert_eq!(of_failure(told(Retry::Later), &nothing).retry(), Retry::Later);
        assert_eq!(
            of_failure(told(Retry::AfterConfigChange), &nothing).retry(),
            Retry::AfterConfigChange
        );
    }
}
