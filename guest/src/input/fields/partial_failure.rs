//! The field `onPartialFailure`.

use super::text;
use crate::input::findings::{Findings, Path};
use crate::input::json::Value;

/// The action to take when the server refuses some of the recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPartialFailure {
    /// Send the email to the other recipients.
    #[default]
    Send,
    /// Do not send the email.
    Fail,
}

const NAMES: &[(&str, OnPartialFailure)] =
    &[("send", OnPartialFailure::Send), ("fail", OnPartialFailure::Fail)];

impl OnPartialFailure {
    /// Reads the field `onPartialFailure`. An invalid value is an issue.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Self {
        text::read_choice(value, NAMES, path, findings).unwrap_or_default()
    }
}
