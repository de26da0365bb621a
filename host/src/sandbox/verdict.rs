//! What the end of a run means. The host believes what it saw, and not what a component says.

use std::time::Duration;

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use super::run::LimitReached;
use crate::error::Error;
use crate::imports::Stopped;
use crate::policy::Progress;
pub(super) use crate::sandbox::result::of_result;
use smtp_connector_smtp::failure::{Delivered, Failure, FailureCode, Phase, Refusal, Retry};
use smtp_connector_smtp::waited::Waited;

/// What a trap means. `log` is what the component printed before it.
pub(super) fn of_trap(trap: wasmtime::Error, log: &[u8]) -> Error {
    if let Some(Stopped(failure)) = trap.downcast_ref::<Stopped>() {
        return failure.clone().into();
    }
    let what = match (trap.downcast_ref::<LimitReached>(), trap.downcast_ref::<Trap>()) {
        (Some(limit), _) => Some(limit.to_string()),
        (_, Some(Trap::StackOverflow)) => {
            Some("the component took more than it may of the stack".to_owned())
        }
        _ if matches!(trap.downcast_ref(), Some(ResourceTableError::Full)) => {
            Some(LimitReached("open handles").to_string())
        }
        _ => too_much_passed_out(&trap),
    };
    if let Some(message) = what {
        let failure = Failure::new(FailureCode::Limit, Phase::Build, message)
            .hint("send less at once: fewer or smaller attachments, a simpler template");
        return Error::from(failure).with_source(trap);
    }
    let message = match panic_message(log) {
        Some(message) => format!("the component broke down: {message}"),
        None => format!("the component broke down: {}", trap.root_cause()),
    };
    let failure = Failure::new(FailureCode::Internal, Phase::Build, message)
        .hint("this is a bug: report it with the input that caused it");
    Error::from(failure).with_source(trap)
}

/// What it means that a run's time is over, while it waited for something outside the sandbox or not.
pub(super) fn of_time(allowed: Duration, waits_for: Option<&str>) -> Error {
    let Some(what) = waits_for else { return of_trap(LimitReached("time").into(), &[]) };
    let message = format!(
        "the run was stopped while it waited for {what}: it had taken {}, as long as a run may (Limits::wall_clock)",
        Waited(allowed)
    );
    Failure::new(FailureCode::Limit, Phase::Build, message)
        .hint("try again later; an account's timeouts.total should be shorter than a run's time")
        .later()
        .into()
}

/// wasmtime has no type for this: it comes as text from the calls' own budget.
fn too_much_passed_out(trap: &wasmtime::Error) -> Option<String> {
    let spent = format!("{trap:#}").contains("fuel allocated for hostcalls has been exhausted");
    spent.then(|| {
        "the component passed more bytes out of the sandbox at once than it may".to_owned()
    })
}

/// The line in which a Rust program says what it panicked about.
fn panic_message(log: &[u8]) -> Option<String> {
    /// So much of it is told.
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(log);
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
    let place = lines.next()?;
    let message = lines.next().unwrap_or(place);
    Some(message.chars().filter(|c| !c.is_control()).take(SHOWN).collect())
}

/// An error, corrected by what the host saw: a component that fails after the message's end was sent
/// cannot say that nobody has it.
pub(super) fn of_error(error: Error, progress: &Progress) -> Error {
    if !progress.may_have_been_sent() || error.delivered() == Delivered::Unknown {
        return error;
    }
    let what = match progress.was_sent() {
        true => "the message was sent, and then",
        false => "nobody can tell whether the message was sent:",
    };
    let failure = Failure {
        delivered: Delivered::Unknown,
        retry: Retry::Never,
        message_id: error.message_id().map(str::to_owned).or_else(|| progress.seen().message_id),
        ..Failure::new(error.code(), Phase::FinalReply, format!("{what} {error}"))
    };
    let hint = "look for the message before sending again";
    Error::from(failure.hint(hint)).with_source(error)
}

/// What it means that a run was stopped from outside.
pub(super) fn of_stop(progress: &Progress) -> Error {
    let stopped = |phase, message: &str| {
        Error::from(Failure::new(FailureCode::Cancelled, phase, message).later())
    };
    if progress.may_have_been_sent() {
        let message = "the run was stopped before the server answered";
        return of_error(stopped(Phase::FinalReply, message), progress);
    }
    let was_begun = progress.seen().envelope.is_some();
    match (was_begun, progress.bytes()) {
        (false, _) => {
            stopped(Phase::Build, "stopped while the message was prepared; nobody has it")
        }
        (true, 0) => {
            stopped(Phase::Connect, "stopped before the server was sent the message; nobody has it")
        }
        (true, _) => stopped(
            Phase::Body,
            "stopped while the message was sent; the server did not get its end, so nobody has it",
        ),
    }
}

/// A failure as a component tells it, corrected by what the host saw.
///
/// Where the transport failed, its failure is why: the component adds the field of each recipient, and the Message-ID.
/// Otherwise nothing was sent, no server said anything, and the same works later only if something temporary failed.
pub(super) fn of_failure(told: Failure, progress: &Progress) -> Error {
    let failure = match progress.seen().failure {
        Some(seen) => {
            let refusals = with_fields(seen.refusals, |recipient| {
                let same = told.refusals.iter().find(|one| one.recipient == recipient);
                same.and_then(|one| one.field.clone())
            });
            Failure { message_id: told.message_id, refusals, ..seen }
        }
        None => Failure {
            delivered: Delivered::No,
            reply: None,
            refusals: Vec::new(),
            retry: match told.retry {
                Retry::Later if !progress.met_something_temporary() => Retry::Never,
                retry => retry,
            },
            ..told
        },
    };
    of_error(failure.into(), progress)
}

fn with_fields(refusals: Vec<Refusal>, field: impl Fn(&str) -> Option<String>) -> Vec<Refusal> {
    let named = |refusal: Refusal| {
        let field = field(&refusal.recipient).filter(|name| FIELDS.contains(&name.as_str()));
        Refusal { field, ..refusal }
    };
    refusals.into_iter().map(named).collect()
}

/// The fields that a refused recipient may come from.
const FIELDS: &[&str] = &["to", "cc", "bcc"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let log = b"\nthread 'main' panicked at src/x.rs:3:5:\nit went wrong\nnote: run with ...\n";
        assert_eq!(panic_message(log).as_deref(), Some("it went wrong"));
        assert_eq!(panic_message(b"hello\n"), None);
    }

    #[test]
    fn a_run_that_is_stopped_says_whether_anybody_may_have_the_message() {
        let progress = Progress::default();
        let error = of_stop(&progress);
        assert_eq!((error.code(), error.phase()), (FailureCode::Cancelled, Phase::Build));
        assert_eq!((error.delivered(), error.retry()), (Delivered::No, Retry::Later));
        progress.end();
        let error = of_stop(&progress);
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
        let nothing = Progress::default();
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
