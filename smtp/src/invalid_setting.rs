//! The error for a setting that is not valid.

use std::fmt;

/// The reason why a setting is not valid, and how to fix it.
///
/// `Display` is one sentence. It never repeats a value that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    message: String,
    hint: Option<&'static str>,
}

impl InvalidSetting {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Returns advice on how to fix it.
    pub fn hint(&self) -> Option<&str> {
        self.hint
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidSetting {}
