//! The return path: the address for bounces.

use super::mailboxes;
use crate::input::findings::{Findings, Path};
use crate::input::json::Value;
use crate::input::values::address::Address;

/// The address for bounces, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnPath {
    /// Bounces go to this address.
    Address(Address),
    /// No bounces. The null sender `<>` is for emails that are reports or automatic replies (RFC 5321 section 4.5.5).
    Nowhere,
}

impl ReturnPath {
    /// Reads the field `returnPath`. Returns `None` if it is empty or there is an issue.
    pub fn read(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Option<Self> {
        if matches!(value, Value::String(text) if text.trim_ascii() == "<>") {
            return Some(Self::Nowhere);
        }
        let mailbox = mailboxes::read_one(value, path, findings);
        mailbox.map(|mailbox| Self::Address(mailbox.address))
    }
}
