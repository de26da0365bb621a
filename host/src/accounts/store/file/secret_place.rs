//! The places beside the accounts file where this program stores an account's secrets: a file, or keyring entries. Each
//! is named after its account, is renamed with it, and is removed with it.

use std::path::PathBuf;

use toml_edit::{Item, Table, TableLike, value};

use super::merge::replace;
use super::{AccountsFile, entries};
use crate::accounts::Account;
use crate::error::{Error, Result};
use smtp_connector_smtp::failure::{Failure, Retry};
use smtp_connector_smtp::secret::{KeyringEntry, Secret, SecretSource, TokenFile};
use smtp_connector_smtp::settings::{AuthSecret, OAuth2, TokenSource};

/// Where [`AccountsFile::authorize`] stores a refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPlace {
    /// A file beside the accounts file, `NAME.refresh-token`, which only its owner can read.
    #[default]
    File,
    /// The entry `NAME/refresh-token` in the system's keyring. It needs the feature `keyring`.
    Keyring,
}

/// A place where this program stores a secret.
#[derive(Clone, Debug)]
pub(super) enum SecretPlace {
    File(TokenFile),
    Keyring(KeyringEntry),
}

impl SecretPlace {
    /// Returns the place as it stands in the accounts file. A path is relative, so that the folder can be moved.
    pub(super) fn source(&self) -> SecretSource {
        match self {
            Self::File(file) => {
                SecretSource::File(file.path().file_name().map(PathBuf::from).unwrap_or_default())
            }
            Self::Keyring(entry) => SecretSource::Keyring(entry.name().to_owned()),
        }
    }

    /// Returns the stored secret, if this program stored one.
    pub(super) fn read(&self) -> Result<Option<Secret>> {
        match self {
            Self::File(file) => file.token().map_err(|reason| unwritten(file, reason)),
            Self::Keyring(entry) => Ok(entry.read()?),
        }
    }

    pub(super) fn write(&self, secret: &Secret) -> Result<()> {
        match self {
            Self::File(file) => file.write(secret).map_err(|reason| unwritten(file, reason)),
            Self::Keyring(entry) => Ok(entry.write(secret)?),
        }
    }

    pub(super) fn remove(&self) -> Result<()> {
        match self {
            Self::File(file) => {
                std::fs::remove_file(file.path()).map_err(|reason| unwritten(file, reason))
            }
            Self::Keyring(entry) => Ok(entry.remove().map(drop)?),
        }
    }

    /// Puts the earlier secret back after a change that failed.
    pub(super) fn restore(&self, before: Option<&Secret>) -> Result<()> {
        match before {
            Some(before) => self.write(before),
            None => self.remove(),
        }
    }

    /// Reports whether an account logs in with the secret at this place.
    fn serves(&self, account: &Account) -> bool {
        match (self, secret_of(account)) {
            (Self::File(file), Some(SecretSource::File(path))) => path == file.path(),
            (Self::Keyring(entry), Some(SecretSource::Keyring(name))) => name == entry.name(),
            _ => false,
        }
    }
}

impl AccountsFile {
    /// Returns the place of the secret with which an account logs in, if it is named after the account.
    fn place_of(&self, account: &Account) -> Option<SecretPlace> {
        let name = account.name();
        let places = [
            SecretPlace::File(self.token_path(&account.name)),
            SecretPlace::Keyring(KeyringEntry::new(name)),
            SecretPlace::Keyring(token_entry(name)),
        ];
        places.into_iter().find(|place| place.serves(account))
    }

    /// Returns the keyring entry that is renamed and removed with an account: it is named after the account, and no other
    /// account uses it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not TOML.
    pub fn keyring_entry_of(&self, account: &Account) -> Result<Option<KeyringEntry>> {
        let Some(SecretPlace::Keyring(entry)) = self.place_of(account) else { return Ok(None) };
        let document = entries::parse(&self.path, &self.read()?)?;
        Ok((uses(&document, entry.name()) == 1).then_some(entry))
    }

    /// Returns the keyring entry for an account's password.
    ///
    /// # Errors
    ///
    /// Returns an error if the keyring cannot be used, or if it has an entry of this name that the account does not use.
    pub fn password_entry(&self, name: &str) -> Result<KeyringEntry> {
        let entry = KeyringEntry::new(name);
        self.check_entry(&entry, name)?;
        Ok(entry)
    }

    /// Refuses an entry that belongs to something else: another accounts file, or a user who wrote it.
    pub(super) fn check_entry(&self, entry: &KeyringEntry, account: &str) -> Result<()> {
        let is_own = match self.all()?.remove(account) {
            Some(Ok(account)) => SecretPlace::Keyring(entry.clone()).serves(&account),
            _ => false,
        };
        let document = entries::parse(&self.path, &self.read()?)?;
        let users = uses(&document, entry.name());
        let name = entry.name();
        if users > usize::from(is_own) {
            let message = format!("another account uses the keyring entry {name}");
            return Err(Error::account(message).with_hint("choose another name for the account"));
        }
        if !is_own && entry.read()?.is_some() {
            let message = format!(
                "the keyring entry {name} is in the way: it exists, and the account {account:?} does not use it"
            );
            let hint = format!("{}, or choose another name for the account", remove_by_hand(entry));
            return Err(Error::account(message).with_hint(hint));
        }
        Ok(())
    }

