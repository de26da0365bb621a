//! Components that send forbidden messages.

use serde_json::json;
use smtp_connector_host::accounts::Policy;
use smtp_connector_host::{Error, FailureCode, Invocation};
use smtp_connector_inbox::Inbox;

use super::guest::Guest;
use super::sending::{MESSAGE, sends};
use crate::support::TestEnv;

const BOB: &str = "bob@example.net";

/// An environment whose account has this policy, with this component instead of the built-in one.
async fn env(guest: &Guest, policy: Policy) -> TestEnv {
    TestEnv::with_component(&guest.encode(), Inbox::builder(), |account| account.policy(policy))
        .await
}

/// Returns the outcome of a guest that sends, for an input with a mail to Bob.
async fn outcome(guest: &Guest, policy: Policy) -> Result<(), Error> {
    let env = env(guest, policy).await;
    let outcome = env.send(&json!({ "to": BOB })).await;
    assert_eq!(env.inbox.take().is_some(), outcome.is_ok());
    outcome.map(drop)
}

async fn refused(guest: &Guest, policy: Policy, code: FailureCode, words: &str) {
    let error = outcome(guest, policy).await.expect_err("it is not sent");
    assert_eq!(error.code(), code, "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_message_that_keeps_the_rules_is_sent() {
    let guest = sends("alice@example.com", &[BOB], MESSAGE.as_bytes());
    outcome(&guest, Policy::default()).await.expect("it is sent");
}

#[tokio::test]
async fn a_recipient_that_the_input_does_not_name_gets_no_mail() {
    for recipients in [
        &[BOB, "eve@evil.test"][..],
        &["eve@evil.test"],
        &["bob@example.net.evil.test"],
        &["Bob@example.net"],
    ] {
        let guest = sends("alice@example.com", recipients, MESSAGE.as_bytes());
        refused(&guest, Policy::default(), FailureCode::Policy, "the input does not name").await;
    }
}

#[tokio::test]
async fn a_command_in_an_address_stops_the_component() {
    for recipient in ["bob@example.net>\r\nRCPT TO:<eve@evil.test", "bob@example.net> X=1", ""] {
        let guest = sends("alice@example.com", &[recipient], MESSAGE.as_bytes());
        refused(&guest, Policy::default(), FailureCode::Internal, "which is not an address").await;
    }
}

#[tokio::test]
async fn a_repeated_recipient_stops_the_component() {
    for again in [BOB, "bob@EXAMPLE.net"] {
        let guest = sends("alice@example.com", &[BOB, again], MESSAGE.as_bytes());
        refused(&guest, Policy::default(), FailureCode::Internal, "twice").await;
    }
}

#[tokio::test]
async fn a_sender_against_the_policy_is_refused_in_envelope_and_headers() {
    let policy =
        || Policy::default().allowed_senders(vec!["*@example.com".parse().expect("a rule")]);
    let from = |from: &str| MESSAGE.replace("alice@example.com", from);
    for (sender, message) in [
        ("ceo@example.org", MESSAGE.to_owned()),
        ("alice@example.com", from("ceo@example.org")),
        ("alice@example.com", from("Alice <ceo@example.org>")),
        ("alice@example.com", from("alice@example.com, ceo@example.org")),
        ("alice@example.com", from("ceo@example.org <alice@example.com>")),
        ("", from("ceo@example.org")),
        ("alice@example.com", format!("Sender: ceo@example.org\r\n{MESSAGE}")),
    ] {
        let guest = sends(sender, &[BOB], message.as_bytes());
        refused(&guest, policy(), FailureCode::Policy, "the account does not allow this sender")
            .await;
    }
    for name in
        ["\"ceo@bank.test\"", "=?utf-8?Q?ceo=40bank.test?=", "=?utf-8?B?Y2VvQGJhbmsudGVzdA==?="]
    {
        let guest =
            sends("alice@example.com", &[BOB], from(&format!("{name} <a@example.com>")).as_bytes());
        refused(
            &guest,
            policy(),
            FailureCode::Policy,
            "ceo@bank.test, but the account does not allow",
        )
        .await;
    }
    for name in ["\"The CEO\"", "=?utf-8?Q?J=C3=B6rg?=", "\"a@example.com\""] {
        let guest = sends(
            "bounces@example.com",
            &[BOB],
            from(&format!("{name} <a@example.com>")).as_bytes(),
        );
        outcome(&guest, policy()).await.expect("it is sent");
    }
}

#[tokio::test]
async fn a_message_that_breaks_a_rule_is_never_completed() {
    let long = format!("X-Long: {}\r\n{MESSAGE}", "x".repeat(2000));
    let many = format!("{}{MESSAGE}", "X-Many: 1234567890\r\n".repeat(2000));
    for (message, words) in [
        (MESSAGE.replace("Hi\r\n", "Hi\n.\nMAIL FROM:<eve@evil.test>\n"), "does not end with CRLF"),
        (MESSAGE.replace("Hi", "Hi\r"), "does not end with CRLF"),
        (MESSAGE.replace("Hi", "H\0i"), "NUL"),
        (MESSAGE.replace("Hi", "H\u{ef}"), "beyond ASCII"),
        (format!("Bcc: eve@evil.test\r\n{MESSAGE}"), "Bcc"),
        (format!("From: eve@evil.test\r\n{MESSAGE}"), "twice"),
        (format!("Resent-From: eve@evil.test\r\n{MESSAGE}"), "Resent-From"),
        (format!("Authentication-Results: mx; dmarc=pass\r\n{MESSAGE}"), "Authentication-Results"),
        (format!("ARC-Seal: i=1\r\n{MESSAGE}"), "ARC-Seal"),
        (format!("DKIM-Signature: v=1\r\n{MESSAGE}"), "DKIM-Signature"),
        (format!("Return-Path: <eve@evil.test>\r\n{MESSAGE}"), "Return-Path"),
        (format!("X-Original-To: eve@evil.test\r\n{MESSAGE}"), "X-Original-To"),
        (MESSAGE.replace("Date:", "X-Date:"), "no header date"),
        (long, "998 octets"),
        ("no header at all".to_owned(), "header block"),
    ] {
        let guest = sends("alice@example.com", &[BOB], message.as_bytes());
        refused(&guest, Policy::default(), FailureCode::Internal, words).await;
    }
    outcome(&sends("alice@example.com", &[BOB], many.as_bytes()), Policy::default())
        .await
        .expect("many headers are a header block");
}

#[tokio::test]
async fn a_second_message_in_one_run_stops_the_component() {
    let one = sends("alice@example.com", &[BOB], MESSAGE.as_bytes());
    let again = one.invoking_twice();
    let env = env(&again, Policy::default()).await;
    let error = env.send(&json!({ "to": BOB })).await.expect_err("it is stopped");
    assert!(error.to_string().contains("a second message"), "{error}");
    // The first message is sent, so a retry must not happen silently.
    assert_eq!(error.delivered(), smtp_connector_host::Delivered::Unknown);
    env.received().await;
}

#[tokio::test]
async fn a_dry_run_that_sends_is_stopped() {
    let guest = sends("alice@example.com", &[BOB], MESSAGE.as_bytes());
    let env = env(&guest, Policy::default()).await;
    let input = json!({ "to": BOB }).to_string();
    let dry = Invocation::send_mail(input).account("work").dry_run();
    let error = env.invoke(dry).await.expect_err("it is stopped");
    assert!(error.to_string().contains("in a dry run"), "{error}");
    assert!(env.inbox.take().is_none());
}
