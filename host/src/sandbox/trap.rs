//! What a trap means, and the end of a run's time.

use std::time::Duration;

use smtp_connector_smtp::failure::{Failure, FailureCode, Phase};
use smtp_connector_smtp::waited::Waited;
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use crate::error::Error;
use crate::imports::Stopped;
use crate::services::LimitReached;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let log = b"\nthread 'main' panicked at src/x.rs:3:5:\nit went wrong\nnote: run with ...\n";
        assert_eq!(panic_message(log).as_deref(), Some("it went wrong"));
        assert_eq!(panic_message(b"hello\n"), None);
    }
}
