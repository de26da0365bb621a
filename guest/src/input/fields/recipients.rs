//! The recipients of the message, each once, even if several fields name them.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::BuildHasherDefault;

use super::mailboxes::read_list;
use super::{Field, Fields};
use crate::input::findings::{Code, Findings, Path};
use crate::input::values::address::Mailbox;

/// The recipients of a message: at least one, without duplicates.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// The recipients in the To header.
    pub to: Vec<Mailbox>,
    /// The recipients in the Cc header.
    pub cc: Vec<Mailbox>,
    /// The recipients that are in no header.
    pub bcc: Vec<Mailbox>,
}

/// The mailboxes so far, each with the first field that names it.
///
/// The hash keys are fixed, which saves each run a call to its host. An attacker who chooses colliding recipients slows
/// down only their own run.
type Seen = HashMap<String, Field, BuildHasherDefault<DefaultHasher>>;

impl Recipients {
    /// Reads the fields `to`, `cc` and `bcc`, with at most `most` recipients.
    pub fn read(fields: &mut Fields<'_>, most: u32, findings: &mut Findings) -> Self {
        let mut named_wrongly = false;
        let mut is_cut = false;
        let mut seen = Seen::default();
        let mut recipients = Self::default();
        let mut first_name = None;
        for field in [Field::To, Field::Cc, Field::Bcc] {
            let (name, value) = fields.take(field);
            let path = Path::ROOT.key(&name);
            let listed = read_list(&value, &path, findings);
            let kept = keep_first(listed, field, &mut seen, &path, findings);
            named_wrongly |= findings.has_issue_in(&path);
            is_cut |= findings.has_cut_list_in(&path);
            match field {
                Field::To => recipients.to = kept,
                Field::Cc => recipients.cc = kept,
                _ => recipients.bcc = kept,
            }
            first_name.get_or_insert(name);
        }
        let name = first_name.unwrap_or_default();
        let path = Path::ROOT.key(&name);
        if !is_cut {
            recipients.check_number(most, named_wrongly, &path, findings);
        }
        recipients
    }

    /// Returns all recipients with their fields, in the order of the envelope.
    pub fn all(&self) -> impl Iterator<Item = (Field, &Mailbox)> {
        [(Field::To, &self.to), (Field::Cc, &self.cc), (Field::Bcc, &self.bcc)]
            .into_iter()
            .flat_map(|(field, list)| list.iter().map(move |mailbox| (field, mailbox)))
    }

    fn check_number(&self, most: u32, named_wrongly: bool, to: &Path<'_>, findings: &mut Findings) {
        let number = self.to.len() + self.cc.len() + self.bcc.len();
        if number == 0 && !named_wrongly {
            let message = "the recipient is missing; give at least one in to, cc or bcc";
            findings.issue(to, Code::MissingValue, message);
        }
        if u32::try_from(number).is_ok_and(|number| number <= most) {
            return;
        }
        let message = format!(
            "there are {number} recipients, and this account's limit is {most} for one message"
        );
        findings.issue(to, Code::TooMany, message);
    }
}

/// Keeps each mailbox only in the first field that names it: to before cc before bcc.
fn keep_first(
    listed: Vec<Mailbox>,
    field: Field,
    seen: &mut Seen,
    path: &Path<'_>,
    findings: &mut Findings,
) -> Vec<Mailbox> {
    let mut kept = Vec::with_capacity(listed.len());
    seen.reserve(listed.len());
    let mut dropped = 0_usize;
    let mut example = None;
    for mailbox in listed {
        match seen.entry(mailbox.address.key()) {
            Entry::Occupied(first) => {
                dropped += 1;
                example.get_or_insert((mailbox.address.to_string(), *first.get()));
            }
            Entry::Vacant(place) => {
                place.insert(field);
                kept.push(mailbox);
            }
        }
    }
    if let Some((address, first)) = example {
        let message = match dropped {
            1 => format!("{address} is given more than once; it is kept only in {}", first.name()),
            _ => format!(
                "{dropped} duplicate recipients were removed, such as {address}; each is kept once"
            ),
        };
        findings.warn(path, Code::DuplicateRecipient, message);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::json::{MOST_ELEMENTS, Value};

    fn read(json: &str, most: u32) -> (Recipients, Findings) {
        let mut findings = Findings::default();
        let members = Value::read_object(json, &mut findings).unwrap();
        let mut fields = Fields::sort(members, &mut findings);
        (Recipients::read(&mut fields, most, &mut findings), findings)
    }

    fn addresses(mailboxes: &[Mailbox]) -> Vec<String> {
        mailboxes.iter().map(|mailbox| mailbox.address.to_string()).collect()
    }

    #[test]
    fn each_mailbox_is_kept_once_to_before_cc_before_bcc() {
        let (found, findings) = read(
            r#"{"bcc": ["b@x.test", "c@x.test"], "cc": ["a@X.test", "b@x.test"], "to": ["a@x.test", "a@x.test"]}"#,
            10,
        );
        assert!(findings.is_valid());
        assert_eq!(addresses(&found.to), ["a@x.test"]);
        assert_eq!(addresses(&found.cc), ["b@x.test"]);
        assert_eq!(addresses(&found.bcc), ["c@x.test"]);
        let places: Vec<_> =
            findings.warnings.iter().map(|warning| warning.path.as_str()).collect();
        assert_eq!(places, ["to", "cc", "bcc"]);
    }

    #[test]
    fn a_list_that_is_not_read_to_its_end_is_one_issue() {
        let list = r#""a@x.test","#.repeat(MOST_ELEMENTS);
        let array = format!(r#"{{"to": [{list} "b@x.test"]}}"#);
        let text = format!(r#"{{"cc": "{} b@x.test"}}"#, "a@x.test,".repeat(MOST_ELEMENTS));
        for (json, path) in [(array, "to"), (text, "cc")] {
            let mut findings = Findings::default();
            let members = Value::read_input(&json, &mut findings).unwrap();
            Recipients::read(&mut Fields::sort(members, &mut findings), 100, &mut findings);
            let found: Vec<_> =
                findings.issues.iter().map(|issue| (issue.path.as_str(), issue.code)).collect();
            assert_eq!(found, [(path, Code::TooMany)]);
        }
    }

    #[test]
    fn no_recipient_and_too_many_recipients_are_issues() {
        assert_eq!(read(r#"{"Receiver": null, "cc": ""}"#, 10).1.issues[0].path, "Receiver");
        assert_eq!(read("{}", 10).1.issues[0].path, "to");
        assert!(read(r#"{"bcc": "a@x.test"}"#, 1).1.is_valid());
        let (_, findings) = read(r#"{"to": "a@x.test, b@x.test"}"#, 1);
        assert_eq!(findings.issues[0].code, Code::TooMany);
        // Too many values in another field are another issue.
        let mut findings = Findings::default();
        findings.issue(&Path::ROOT.key("from"), Code::TooMany, "two senders");
        let members = Value::read_object(r#"{"to": "a@x.test, b@x.test"}"#, &mut findings).unwrap();
        Recipients::read(&mut Fields::sort(members, &mut findings), 1, &mut findings);
        assert_eq!(findings.issues[1].path, "to");
        // The only issue is the invalid address. The missing recipient is not reported too.
        assert_eq!(read(r#"{"to": "bob"}"#, 1).1.issues.len(), 1);
    }
}
