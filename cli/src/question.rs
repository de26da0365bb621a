//! Questions to the person at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::printable;
use super::stop::Stop;

/// Whether there is a person to ask: somebody who sees the question and can answer it.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no. Anything but yes is no.
pub(crate) fn confirm(question: &str) -> Result<bool, Stop> {
    let mut answer = String::new();
    // In one write, so that what is typed ahead is not shown within it.
    let question = format!("{} [y/N] ", printable::line(question));
    let asked = io::stderr()
        .lock()
        .write_all(question.as_bytes())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    asked.map_err(|reason| Stop::Usage(format!("the question cannot be asked: {reason}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks before something is lost that cannot be had back, unless `--force` was given. `action` is what is done then:
/// "overwrite report.pdf".
pub(crate) fn confirm_or_force(is_forced: bool, action: &str) -> Result<(), Stop> {
    if is_forced {
        return Ok(());
    }
    if !can_ask() {
        let message = format!("there is no terminal to ask whether to {action}; --force does it");
        return Err(Stop::Usage(message));
    }
    let mut question = action.to_owned();
    if let Some(first) = question.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match confirm(&format!("{question}?"))? {
        true => Ok(()),
        false => Err(Stop::Usage("nothing was changed".to_owned())),
    }
}
