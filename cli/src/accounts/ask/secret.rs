//! Asks for the place of a secret.

use super::questions::{hidden, input, select};
use crate::stop::Stop;
use smtp_connector_smtp::secret::SecretSource;

/// The places of a secret, in the words of a question.
pub(super) const PLACES: [&str; 4] = [
    "in accounts.toml, which only you can read",
    "in an environment variable",
    "in a file",
    "in the output of a command, such as a password manager's",
];

/// Asks for the place, and for the secret itself if the place is `accounts.toml`.
pub(super) fn place_of(what: &str, before: Option<&SecretSource>) -> Result<SecretSource, Stop> {
    let keep = before.map(|source| kept(what, source));
    let choices: Vec<_> = keep.into_iter().chain(PLACES.map(str::to_owned)).collect();
    let chosen = select(&format!("Place of the {what}"), &choices, 0)?;
    match (before, chosen) {
        (Some(before), 0) => Ok(before.clone()),
        (Some(_), number) => at_place(what, number - 1),
        (None, number) => at_place(what, number),
    }
}

/// Returns the choice that keeps a secret. It never shows the secret.
pub(super) fn kept(what: &str, source: &SecretSource) -> String {
    match source {
        SecretSource::Text(_) => format!("Keep the {what} given"),
        other => format!("Keep {other}"),
    }
}

/// Asks for the secret at one of the [`PLACES`].
pub(super) fn at_place(what: &str, place: usize) -> Result<SecretSource, Stop> {
    Ok(match place {
        1 => SecretSource::Env(input("Name of the environment variable", None)?),
        2 => SecretSource::File(input("Path of the file", None)?.into()),
        3 => {
            let command = input("Command, such as pass show mail", None)?;
            SecretSource::Command(command.split_whitespace().map(str::to_owned).collect())
        }
        _ => {
            let (first, rest) = what.split_at(1);
            hidden(&format!("{}{rest}", first.to_uppercase()))?.into()
        }
    })
}
