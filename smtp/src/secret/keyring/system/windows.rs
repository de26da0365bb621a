//! The Credential Manager of Windows.

use std::sync::Arc;

use keyring_core::error::PlatformError;
use keyring_core::{CredentialStore, Error};
use windows_native_keyring_store::Store;

use super::super::KeyringState;
use super::super::trouble::Trouble;

pub(super) const HAS_LABELS: bool = false;

pub(super) fn store() -> Result<Arc<CredentialStore>, Trouble> {
    Ok(Store::new()?)
}

/// Every user has a store, which is unlocked by logging in.
pub(in super::super) fn is_available() -> Result<bool, Trouble> {
    Ok(true)
}

/// Looks for an entry.
pub(in super::super) fn state(name: &str) -> Result<KeyringState, Trouble> {
    match super::entry(name)?.get_credential() {
        Ok(_) => Ok(KeyringState::Found),
        Err(Error::NoEntry) => Ok(KeyringState::Missing),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn unlock() -> Result<bool, Trouble> {
    Ok(false)
}

/// Explains an error of the store.
pub(super) fn trouble(cause: PlatformError) -> Trouble {
    Trouble::Other(cause)
}
