//! The sender of an email, and the addresses that replies go to.

use super::{Field, Fields, mailboxes, text};
use crate::bindings::connectors::smtp::account::Profile;
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::Value;
use crate::input::values::address::Mailbox;
use crate::input::values::address_list;

pub fn read_from(
    fields: &mut Fields<'_>,
    profile: &Profile,
    findings: &mut Findings,
) -> Option<Mailbox> {
    let (name, value) = fields.take(Field::From);
    let path = Path::ROOT.key(&name);
    let shown = fields.read(Field::FromName, |value, path| {
        let text = text::read_text(&value, " ", path, findings)?;
        mailboxes::read_name(&Value::String(text), path, findings)
    });
    let mailbox = if !value.is_absent() {
        mailboxes::read_one(&value, &path, findings)
    } else if let Some(default) = &profile.default_sender {
        address_list::parse_one(default)
            .map_err(|reason| {
                let message =
                    format!("the account's default sender is not a valid address: {reason}");
                findings.issue(&path, Code::InvalidAddress, message);
            })
            .ok()
    } else {
        if !findings.has_issue_in(&path) {
            let message =
                "the sender is missing; give one, or set a default sender for the account";
            findings.issue(&path, Code::MissingValue, message);
        }
        None
    };
    mailbox.map(|mailbox| Mailbox { name: mailbox.name.or(shown), ..mailbox })
}

pub fn read_reply_to(
    fields: &mut Fields<'_>,
    profile: &Profile,
    findings: &mut Findings,
) -> Vec<Mailbox> {
    fields.read(Field::ReplyTo, |value, path| match &profile.default_reply_to {
        Some(default) if value.is_absent() => {
            mailboxes::read_list(&Value::String(default.as_str().into()), path, findings)
        }
        _ => mailboxes::read_list(&value, path, findings),
    })
}
