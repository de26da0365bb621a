//! The message ids of the emails that an email answers.
//!
//! Other programs made these ids, and many ids are malformed. Sending the reply is more important than a valid id, so
//! any id that fits in a header is accepted. An id that does not fit is left out with a warning.

use std::collections::HashSet;

use super::{Field, Fields};
use crate::input::findings::{Code, Findings, Path};
use crate::input::json::{Value, embedded, warn_of_json};
use crate::input::values::message_id::{IdList, InvalidIds, MessageId};

/// The longest References header in octets, unfolded (RFC 5537 section 3.4.4). Thunderbird, Claws Mail and news servers
/// shorten longer headers in the same way.
const LONGEST: usize = 998;

/// The most characters of an id that a warning shows.
const SHOWN: usize = 80;

/// Reads the ids of the answered emails and of their thread, with the names of both fields in the input.
pub fn read(
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) -> ([Vec<MessageId>; 2], [String; 2]) {
    let mut read = |field| {
        let (name, value) = fields.take(field);
        let ids = read_ids(&value, &Path::ROOT.key(&name), findings);
        (ids, name.into_owned())
    };
    let (answered, answered_name) = read(Field::InReplyTo);
    let (references, name) = read(Field::References);
    ([answered, references], [answered_name, name])
}

/// Reads the value of `inReplyTo` or `references`: ids in one text, or an array of such texts.
pub fn read_ids(value: &Value<'_>, path: &Path<'_>, findings: &mut Findings) -> Vec<MessageId> {
    let mut ids = Vec::new();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                read_text(item, &path.index(index), &mut ids, findings);
            }
        }
        Value::String(text) => match embedded(text) {
            Some(list @ Value::Array(_)) => {
                warn_of_json(path, findings);
                return read_ids(&list, path, findings);
            }
            _ => read_text(value, path, &mut ids, findings),
        },
        other => read_text(other, path, &mut ids, findings),
    }
    ids
}

fn read_text(
    value: &Value<'_>,
    path: &Path<'_>,
    ids: &mut Vec<MessageId>,
    findings: &mut Findings,
) {
    let text = match value {
        Value::String(text) => text,
        _ if value.is_absent() => return,
        other => {
            let message = format!("a message id must be text, not {}", other.kind());
            findings.issue(path, Code::WrongType, message);
            return;
        }
    };
    match MessageId::parse_list(text) {
        Ok(IdList { ids: found, left_out }) => {
            if let Some(first) = left_out.first() {
                let first: String = first.chars().take(SHOWN).collect();
                let message = format!(
                    "{first:?} is left out because a header cannot contain this message id; \
                     mail programs may not show this email in its thread"
                );
                findings.warn(path, Code::Sanitised, message);
            }
            ids.extend(found);
        }
        Err(reason) => {
            let message = match reason {
                InvalidIds::Character(c) => format!("{c:?} is not allowed in a message id"),
                InvalidIds::NoId => "write message ids as <something@example.com>, with spaces \
                                     between them"
                    .to_owned(),
            };
            findings.issue(path, Code::InvalidMessageId, message);
        }
    }
}

