//! The keyring of this system, through keyring-core.

#[cfg_attr(target_os = "macos", path = "system/macos.rs")]
#[cfg_attr(windows, path = "system/windows.rs")]
#[cfg_attr(
    any(target_os = "linux", target_os = "freebsd", target_os = "openbsd"),
    path = "system/secret_service.rs"
)]
#[cfg_attr(
    not(any(
        target_os = "macos",
        windows,
        target_os = "linux",
        target_os = "freebsd",
        target_os = "openbsd"
    )),
    path = "system/none.rs"
)]
mod platform;

use std::collections::HashMap;

use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

pub(super) use self::platform::{is_available, state};
use super::KeyringEntry;
use super::trouble::Trouble;
use crate::secret::Secret;

/// Returns the text of an entry.
pub(super) fn read(name: &str) -> Result<Zeroizing<String>, Trouble> {
    unlocking(&entry(name)?, platform::unlock, text_of)
}

/// Replaces an entry, or adds it.
pub(super) fn write(name: &str, secret: &Secret) -> Result<(), Trouble> {
    Ok(entry(name)?.set_password(secret.expose())?)
}

/// Removes an entry.
pub(super) fn remove(name: &str) -> Result<(), Trouble> {
    unlocking(&entry(name)?, platform::unlock, Entry::delete_credential)
}

fn text_of(entry: &Entry) -> keyring_core::Result<Zeroizing<String>> {
    entry.get_password().map(Zeroizing::new)
}

/// Does something with an entry. Some keyrings show their entries only once they are unlocked, so an entry that seems to be
/// missing is looked for again after `unlock`, which returns whether the keyring was locked.
fn unlocking<T>(
    entry: &Entry,
    unlock: impl FnOnce() -> Result<bool, Trouble>,
    act: impl Fn(&Entry) -> keyring_core::Result<T>,
) -> Result<T, Trouble> {
    match act(entry) {
        Err(Error::NoEntry) if unlock()? => Ok(act(entry)?),
        acted => Ok(acted?),
    }
}

fn entry(name: &str) -> Result<Entry, Trouble> {
    let label = platform::HAS_LABELS.then(|| format!("{}: {name}", KeyringEntry::SERVICE));
    let label = label.as_deref().map(|label| HashMap::from([("label", label)]));
    Ok(platform::store()?.build(KeyringEntry::SERVICE, name, label.as_ref())?)
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Ambiguous(entries) => Self::Ambiguous(entries.len()),
            Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
                drop(Zeroizing::new(bytes));
                Self::Encoding
            }
            Error::NoEntry => Self::Missing,
            Error::NoStorageAccess(cause) | Error::PlatformFailure(cause) => {
                platform::trouble(cause)
            }
            Error::TooLong(_, limit) => Self::TooLong(limit),
            other => Self::Other(Box::new(other)),
        }
    }
}

#[cfg(test)]
mod tests;
