//! The errors for traps and for runs that are out of time.

use std::time::Duration;

use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};
use smtp_connector_smtp::waited::Waited;
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use crate::error::Error;
use crate::imports::Stopped;
use crate::services::LimitReached;

/// Converts a trap to an error. `log` is the component's output before the trap.
pub(super) fn of_trap(trap: wasmtime::Error, log: &[u8]) -> Error {
    if let Some(Stopped(failure)) = trap.downcast_ref::<Stopped>() {
        return failure.clone().into();
    }
    let what = match (trap.downcast_ref::<LimitReached>(), trap.downcast_ref::<Trap>()) {
        (Some(limit), _) => Some(limit.to_string()),
        (_, Some(Trap::StackOverflow)) => {
            Some("the component exceeded its limit of stack space".to_owned())
        }
        _ if matches!(trap.downcast_ref(), Some(ResourceTableError::Full)) => {
            Some(LimitReached("open handles").to_string())
        }
        _ => too_much_passed_out(&trap),
    };
    if let Some(message) = what {
        let failure = Failure::new(FailureCode::Limit, Phase::Build, message)
            .hint("send less at once: use fewer or smaller attachments, or a simpler template");
        return Error::from(failure).with_source(trap);
    }
    let message = match panic_message(log) {
        Some(message) => format!("the component crashed: {message}"),
        None => format!("the component crashed: {}", trap.root_cause()),
    };
    let failure = Failure::new(FailureCode::Internal, Phase::Build, message)
        .hint("this is a bug: report it with the input that caused it");
    Error::from(failure).with_source(trap)
}

/// Returns the error of a run that is out of time. `waits_for` names what the run waited for outside the sandbox.
pub(super) fn of_time(allowed: Duration, waits_for: Option<&str>) -> Error {
    let Some(what) = waits_for else { return of_trap(LimitReached("time").into(), &[]) };
    let message = format!(
        "the run was stopped while it waited for {what}: it reached its time limit of {} (Limits::wall_clock)",
        Waited(allowed)
    );
    Failure::new(FailureCode::Limit, Phase::Build, message)
        .hint("try again later; an account's timeouts.total should be shorter than the time limit of a run")
        .later()
        .into()
}

/// Returns a message if a call passed too many bytes out of the sandbox. wasmtime has no error type for this, so the
/// text is compared.
fn too_much_passed_out(trap: &wasmtime::Error) -> Option<String> {
    let spent = format!("{trap:#}").contains("fuel allocated for hostcalls has been exhausted");
    spent.then(|| "the component passed too many bytes out of the sandbox in one call".to_owned())
}

/// Returns the panic message in a Rust program's output.
fn panic_message(log: &[u8]) -> Option<String> {
    /// The most characters that are shown.
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(log);
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
    let place = lines.next()?;
    let message = lines.next().unwrap_or(place);
    Some(message.chars().filter(|c| !c.is_control()).take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_with_its_message() {
        let log = b"\nthread 'main' panicked at src/x.rs:3:5:\nit went wrong\nnote: run with ...\n";
        assert_eq!(panic_message(log).as_deref(), Some("it went wrong"));
        assert_eq!(panic_message(b"hello\n"), None);
    }
}
