//! Where reports of failed delivery go: the reverse-path.

use super::mailboxes;
use crate::input::findings::{Findings, Path};
use crate::input::json::Value;
use crate::input::values::address::Address;

/// Where reports of failed delivery go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnPath {
    /// To this address.
    Address(Address),
    /// Nowhere: the null sender `<>`, for mails that are reports or answers by a program (RFC 5321 section 4.5.5).
    Nowhere,
}

impl ReturnPath {
    /// Reads the field `returnPath`. None: it says nothing, or there is an issue.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Self> {
        if matches!(value, Value::String(text) if text.trim_ascii() == "<>") {
            return Some(Self::Nowhere);
        }
        let mailbox = mailboxes::read_one(value, path, findings);
        mailbox.map(|mailbox| Self::Address(mailbox.address))
    }
}
