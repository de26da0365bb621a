//! The kinds of questions at the terminal.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, Input, Password, Select};

use super::super::super::output::tell;
use super::super::super::stop::Stop;
use smtp_connector_smtp::secret::Secret;

/// The answer that means none, where a question needs no answer.
pub(super) const NONE: &str = "-";

/// The look of the questions.
static THEME: LazyLock<ColorfulTheme> = LazyLock::new(ColorfulTheme::default);

/// Asks for text.
pub(super) fn input(prompt: &str, default: Option<String>) -> Result<String, Stop> {
    let mut question = Input::<String>::with_theme(&*THEME).with_prompt(prompt);
    if let Some(default) = default {
        question = question.default(default);
    }
    let answer = question.interact_text().map_err(|reason| cannot_ask(&reason))?;
    Ok(answer.trim().to_owned())
}

/// Asks for text that may be left out.
pub(super) fn optional(prompt: &str, default: Option<&str>) -> Result<Option<String>, Stop> {
    let prompt = format!("{prompt} ({NONE} for none)");
    let answer = input(&prompt, Some(default.unwrap_or(NONE).to_owned()))?;
    Ok(Some(answer).filter(|answer| answer != NONE))
}

/// Asks until the answer is valid.
pub(super) fn parsed<T>(prompt: &str, default: Option<&str>) -> Result<T, Stop>
where
    T: FromStr,
    T::Err: Display,
{
    valid(prompt, default, |text| text.parse().map_err(|reason: T::Err| reason.to_string()))
}

/// Asks until the check accepts the answer.
pub(super) fn valid<T>(
    prompt: &str,
    default: Option<&str>,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Stop> {
    loop {
        match check(&input(prompt, default.map(str::to_owned))?) {
            Ok(value) => return Ok(value),
            Err(reason) => tell(format_args!("not valid: {reason}")),
        }
    }
}

/// Asks for a secret, which the terminal does not show.
pub(super) fn hidden(prompt: &str) -> Result<Secret, Stop> {
    let answer = Password::with_theme(&*THEME).with_prompt(prompt).interact();
    answer.map(Secret::new).map_err(|reason| cannot_ask(&reason))
}

pub(super) fn confirm(prompt: &str, default: bool) -> Result<bool, Stop> {
    let question = Confirm::with_theme(&*THEME).with_prompt(prompt).default(default);
    question.interact().map_err(|reason| cannot_ask(&reason))
}

/// Asks for one of several choices. Returns its place in the list.
pub(super) fn select(
    prompt: &str,
    choices: &[impl ToString],
    default: usize,
) -> Result<usize, Stop> {
    let choices = choices.iter().map(ToString::to_string);
    let question = Select::with_theme(&*THEME).with_prompt(prompt).items(choices).default(default);
    question.interact().map_err(|reason| cannot_ask(&reason))
}

fn cannot_ask(reason: &dialoguer::Error) -> Stop {
    Stop::Usage(format!("could not ask at the terminal: {reason}; nothing was saved"))
}
