//! The result of an action. The host replaces what a component reports about sending with what it saw itself.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::verdict::of_error;
use crate::error::{Error, Result};
use crate::policy::{DeliveryState, Seen};
use smtp_connector_smtp::Issue;
use smtp_connector_smtp::Receipt;
use smtp_connector_smtp::failure::Refusal;

/// Corrects the result of an action.
///
/// For a message that was sent, the host writes `status`, `envelope`, `accepted`, `rejected`, `rejectedErrors`,
/// `response`, `responseCode`, `enhancedCode`, `queueId` and `messageSize` from the receipt. For a message that was not
/// sent, the component can only describe the message.
///
/// # Errors
///
/// Returns an error if the result is not valid, or if it does not match whether a message was sent.
pub(crate) fn of_result(json: &str, delivery: &DeliveryState) -> Result<String> {
    let broken = |message: &str| {
        let error = Error::component(format!("the component's result is not valid: {message}"));
        of_error(error.with_hint("report this to the component's developer"), delivery)
    };
    let told = Told::read(json).map_err(|_| broken("it is not a JSON object that can be read"))?;
    let status = told.text("status").unwrap_or_default();
    let seen = delivery.seen();
    let own = match (status.as_ref(), &seen.receipt) {
        ("sent" | "partial", Some(receipt)) => of_sent(&told, receipt, &seen, delivery.bytes()),
        ("dry-run", None) if !delivery.may_have_been_sent() => of_unsent(),
        ("sent" | "partial", None) => {
            return Err(broken("it reports a sent message, but no message was sent"));
        }
        ("dry-run", _) => {
            return Err(broken("it reports a dry run, but a message was or may have been sent"));
        }
        _ => return Err(broken("its status is not sent, partial or dry-run")),
    };
    Ok(told.with(&own))
}

/// The members of the result that a component returned.
struct Told<'t> {
    members: Vec<(Cow<'t, str>, &'t RawValue)>,
}

/// The most members of a result. The contract defines half as many.
const MOST: usize = 32;

impl<'t> Told<'t> {
    fn read(json: &'t str) -> serde_json::Result<Self> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Told<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a result")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Told<'de>, A::Error> {
                let mut members: Vec<(Cow<'de, str>, _)> = Vec::new();
                while let Some(name) = map.next_key()? {
                    if members.len() == MOST || members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("it has too many members, or a repeated one"));
                    }
                    members.push((name, map.next_value()?));
                }
                Ok(Told { members })
            }
        }
        let mut from = serde_json::Deserializer::from_str(json);
        let told = from.deserialize_map(Members)?;
        from.end()?;
        Ok(told)
    }

    fn member(&self, wanted: &str) -> Option<&'t RawValue> {
        self.members.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
    }

    fn text(&self, wanted: &str) -> Option<Cow<'t, str>> {
        serde_json::from_str(self.member(wanted)?.get()).ok()
    }

    /// Returns the result as JSON, with these members in place of the component's. `null` removes a member.
    fn with(&self, own: &Map<String, Value>) -> String {
        let mut json = String::from("{");
        let mut put = |name: &str, value: fmt::Arguments<'_>| {
            let lead = if json.len() > 1 { "," } else { "" };
            // A `Value` displays as JSON, so this quotes the name.
            json.push_str(&format!("{lead}{}:{value}", Value::from(name)));
        };
        for (name, value) in &self.members {
            match own.get(name.as_ref()) {
                Some(Value::Null) => {}
                Some(value) => put(name, format_args!("{value}")),
                None => put(name, format_args!("{value}")),
            }
        }
        for (name, value) in own {
            if !value.is_null() && self.member(name).is_none() {
                put(name, format_args!("{value}"));
            }
        }
        json.push('}');
        json
    }
}

fn of_sent(told: &Told<'_>, receipt: &Receipt, seen: &Seen, bytes: u64) -> Map<String, Value> {
    let rejected: Vec<_> = receipt.refused.iter().map(|refusal| &refusal.recipient).collect();
    let fields = fields(told, receipt);
    let errors = receipt.refused.iter().map(|refusal| rejected_error(refusal, &fields));
    let (from, to) = seen.envelope.as_ref().map_or(("", &[][..]), |(from, to)| (from.as_str(), to));
    let mut own = object([
        ("status", json!(if receipt.refused.is_empty() { "sent" } else { "partial" })),
        ("envelope", json!({ "from": from, "to": to })),
        ("accepted", json!(receipt.accepted)),
        ("rejected", json!(rejected)),
        ("rejectedErrors", errors.collect()),
        ("response", json!(receipt.reply.text)),
        ("responseCode", json!(receipt.reply.code)),
        ("enhancedCode", json!(receipt.reply.enhanced)),
        ("queueId", json!(receipt.queue_id)),
        ("messageSize", json!(bytes)),
    ]);
    if !seen.warnings.is_empty() {
        own.insert("warnings".to_owned(), warnings(told, &seen.warnings));
    }
    own
}

/// Returns the component's warnings, followed by the transport's.
fn warnings(told: &Told<'_>, seen: &[Issue]) -> Value {
    let told = told.member("warnings").map(RawValue::get).filter(|told| told.len() <= LARGEST);
    let told = told.and_then(|told| serde_json::from_str::<Vec<Value>>(told).ok());
    let own = seen
        .iter()
        .map(|one| json!({ "path": one.path, "code": one.code, "message": one.message }));
    told.unwrap_or_default().into_iter().chain(own).collect()
}