/// Returns the ids for the headers In-Reply-To and References. Each id occurs once, and References ends with the
/// answered ids (RFC 5322 section 3.6.4).
pub fn thread(
    answered: Vec<MessageId>,
    given: Vec<MessageId>,
    [answered_path, path]: [&Path<'_>; 2],
    findings: &mut Findings,
) -> (Vec<MessageId>, Vec<MessageId>) {
    let answered = shorten(each_once(answered), answered_path, findings);
    let last: HashSet<&MessageId> = answered.iter().collect();
    let mut chain = each_once(given);
    chain.retain(|id| !last.contains(id));
    chain.extend_from_slice(&answered);
    let chain = shorten(chain, path, findings);
    (answered, chain)
}

fn each_once(ids: Vec<MessageId>) -> Vec<MessageId> {
    let mut seen = HashSet::with_capacity(ids.len());
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

/// Shortens a chain that is too long. It keeps the first id, which identifies the thread, and as many of the last ids
/// as fit.
fn shorten(mut chain: Vec<MessageId>, path: &Path<'_>, findings: &mut Findings) -> Vec<MessageId> {
    let length = |id: &MessageId| id.as_str().len() + 1;
    let all = chain.len();
    let mut total = "References:".len() + chain.iter().map(length).sum::<usize>();
    let mut dropped = 0;
    while total > LONGEST && all - dropped > 2 {
        dropped += 1;
        total -= length(&chain[dropped]);
    }
    if dropped > 0 {
        chain.drain(1..=dropped);
        let message = format!(
            "{all} message ids do not fit in a header; the first and the last {} are kept",
            chain.len() - 1
        );
        findings.warn(path, Code::Sanitised, message);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Vec<String>, Findings) {
        let mut findings = Findings::default();
        let value = Value::read(json, &mut findings).unwrap();
        let found = read_ids(&value, &Path::ROOT.key("references"), &mut findings);
        (found.iter().map(|id| id.as_str().to_owned()).collect(), findings)
    }

    fn chain(given: &str, answered: &str) -> (Vec<String>, Findings) {
        let mut findings = Findings::default();
        let list = |text| MessageId::parse_list(text).unwrap().ids;
        let paths = [&Path::ROOT.key("inReplyTo"), &Path::ROOT.key("references")];
        let (_, found) = thread(list(answered), list(given), paths, &mut findings);
        (found.iter().map(|id| id.as_str().to_owned()).collect(), findings)
    }

    #[test]
    fn elements_of_an_array_are_ids_or_lists_of_ids() {
        for (json, ids) in [
            (
                r#"["GLPI-1", "<a@x.test> <b@x.test>", null]"#,
                &["<GLPI-1>", "<a@x.test>", "<b@x.test>"][..],
            ),
            (r#""[\"<a@x.test>\"]""#, &["<a@x.test>"]),
            ("null", &[]),
            (r#"["", " \r\n"]"#, &[]),
        ] {
            let (found, findings) = read(json);
            assert!(findings.is_valid(), "{json}: {findings:?}");
            assert_eq!(found, ids, "{json}");
        }
        assert_eq!(read("[5]").1.issues[0].path, "references[0]");
        assert_eq!(read("{\"id\": 1}").1.issues[0].code, Code::WrongType);
    }

    #[test]
    fn an_id_that_a_header_cannot_hold_is_left_out_with_a_warning() {
        let long = format!("\"<{}@x.test> <a@x.test>\"", "l".repeat(1_000));
        for json in ["\"<größe@x.test> <a@x.test>\"", long.as_str()] {
            let (found, findings) = read(json);
            assert_eq!(found, ["<a@x.test>"]);
            assert!(findings.is_valid());
            assert_eq!(findings.warnings[0].code, Code::Sanitised);
        }
        let (found, findings) = read("\"<größe@x.test>\"");
        assert!(found.is_empty() && findings.is_valid());
    }

    #[test]
    fn references_end_with_the_mail_that_is_answered() {
        for (given, answered, ids) in [
            ("", "<b@x>", &["<b@x>"][..]),
            ("<a@x>", "", &["<a@x>"]),
            ("<a@x> <b@x>", "<c@x>", &["<a@x>", "<b@x>", "<c@x>"]),
            ("<a@x> <b@x>", "<b@x>", &["<a@x>", "<b@x>"]),
            ("<b@x> <a@x>", "<b@x>", &["<a@x>", "<b@x>"]),
            ("<a@x> <a@x> <b@x>", "<c@x> <c@x>", &["<a@x>", "<b@x>", "<c@x>"]),
        ] {
            let (found, findings) = chain(given, answered);
            assert_eq!(found, ids, "{given} {answered}");
            assert!(findings.warnings.is_empty());
        }
    }

    #[test]
    fn a_long_chain_keeps_its_first_id_and_its_last() {
        let ids: Vec<_> = (0..200).map(|n| format!("<{n:03}@mail.example.com>")).collect();
        let (found, findings) = chain(&ids.join(" "), "<answered@example.com>");
        assert_eq!(found[0], ids[0]);
        assert_eq!(found[found.len() - 2..], [ids[199].as_str(), "<answered@example.com>"]);
        assert!(found.len() > 30);
        assert!("References: ".len() + found.join(" ").len() <= LONGEST);
        assert_eq!(findings.warnings[0].code, Code::Sanitised);
        let (found, _) = chain("", &ids.join(" "));
        assert_eq!(found.last(), ids.last());
        // Two ids are always kept, even if they are too long.
        let (found, _) =
            chain(&format!("<{}>", "a".repeat(800)), &format!("<{}>", "b".repeat(800)));
        assert_eq!(found.len(), 2);
    }
}
