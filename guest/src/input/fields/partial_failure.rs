//! What happens when the server refuses some of the recipients.

use super::text;
use crate::input::findings::{Findings, Path};
use crate::input::json::Value;

/// What happens when the server refuses some of the recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPartialFailure {
    /// The others get the mail.
    #[default]
    Send,
    /// Nobody does.
    Fail,
}

const NAMES: &[(&str, OnPartialFailure)] =
    &[("send", OnPartialFailure::Send), ("fail", OnPartialFailure::Fail)];

impl OnPartialFailure {
    /// Reads the field `onPartialFailure`. A wrong value is an issue.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Self {
        text::read_choice(value, NAMES, path, findings).unwrap_or_default()
    }
}
