//! A system without a known keyring.

use std::sync::Arc;

use keyring_core::CredentialStore;
use keyring_core::error::PlatformError;

use super::super::KeyringState;
use super::super::trouble::Trouble;

pub(super) const HAS_LABELS: bool = false;

pub(super) fn store() -> Result<Arc<CredentialStore>, Trouble> {
    Err(Trouble::NoService(None))
}

pub(in super::super) fn is_available() -> Result<bool, Trouble> {
    Ok(false)
}

pub(in super::super) fn state(_: &str) -> Result<KeyringState, Trouble> {
    Err(Trouble::NoService(None))
}

pub(super) fn unlock() -> Result<bool, Trouble> {
    Ok(false)
}

pub(super) fn trouble(cause: PlatformError) -> Trouble {
    Trouble::Other(cause)
}
