//! The keychain of macOS: the user's login keychain.

use std::sync::Arc;

use apple_native_keyring_store::keychain::Store;
use keyring_core::error::PlatformError;
use keyring_core::{CredentialStore, Error};
use security_framework::base::Error as KeychainError;

use super::super::KeyringState;
use super::super::trouble::Trouble;

pub(super) const HAS_LABELS: bool = false;

pub(super) fn store() -> Result<Arc<CredentialStore>, Trouble> {
    Ok(Store::new()?)
}

/// Every user has a login keychain.
pub(in super::super) fn is_available() -> Result<bool, Trouble> {
    Ok(true)
}

/// Looks for an entry. macOS may ask the user if another program made the entry.
pub(in super::super) fn state(name: &str) -> Result<KeyringState, Trouble> {
    match super::entry(name)?.get_credential() {
        Ok(_) => Ok(KeyringState::Found),
        Err(Error::NoEntry) => Ok(KeyringState::Missing),
        Err(error) => match Trouble::from(error) {
            Trouble::Locked => Ok(KeyringState::Locked),
            trouble => Err(trouble),
        },
    }
}

/// The keychain asks the user by itself.
pub(super) fn unlock() -> Result<bool, Trouble> {
    Ok(false)
}

/// Explains an error of the store.
pub(super) fn trouble(cause: PlatformError) -> Trouble {
    /// The user cancelled the question (userCanceledErr), or typed a wrong password (errSecAuthFailed), or there is no
    /// desktop to ask on (errSecInteractionNotAllowed).
    const LOCKED: [i32; 3] = [-128, -25_293, -25_308];
    match cause.downcast_ref::<KeychainError>() {
        Some(error) if LOCKED.contains(&error.code()) => Trouble::Locked,
        _ => Trouble::Other(cause),
    }
}
