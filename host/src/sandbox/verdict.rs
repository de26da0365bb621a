//! What the end of a run means. The host believes what it saw, and not what a component says.

use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use super::run::LimitReached;
use crate::error::{Error, Result};
use crate::failure::{Delivered, Failure, FailureCode, Phase, Retry};
use crate::imports::Stopped;
use crate::transport::Progress;

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
        message_id: error.message_id().map(str::to_owned),
        ..Failure::new(error.code(), Phase::FinalReply, format!("{what} {error}"))
    };
    let hint = "look for the message before sending again";
    Error::from(failure.hint(hint)).with_source(error)
}

/// Whether a result may be believed: it is JSON, and says of sending what is true.
pub(super) fn check_result(json: &str, progress: &Progress) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Result<'r> {
        #[serde(borrow)]
        status: std::borrow::Cow<'r, str>,
    }
    let broken = |message: &str| {
        let error =
            Error::component(format!("the component's result cannot be believed: {message}"));
        of_error(error.with_hint("report this to whoever made the component"), progress)
    };
    let result: Result<'_> = serde_json::from_str(json).map_err(|_| broken("it is no result"))?;
    match (result.status.as_ref(), progress.was_sent()) {
        ("sent" | "partial", true) | ("dry-run", false) => Ok(()),
        ("sent" | "partial", false) => Err(broken("nothing was sent")),
        ("dry-run", true) => Err(broken("a message was sent")),
        _ => Err(broken("its status is none")),
    }
}

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
    fn a_result_is_held_against_what_happened() {
        let nothing = Progress::default();
        assert!(check_result(r#"{"status": "dry-run"}"#, &nothing).is_ok());
        for json in [r#"{"status": "sent"}"#, r#"{"status": "fine"}"#, "{}", "sent", ""] {
            assert!(check_result(json, &nothing).is_err(), "{json}");
        }
    }
}
