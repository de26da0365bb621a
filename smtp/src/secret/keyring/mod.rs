//! Entries in the system's keyring: the Secret Service (GNOME Keyring, KWallet), the macOS keychain, or the Windows
//! Credential Manager.
//!
//! Without the feature `keyring`, the types are there, and each access is an error that names the feature.

#[cfg(feature = "keyring")]
mod system;
mod trouble;
#[cfg(feature = "keyring")]
mod worker;

use std::time::Duration;

use self::trouble::{Action, Trouble};
use super::Secret;
use crate::failure::Failure;

/// An entry in the system's keyring, of the service `smtp-connector`. Its name is the entry's user.
///
/// A keyring that is locked asks the user to unlock it, in a window of the desktop. Each method but
/// [`state`](Self::state) and [`is_available`](Self::is_available) waits for the answer: it blocks its thread for up to
/// 60 seconds. [`SecretSource::Keyring`](super::SecretSource::Keyring) reads an entry without blocking.
///
/// ```no_run
/// use smtp_connector_smtp::Secret;
/// use smtp_connector_smtp::secret::KeyringEntry;
///
/// let entry = KeyringEntry::new("work");
/// entry.write(&Secret::new("hunter2"))?;
/// assert_eq!(entry.read()?, Some(Secret::new("hunter2")));
/// assert!(entry.remove()?);
/// # Ok::<(), smtp_connector_smtp::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringEntry {
    name: String,
}

/// The state of a keyring entry, as far as the keyring tells it without asking the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringState {
    /// The entry can be read.
    Found,
    /// The keyring is locked. The entry may be in it.
    Locked,
    /// There is no such entry, or more than one.
    Missing,
    /// The keyring does not answer, or there is none.
    Unavailable,
}

/// The longest wait for a keyring that may ask the user to unlock it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest wait for a keyring that does not ask the user. D-Bus may start it first.
const PROBE: Duration = Duration::from_secs(5);

impl KeyringEntry {
    /// The service of every entry. Other programs find an entry by its service and its user.
    pub const SERVICE: &str = "smtp-connector";

    /// Names an entry. It does not need to exist yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reports whether this system has a keyring that can store a new entry. The user is not asked.
    pub fn is_available() -> bool {
        blocking(PROBE, system::is_available).unwrap_or(false)
    }

    /// Returns what the keyring has under this name. The user is not asked.
    pub fn state(&self) -> KeyringState {
        let name = self.name.clone();
        blocking(PROBE, move || system::state(&name)).unwrap_or(KeyringState::Unavailable)
    }

    /// Returns the secret, or `None` if there is no such entry.
    ///
    /// # Errors
    ///
    /// Returns an error if the keyring is locked or cannot be used, or if the entry is not one line of text.
    pub fn read(&self) -> Result<Option<Secret>, Failure> {
        let name = self.name.clone();
        match blocking(PATIENCE, move || system::read(&name)) {
            Ok(text) => match Secret::first_line_of(&text) {
                Some(secret) => Ok(Some(secret)),
                None => Err(Trouble::Empty.failure(Action::Read, "secret", &self.name)),
            },
            Err(Trouble::Missing) => Ok(None),
            Err(trouble) => Err(trouble.failure(Action::Read, "secret", &self.name)),
        }
    }

    /// Stores a secret. It replaces the entry of this name.
    ///
    /// # Errors
    ///
    /// Returns an error if the keyring is locked or cannot be used. The entry is unchanged then.
    pub fn write(&self, secret: &Secret) -> Result<(), Failure> {
        let (name, secret) = (self.name.clone(), secret.clone());
        blocking(PATIENCE, move || system::write(&name, &secret))
            .map_err(|trouble| trouble.failure(Action::Write, "secret", &self.name))
    }

    /// Removes the entry. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns an error if the keyring is locked or cannot be used. The entry is unchanged then.
    pub fn remove(&self) -> Result<bool, Failure> {
        let name = self.name.clone();
        match blocking(PATIENCE, move || system::remove(&name)) {
            Ok(()) => Ok(true),
            Err(Trouble::Missing) => Ok(false),
            Err(trouble) => Err(trouble.failure(Action::Remove, "secret", &self.name)),
        }
    }

    /// Replaces the old secret with the new one, if the entry has the old one. Returns whether it did.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`read`](Self::read) and [`write`](Self::write).
    pub fn rotate(&self, old: &Secret, new: &Secret) -> Result<bool, Failure> {
        let is_old = self.read()?.is_some_and(|found| found == *old);
        if is_old {
            self.write(new)?;
        }
        Ok(is_old)
    }

    /// Returns the text of the entry. `what` names the secret in errors.
    pub(super) async fn resolve(&self, what: &str) -> Result<zeroize::Zeroizing<String>, Failure> {
        let name = self.name.clone();
        waiting(PATIENCE, move || system::read(&name))
            .await
            .map_err(|trouble| trouble.failure(Action::Read, what, &self.name))
    }
}

#[cfg(feature = "keyring")]
use self::worker::{blocking, waiting};

#[cfg(not(feature = "keyring"))]
use self::without::{blocking, system, waiting};

/// The keyring of a program that is built without one.
#[cfg(not(feature = "keyring"))]
mod without {
    use std::time::Duration;

    use super::trouble::Trouble;

    pub(super) fn blocking<T>(
        _: Duration,
        work: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        work()
    }

    pub(super) async fn waiting<T>(
        _: Duration,
        work: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        work()
    }

    pub(super) mod system {
        use super::super::KeyringState;
        use super::Trouble;
        use crate::secret::Secret;

        pub(in super::super) fn is_available() -> Result<bool, Trouble> {
            Err(Trouble::NotBuilt)
        }

        pub(in super::super) fn state(_: &str) -> Result<KeyringState, Trouble> {
            Err(Trouble::NotBuilt)
        }

        pub(in super::super) fn read(_: &str) -> Result<zeroize::Zeroizing<String>, Trouble> {
            Err(Trouble::NotBuilt)
        }

        pub(in super::super) fn write(_: &str, _: &Secret) -> Result<(), Trouble> {
            Err(Trouble::NotBuilt)
        }

        pub(in super::super) fn remove(_: &str) -> Result<(), Trouble> {
            Err(Trouble::NotBuilt)
        }
    }
}
