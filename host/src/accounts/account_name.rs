//! The name of an account.

use crate::error::{Error, Result};

/// The name of an account: `[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for AccountName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b" ._-".contains(&byte);
        let starts = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if starts && text.len() <= 64 && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::account(format!(
            "{text:?} is not a valid account name: use up to 64 letters, digits, spaces, dots, underscores \
             and hyphens, and start with a letter or a digit"
        )))
    }
}
