//! Questions to the user at the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::printable;
use super::stop::Stop;

/// Reports whether a user at a terminal can see a question and answer it.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a yes-or-no question. Any answer other than yes means no.
pub(crate) fn confirm(question: &str) -> Result<bool, Stop> {
    let mut answer = String::new();
    // Use one write, so that text typed ahead does not appear inside the question.
    let question = format!("{} [y/N] ", printable::line(question));
    let asked = io::stderr()
        .lock()
        .write_all(question.as_bytes())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    asked.map_err(|reason| Stop::Usage(format!("could not ask for confirmation: {reason}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks before an action that destroys data, unless `--force` is given. `action` is the action in words, such as
/// "overwrite report.pdf".
pub(crate) fn confirm_or_force(is_forced: bool, action: &str) -> Result<(), Stop> {
    if is_forced {
        return Ok(());
    }
    if !can_ask() {
        let message =
            format!("there is no terminal to ask whether to {action}; use --force to do it");
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
