//! Stores an account's secrets in the system's keyring.

use super::super::context::Context;
use super::super::stop::Stop;
use smtp_connector_host::Account;
use smtp_connector_host::accounts::TokenPlace;
use smtp_connector_smtp::secret::SecretSource;
use smtp_connector_smtp::settings::{AuthSecret, OAuth2, TokenSource};

/// Returns the place for a new refresh token: the keyring, if it has the account's secret already.
pub(super) fn place_of_token(account: &Account) -> TokenPlace {
    let is_there = match account.credentials().map(|one| &one.secret) {
        Some(AuthSecret::Password(source)) => matches!(source, SecretSource::Keyring(_)),
        Some(AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request), .. })) => {
            matches!(request.refresh_token, Some(SecretSource::Keyring(_)))
        }
        _ => false,
    };
    match is_there {
        true => TokenPlace::Keyring,
        false => TokenPlace::File,
    }
}

/// Moves the password of an account to the keyring, and writes the account, which names the entry then. If the account
/// cannot be written, the keyring is as before.
pub(super) fn save(
    context: &Context<'_>,
    account: &Account,
    write: impl FnOnce(&Account) -> smtp_connector_host::Result<()>,
) -> Result<Account, Stop> {
    let failed = |failure: smtp_connector_smtp::Failure| context.explain(failure.into());
    let credentials = account.credentials();
    let Some((username, AuthSecret::Password(SecretSource::Text(password)))) =
        credentials.map(|one| (&one.username, &one.secret))
    else {
        write(account)?;
        return Ok(account.clone());
    };
    let entry = context
        .accounts()
        .password_entry(account.name())
        .map_err(|error| context.explain(error))?;
    let source = SecretSource::Keyring(entry.name().to_owned());
    let account = account.to_builder().credentials(username, source).build()?;
    let before = entry.read().map_err(failed)?;
    entry.write(password).map_err(failed)?;
    if let Err(error) = write(&account) {
        let undone = match &before {
            Some(before) => entry.write(before),
            None => entry.remove().map(drop),
        };
        if let Err(failure) = undone {
            let name = entry.name();
            context.output.note(format_args!(
                "the keyring entry {name} has the new password, because it could not be undone: {failure}"
            ));
        }
        return Err(error.into());
    }
    Ok(account)
}
