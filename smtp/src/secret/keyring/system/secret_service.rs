//! The Secret Service of Linux and BSD desktops, over D-Bus.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::CredentialStore;
use keyring_core::error::PlatformError;
use secret_service::blocking::SecretService;
use secret_service::{EncryptionType, Error};
use zbus_secret_service_keyring_store::Store;

use super::super::trouble::Trouble;
use super::super::{KeyringEntry, KeyringState};

/// Entries have labels, which password managers list.
pub(super) const HAS_LABELS: bool = true;

/// Connects to the service. Each access has its own connection: the session may have changed since the last one.
pub(super) fn store() -> Result<Arc<CredentialStore>, Trouble> {
    Ok(Store::new()?)
}

/// Reports whether the service has a place for new entries.
pub(in super::super) fn is_available() -> Result<bool, Trouble> {
    match connect()?.get_default_collection() {
        Ok(_) => Ok(true),
        Err(Error::NoResult) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Looks for an entry without unlocking it.
pub(in super::super) fn state(name: &str) -> Result<KeyringState, Trouble> {
    let service = connect()?;
    let attributes = HashMap::from([("service", KeyringEntry::SERVICE), ("username", name)]);
    let found = service.search_items(attributes)?;
    Ok(match (found.unlocked.len(), found.locked.len()) {
        (1, 0) => KeyringState::Found,
        (0, 1..) => KeyringState::Locked,
        // KWallet lists no entries while it is locked.
        (0, 0) if is_locked(&service)? => KeyringState::Locked,
        _ => KeyringState::Missing,
    })
}

/// Asks the user to unlock the default collection. Returns whether it was locked.
pub(super) fn unlock() -> Result<bool, Trouble> {
    let service = connect()?;
    let is_locked = is_locked(&service)?;
    if is_locked {
        service.get_default_collection()?.unlock()?;
    }
    Ok(is_locked)
}

fn is_locked(service: &SecretService<'_>) -> Result<bool, Trouble> {
    match service.get_default_collection() {
        Ok(collection) => Ok(collection.is_locked()?),
        Err(Error::NoResult) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Connects for questions whose answers are not secret, so nothing is encrypted.
fn connect() -> Result<SecretService<'static>, Trouble> {
    Ok(SecretService::connect(EncryptionType::Plain)?)
}

/// Explains an error of the store.
pub(super) fn trouble(cause: PlatformError) -> Trouble {
    match cause.downcast::<Error>() {
        Ok(error) => (*error).into(),
        Err(cause) => Trouble::Other(cause),
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Locked | Error::Prompt | Error::PromptDisconnected => Self::Locked,
            Error::NoResult => Self::NoCollection,
            Error::Unavailable => Self::NoSession(None),
            Error::Zbus(
                zbus::Error::Connection(..)
                | zbus::Error::Handshake(_)
                | zbus::Error::InputOutput(_),
            ) => Self::NoSession(Some(Box::new(error))),
            Error::Zbus(zbus::Error::MethodError(ref name, ..)) => match name.as_str() {
                "org.freedesktop.Secret.Error.IsLocked" => Self::Locked,
                // Another program removed it in the meantime.
                "org.freedesktop.Secret.Error.NoSuchObject" => Self::Missing,
                // No program has the service's name, and D-Bus could not start one.
                "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner"
                | "org.freedesktop.DBus.Error.TimedOut" => Self::NoService(Some(Box::new(error))),
                name if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => {
                    Self::NoService(Some(Box::new(error)))
                }
                _ => Self::Other(Box::new(error)),
            },
            error => Self::Other(Box::new(error)),
        }
    }
}