    /// Removes the stored secrets of an account that is gone, or no longer logs in with them.
    pub(super) fn forget(
        &self,
        name: &str,
        before: Option<&Account>,
        now: Option<&Account>,
    ) -> Result<()> {
        self.forget_token(name, now)?;
        let Some(SecretPlace::Keyring(entry)) = before.and_then(|before| self.place_of(before))
        else {
            return Ok(());
        };
        let document = entries::parse(&self.path, &self.read()?)?;
        if uses(&document, entry.name()) > 0 {
            return Ok(());
        }
        let done = if now.is_some() { "changed" } else { "removed" };
        entry.remove().map(drop).map_err(|failure| left(name, done, &entry, failure))
    }

    /// Copies an account's stored secret to the place of its new name. A keyring entry that another account uses too keeps
    /// its name, and so does an entry that is missing.
    pub(super) fn copy_secret(&self, account: &Account, to: &str) -> Result<Option<MovedSecret>> {
        let Some(old) = self.place_of(account) else { return Ok(None) };
        let new = match &old {
            SecretPlace::File(_) => SecretPlace::File(self.token_file(to)?),
            SecretPlace::Keyring(_) if self.keyring_entry_of(account)?.is_none() => {
                return Ok(None);
            }
            SecretPlace::Keyring(entry) => SecretPlace::Keyring(match entry.name() {
                name if name == account.name() => KeyringEntry::new(to),
                _ => token_entry(to),
            }),
        };
        let Some(secret) = old.read()? else { return Ok(None) };
        if let SecretPlace::Keyring(entry) = &new {
            self.check_entry(entry, to)?;
        }
        new.write(&secret)?;
        Ok(Some(MovedSecret { old, new }))
    }
}

/// A secret that was copied to the place of its account's new name.
pub(super) struct MovedSecret {
    old: SecretPlace,
    new: SecretPlace,
}

impl MovedSecret {
    /// Makes the account read the new place.
    pub(super) fn set_in(&self, account: &mut Item) {
        let (key, old, new) = match (self.old.source(), self.new.source()) {
            (SecretSource::Keyring(old), SecretSource::Keyring(new)) => ("keyring", old, new),
            // The path of a token's file may be written in several ways, but the account has only one token.
            (_, SecretSource::File(new)) => {
                let oauth2 = account.get_mut("oauth2").and_then(Item::as_table_like_mut);
                let source = oauth2.and_then(|oauth2| oauth2.get_mut("refreshToken"));
                let source = source.and_then(Item::as_table_like_mut);
                if let Some(file) = source.and_then(|source| source.get_mut("file")) {
                    replace(file, value(new.display().to_string()));
                }
                return;
            }
            _ => return,
        };
        if let Some(table) = account.as_table_like_mut() {
            set_everywhere(table, key, &old, &new);
        }
    }

    /// Removes the copy that is not needed: the old one, or the new one if the account was not renamed.
    pub(super) fn end(self, account: &str, renamed: Result<()>) -> Result<()> {
        let rest = if renamed.is_ok() { &self.old } else { &self.new };
        let removed = match rest {
            SecretPlace::Keyring(entry) => {
                entry.remove().map(drop).map_err(|failure| left(account, "renamed", entry, failure))
            }
            place => place.remove(),
        };
        renamed.and(removed)
    }
}

fn remove_by_hand(entry: &KeyringEntry) -> String {
    let (service, user) = (KeyringEntry::SERVICE, entry.name());
    format!("remove the entry in your password manager: service {service}, user {user}")
}

/// Returns the error for an entry that stays behind after its account was changed.
fn left(account: &str, done: &str, entry: &KeyringEntry, failure: Failure) -> Error {
    let message = format!("the account {account:?} is {done}, but {}", failure.message);
    // The same command would not find the account again.
    let failed = Failure { message, retry: Retry::AfterConfigChange, ..failure };
    Error::from(failed).with_hint(remove_by_hand(entry))
}

/// Returns the keyring entry for an account's refresh token. No account can have its name.
pub(super) fn token_entry(account: &str) -> KeyringEntry {
    KeyringEntry::new(format!("{account}/refresh-token"))
}

/// Returns the source of the secret with which an account logs in, except an access token that it was given.
fn secret_of(account: &Account) -> Option<&SecretSource> {
    match &account.credentials()?.secret {
        AuthSecret::Password(password) => Some(password),
        AuthSecret::OAuth2(OAuth2 { source: TokenSource::Endpoint(request), .. }) => {
            request.refresh_token.as_ref()
        }
        AuthSecret::OAuth2(_) => None,
    }
}

/// Counts the settings that name a keyring entry, even in accounts with a mistake.
fn uses(document: &Table, entry: &str) -> usize {
    fn count(table: &dyn TableLike, entry: &str) -> usize {
        let inner = table.iter().filter_map(|(_, item)| item.as_table_like());
        let here = table.get("keyring").and_then(Item::as_str) == Some(entry);
        usize::from(here) + inner.map(|table| count(table, entry)).sum::<usize>()
    }
    count(document, entry)
}

/// Replaces a value of a key, in a table and the tables in it.
fn set_everywhere(table: &mut dyn TableLike, key: &str, old: &str, new: &str) {
    if let Some(item) = table.get_mut(key)
        && item.as_str() == Some(old)
    {
        replace(item, value(new));
    }
    for (_, item) in table.iter_mut() {
        if let Some(inner) = item.as_table_like_mut() {
            set_everywhere(inner, key, old, new);
        }
    }
}

pub(super) fn unwritten(file: &TokenFile, reason: std::io::Error) -> Error {
    let path = file.path().display();
    Error::account(format!(
        "the refresh token's file {path} cannot be read or written: {}",
        reason.kind()
    ))
    .with_hint("check the owner and the mode of the file and of its folder, and give consent again")
    .with_source(reason)
}