/// The largest member of a component's result that is read. It has room for a hundred refusals, each with 2000 octets
/// of a server's reply.
const LARGEST: usize = 256 << 10;

/// Returns the members that override the result of a dry run, because no server was involved.
fn of_unsent() -> Map<String, Value> {
    object([
        ("accepted", json!([])),
        ("rejected", json!([])),
        ("rejectedErrors", json!([])),
        ("response", Value::Null),
        ("responseCode", Value::Null),
        ("enhancedCode", Value::Null),
        ("queueId", Value::Null),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn rejected_error(refusal: &Refusal, fields: &[(String, String)]) -> Value {
    let field = fields.iter().find(|(recipient, _)| recipient == refusal.recipient.as_str());
    let mut json = json!({
        "recipient": refusal.recipient,
        "field": field.map(|(_, field)| field),
        "responseCode": refusal.reply.code,
        "enhancedCode": refusal.reply.enhanced,
        "response": refusal.reply.text,
        "retry": refusal.retry,
    });
    if refusal.reply.enhanced.is_none() {
        json.as_object_mut().map(|members| members.remove("enhancedCode"));
    }
    json
}

/// Returns each refused recipient with the input field that named it. Only the component knows the field.
fn fields(told: &Told<'_>, receipt: &Receipt) -> Vec<(String, String)> {
    #[derive(serde::Deserialize)]
    struct Named {
        recipient: String,
        field: Option<String>,
    }
    let told = told.member("rejectedErrors").filter(|_| !receipt.refused.is_empty());
    let told = told.map(RawValue::get).filter(|told| told.len() <= LARGEST);
    let told = told.and_then(|told| serde_json::from_str::<Vec<Named>>(told).ok());
    let named = told.unwrap_or_default().into_iter();
    let named = named.filter_map(|named| Some((named.recipient, named.field?)));
    named.filter(|(_, field)| matches!(field.as_str(), "to" | "cc" | "bcc")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smtp_connector_smtp::failure::{Delivered, Retry};
    use smtp_connector_smtp::{ForwardPath, Reply, ReplyCode};

    fn sent() -> DeliveryState {
        let reply = |code, text| Reply::new(ReplyCode::new(code).expect("a reply code"), text);
        let path = |text: &str| text.parse::<ForwardPath>().expect("an address");
        let refusal = Refusal::new(path("c@x.test"), reply(550, "no"), Retry::Never);
        let delivery = DeliveryState::default();
        delivery.note_for_tests(
            ("a@x.test", &["b@x.test", "c@x.test"]),
            7,
            Receipt::new(reply(250, "Ok"), vec![path("b@x.test")]).refused(vec![refusal]),
        );
        delivery
    }

    #[test]
    fn what_was_sent_is_what_the_host_saw() {
        let told = r#"{"status": "sent", "messageId": "<1@x.test>", "accepted": ["everybody@x.test"],
            "rejectedErrors": [{"recipient": "c@x.test", "field": "cc", "response": "fine"}],
            "queueId": "FAKE", "responseCode": 299, "messageSize": 1, "more": {"a": [1]}}"#;
        let json = of_result(told, &sent()).expect("it is a result");
        let result: Value = serde_json::from_str(&json).expect("it is JSON");
        let expected = json!({
            "status": "partial",
            "messageId": "<1@x.test>",
            "envelope": { "from": "a@x.test", "to": ["b@x.test", "c@x.test"] },
            "accepted": ["b@x.test"],
            "rejected": ["c@x.test"],
            "rejectedErrors": [{
                "recipient": "c@x.test", "field": "cc", "responseCode": 550, "response": "no",
                "retry": "never",
            }],
            "response": "Ok",
            "responseCode": 250,
            "messageSize": 7,
            "more": { "a": [1] },
        });
        assert_eq!(result, expected);
    }

    #[test]
    fn a_dry_run_reports_no_server_fields() {
        let told = r#"{"status": "dry-run", "accepted": ["b@x.test"], "response": "Ok", "messageSize": 5}"#;
        let json = of_result(told, &DeliveryState::default()).expect("it is a result");
        let result: Value = serde_json::from_str(&json).expect("it is JSON");
        let expected = json!({
            "status": "dry-run", "accepted": [], "rejected": [], "rejectedErrors": [], "messageSize": 5,
        });
        assert_eq!(result, expected);
    }

    #[test]
    fn an_invalid_result_is_an_error() {
        let nothing = DeliveryState::default();
        for told in [
            r#"{"status": "sent"}"#,
            r#"{"status": "fine"}"#,
            "{}",
            "sent",
            "",
            r#"{"status": "dry-run", "status": "dry-run"}"#,
            r#"{"status": "dry-run"} {}"#,
        ] {
            assert!(of_result(told, &nothing).is_err(), "{told}");
        }
        let members: Vec<_> = (0..40).map(|number| format!("\"{number}\": 1")).collect();
        assert!(of_result(&format!("{{{}}}", members.join(",")), &nothing).is_err());
        assert!(of_result(r#"{"status": "dry-run"}"#, &sent()).is_err());
        let unknown = DeliveryState::default();
        unknown.end();
        let error = of_result(r#"{"status": "dry-run"}"#, &unknown).expect_err("it may be sent");
        assert_eq!((error.retry(), error.delivered()), (Retry::Never, Delivered::Unknown));
    }
}
